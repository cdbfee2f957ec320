"""Features of one video, or of one list, that are unlike all others as numbers."""

import json

import numpy as np
import pytest

from data_pipelines.core.feature_files import read_header
from data_pipelines.core.feature_values import ValueRange, compare_values, value_lines
from data_pipelines.core.finite import scan_file
from data_pipelines.core.value_measures import as_rows, from_rows, measure
from data_pipelines.localization.opening import open_localization
from data_pipelines.segmentation.sources import open_sources
from tests.data_pipelines import folders
from tests.data_pipelines.localization import folders as localization_folders

LISTS = {"train": [f"v{i}" for i in range(6)], "test": [f"v{i}" for i in range(6, 10)]}


def videos():
    """{video: float32 [40 + i, 5]} of ten videos whose scales differ by up to 1.5."""
    rng = np.random.default_rng(0)
    return {
        f"v{i}": (rng.standard_normal((40 + i, 5)) * rng.uniform(0.8, 1.2)).astype(np.float32)
        for i in range(10)
    }  # fmt: skip


def lines_of(features, lists=LISTS):
    return value_lines({video: measure(found) for video, found in features.items()}, lists)


def changed(video, change):
    features = videos()
    features[video] = np.float32(change(features[video]))
    return features


def broken_off(features, start=10, end=None, value=None):
    features = features.copy()
    features[start:end] = features[start] if value is None else value
    return features


def test_nothing_odd():
    assert lines_of(videos()) == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda x: x * 37, "values of v3 are 28 times as large as those of the others (root mean square): another"),
        (lambda x: x / 100, "values of v3 are 0.0084 times as large as"),
        (lambda x: x + 30, "values of v3 are 30 times as large as"),
        (lambda x: np.round(x * 2), "whole numbers only in v3, fractions in the others: were they rounded, or saved"),
        (broken_off, "frames that are all equal, in 1 video: the last 33 of 43 of v3. Did the extraction break off?"),
        (lambda x: broken_off(x, value=0), "frames that are all equal, in 1 video: the last 33 of 43 of v3"),
        (lambda x: broken_off(x, 5, 25), "frames that are all equal, in 1 video: 20 of 43 of v3 (from 5 to 24)"),
        (lambda x: broken_off(x, 0, 25), "frames that are all equal, in 1 video: 25 of 43 of v3 (the first)"),
    ],
)  # fmt: skip
def test_a_video_unlike_the_others(change, line):
    [found] = lines_of(changed("v3", change))
    assert found.startswith(line)


def test_lists_of_other_scales_are_one_line_and_odd_ones_among_them_another():
    features = {video: found * (1 if video in LISTS["train"] else np.float32(9)) for video, found in videos().items()}
    [line] = lines_of(features)
    assert line.startswith("values of the test videos are 10 times as large as those of the training videos")
    features["v7"] = features["v7"] * np.float32(50)
    _, line = lines_of(features)
    assert line.startswith("values of v7 are 54 times")
    same = {"train": list(features), "test": list(features)}
    assert not any("test videos" in line for line in lines_of(features, same))


def test_data_that_is_so_by_nature_is_quiet():
    one_hot = {}
    rng = np.random.default_rng(1)
    for video in videos():
        runs = np.repeat(rng.integers(0, 5, 30), rng.integers(1, 40, 30))
        one_hot[video] = np.eye(5, dtype=np.float32)[runs]
    assert lines_of(one_hot) == ()
    sparse = {video: np.float32(found * (1 + 5 * (i % 4))) for i, (video, found) in enumerate(videos().items())}
    assert lines_of(sparse, {"train": list(sparse)}) == ()
    # The last frames of a clip that is too short for another window are those before, repeated.
    assert lines_of(changed("v3", lambda x: broken_off(x, 39))) == ()
    assert lines_of({"v0": videos()["v0"], "v1": videos()["v1"] * 50}, {"train": ["v0"], "test": ["v1"]}) == ()


def test_new_videos_against_those_trained_with():
    trained = ValueRange.of({video: measure(found) for video, found in videos().items()})

    def compare(features):
        return compare_values({"a": measure(np.float32(features)), "b": measure(videos()["v1"])}, trained)

    x = videos()["v2"]
    assert compare(x) == compare(x * 2) == ()
    assert compare(x * 60 + 20)[0].startswith("values of a are 74 times") and len(compare(x * 60 + 20)) == 1
    assert "a" in compare(x / 50)[0] and "trained with" in compare(x / 50)[0]
    assert compare(x * 0) == ("1 video with features that are the same in every frame: a",)
    assert compare(np.round(x * 2))[0].startswith("whole numbers only in a, fractions in the features trained with")
    assert compare(broken_off(x))[0].startswith("frames that are all equal, in 1 video: the last 32 of 42 of a")
    assert ValueRange.of({"a": measure(x * 0)}) is None


@pytest.mark.parametrize("time_axis", ["first", "last"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_files_are_measured_as_arrays_are(time_axis, order, tmp_path, monkeypatch):
    features = broken_off(videos()["v9"], 20)
    np.save(tmp_path / "v.npy", np.array(features if time_axis == "first" else features.T, order=order))
    monkeypatch.setattr("data_pipelines.core.finite._CHUNK_BYTES", 4 * 7)  # a piece of a row
    _, _, found = scan_file(tmp_path / "v.npy", read_header(tmp_path / "v.npy"), time_axis)
    expected = measure(features)
    assert (found.still_start, found.still_frames, found.is_whole) == (20, 29, False)
    assert found.usual_frames == expected.usual_frames == 1
    assert found.rms == pytest.approx(expected.rms) == pytest.approx(np.sqrt(np.square(features).mean()), rel=1e-5)
    assert from_rows(json.loads(json.dumps(as_rows({"v": found})))) == {"v": found}


@pytest.mark.parametrize("reader", ["npy", "tfds"])
def test_segmentation_tells_it_at_every_start(reader, tmp_path):
    made = folders.make_videos()
    made["v1"] = (made["v1"][0] * 37, made["v1"][1])
    folders.write_folder(tmp_path / "data", made)
    for _ in range(2):
        sources = open_sources(folders.settings(tmp_path / "data", reader=reader), tmp_path / "run")
        assert any(note.startswith("values of v1 are 3") for note in sources.notes)
        assert set(sources.feature_values) == set(made)


@pytest.mark.parametrize("reader", ["files", "tfds"])
def test_localization_tells_it_at_every_start(reader, tmp_path):
    root = localization_folders.write_folder(tmp_path / "data")
    np.save(root / "features" / "a.npy", np.load(root / "features" / "a.npy") * 37)
    for _ in range(2):
        sources = open_localization(localization_folders.settings(root, reader=reader), tmp_path)
        assert any(note.startswith("values of a are 42 times") for note in sources.notes)
        assert set(sources.feature_values) == {"a", "b", "c", "d"}


def test_of_many_values_a_sample_tells_the_scale():
    features = np.random.default_rng(2).standard_normal((5000, 64)).astype(np.float32)
    assert measure(features).rms == pytest.approx(1.0, abs=0.03)
