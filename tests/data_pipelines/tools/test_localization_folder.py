"""What a folder of annotations tells: subsets, features, and where these lie in time."""

import argparse
import gzip
import json

import numpy as np
import pytest

from data_pipelines.tools import localization_folder, localization_proposal
from fact_jax.types import UserError
from tests.data_pipelines.localization import folders

DEFAULTS = {
    "annotation_file": None, "subset_file": None, "train_subsets": None, "test_subsets": None, "feature_stride": None,
    "window": None, "skip_missing": False, "feature_dir": "features", "split": None, "name": None, "fps": 0.0,
    "batch_size": None,
}  # fmt: skip


def options(**changes):
    return argparse.Namespace(**(DEFAULTS | changes))


def propose(root, **changes):
    """The fields of config.data that are proposed for a folder, and the reasons."""
    given = options(**changes)
    found = localization_proposal.propose(localization_folder.survey(root, given), "actionformer", given)
    return found.data, "\n".join(found.reasons)


def write_videos(root, *, stride=4, window=16, fps=30.0, num_videos=12, lengths=None, left=None, subset=None):
    """Videos whose features fit stride and window; `left` frames of each are behind the last feature."""
    rng = np.random.default_rng(0)
    (root / "features").mkdir(parents=True)
    entries = {}
    for number in range(num_videos):
        length = int(rng.integers(20, 200)) if lengths is None else lengths
        rest = rng.integers(stride) if left is None else left
        frames = (length - 1) * stride + window + rest if lengths is None else 500 + 100 * number
        np.save(root / "features" / f"v{number}.npy", rng.standard_normal((length, 3)).astype(np.float32))
        entries[f"v{number}"] = {
            "subset": ("training" if number % 3 else "validation") if subset is None else subset,
            "duration": round(frames / (fps or 25), 2),
            "annotations": [{"label": "jump", "label_id": 0, "segment": [1.0, 2.0]}],
        } | ({"fps": fps} if fps else {})
    (root / "annotations.json").write_text(json.dumps(entries))
    return root


@pytest.mark.parametrize(("stride", "window"), [(4, 16), (16, 32), (8, 8), (1, 16), (16, 64)])
def test_stride_and_window_are_told_by_the_durations(tmp_path, stride, window):
    data, reasons = propose(write_videos(tmp_path / "toy", stride=stride, window=window))
    assert (data["feature_stride"], data["window"], data["fps"]) == (stride, window, 0.0)
    assert f"feature_stride={stride}: " in reasons and f"window={window}: " in reasons
    assert data["max_frames"] == 576 and data["subset_file"] == "" and data["split"] == "default"


def test_features_that_are_spread_evenly(tmp_path):
    data, reasons = propose(write_videos(tmp_path / "toy", lengths=100))
    assert data["feature_stride"] == 0 and "videos of every duration have 100 features" in reasons


@pytest.mark.parametrize(
    ("made", "given", "message"),
    [
        ({"fps": 0.0}, {}, "no fps of 12 videos, such as .*: --fps 25"),
        (
            {"num_videos": 2, "subset": "training"},
            {},
            "has the subsets 'training'. Say which are for what: --train_sub",
        ),
        ({"num_videos": 2, "subset": ""}, {}, "has no subsets. Say which are for what: .*make_splits"),
        ({"num_videos": 2}, {}, "2 videos with a duration and features tell no stride; give .*--feature_stride 16"),
        ({"window": 1}, {}, r"No usual window fits: strides of 4 leave .*; give .*: --window 4, if features"),
        ({}, {"feature_stride": 8}, "No window fits: strides of 8 leave -.*: strides of 8 at the stated fps contra"),
        ({}, {"feature_stride": 2}, "No window fits: strides of 2 leave .* contradict the durations"),
        ({"window": 6, "stride": 16, "left": 11}, {"feature_stride": 16}, "Windows of 8 and 16 fit the durations"),
        ({"stride": 4}, {"window": 16, "feature_dir": "nowhere"}, "No such file or directory. Name the folder of the"),
        ({}, {"train_subsets": ["training"]}, "--train_subsets and --test_subsets go together"),
        ({}, {"split": "split2"}, "has no tables splits/subsets"),
        ({}, {"subset_file": "none.csv"}, "--subset_file is none.csv, of which .* has none"),
    ],
)
def test_what_cannot_be_told_has_to_be_given(tmp_path, made, given, message):
    with pytest.raises(UserError, match=f"(?s){message}"):
        propose(write_videos(tmp_path / "toy", **made), **given)


def change(root, of_entry):
    """Applies a function to the number and entry of every video."""
    entries = json.loads((root / "annotations.json").read_text())
    for number, entry in enumerate(entries.values()):
        of_entry(number, entry)
    (root / "annotations.json").write_text(json.dumps(entries))
    return root


def test_strides_that_are_not_whole(tmp_path):
    def longer(_, entry):
        entry["duration"] *= 1.1

    root = change(write_videos(tmp_path / "toy", stride=4), longer)
    with pytest.raises(
        UserError, match=r"every 4\.39\d* video frames .*If they are resampled, say so: --feature_stride 4.39"
    ):
        propose(root)


def test_frames_per_second_that_are_not_those_of_the_features(tmp_path):
    root = change(write_videos(tmp_path / "toy", num_videos=40), lambda _, entry: entry.update(fps=25.0))
    with pytest.raises(UserError, match=r"every 3\.33\d* video .*At 30 frames .*, not 25, .* every 4: --fps 30\."):
        propose(root)


@pytest.mark.parametrize(("factor", "unit"), [(1000, "milliseconds"), (30, "frames")])
def test_durations_that_are_no_seconds(tmp_path, factor, unit):
    def scaled(_, entry):
        entry["duration"] = round(entry["duration"] * factor)
        entry["annotations"][0]["segment"] = [factor, 2 * factor]

    root = change(write_videos(tmp_path / "toy"), scaled)
    with pytest.raises(UserError, match=f"the durations look like {unit}, expected seconds .*give --feature_stride"):
        propose(root)


@pytest.mark.parametrize(("factor", "unit"), [(1000, "milliseconds"), (30, "frames"), (1 / 60, "minutes")])
def test_videos_in_another_unit_than_the_others_are_named(tmp_path, factor, unit):
    def scaled(number, entry):
        if number % 2:
            entry["duration"] *= factor
            entry["annotations"][0]["segment"] = [factor, 2 * factor]

    root = change(write_videos(tmp_path / "toy"), scaled)
    found = f"The durations of 6 of 12 videos look like {unit}: v1 [0-9.e+]+, v5 .* and 3 more; those of the others fit"
    with pytest.raises(UserError, match=found):
        propose(root)
    with pytest.raises(UserError, match=f"the durations of 6 of 12 videos look like {unit}"):
        propose(root, feature_stride=4.0, window=16.0)


def test_the_stride_that_most_videos_fit_is_taken_and_others_are_named(tmp_path):
    def slower(number, entry):
        if number in (2, 5):
            entry["fps"] = 15.0

    data, reasons = propose(change(write_videos(tmp_path / "toy", num_videos=30), slower))
    assert (data["feature_stride"], data["window"]) == (4, 16)
    assert (
        "durations grow with the features of 28 of 30 videos, but not those of v2 (" in reasons and ", v5 (" in reasons
    )

    def random(number, entry):
        entry["duration"] = [40.0, 5.0, 12.0, 31.0][number % 4]

    root = change(write_videos(tmp_path / "other", num_videos=30), random)
    with pytest.raises(UserError, match=r"fit no stride: only \d+ of 30 videos are near the best one"):
        propose(root)


def test_given_numbers_are_taken(tmp_path):
    data, reasons = propose(write_videos(tmp_path / "toy", fps=0.0), feature_stride=4.5, window=20.0, fps=25.0)
    assert (data["feature_stride"], data["window"], data["fps"]) == (4.5, 20, 25)
    assert "window=20, as given" in reasons and "actions last" in reasons


def test_times_that_do_not_fit_name_the_option(tmp_path):
    root = write_videos(tmp_path / "toy")
    with pytest.raises(UserError, match=r"--feature_stride=4\.\d+ or fps") as error:
        propose(root, feature_stride=40.0, window=16.0)
    assert "config.data" not in str(error.value)
    assert "is --window what a feature sees? Not 64 but 16 would fit" in propose(root, window=64.0)[1]


def test_annotations_under_another_key_are_told(tmp_path):
    root = write_videos(tmp_path / "toy")
    (root / "annotations.json").write_text((root / "annotations.json").read_text().replace("annotations", "actions"))
    with pytest.raises(UserError, match="have no annotations, but something under 'actions'"):
        propose(root)


def test_tables_of_subsets(tmp_path):
    root = write_videos(tmp_path / "toy", subset="")
    (root / "splits").mkdir()
    for split in ("fold0", "fold1"):
        lines = [f"v{number},{'training' if number < 9 else 'validation'}\n" for number in range(12)]
        (root / "splits" / f"subsets.{split}.csv").write_text("video,subset\n" + "".join(lines))
    data, reasons = propose(root)
    assert (data["subset_file"], data["split"]) == ("splits/subsets.{split}.csv", "fold0")
    assert "split fold0 (of fold0, fold1)" in reasons and "9 train videos, 3 test videos" in reasons
    assert propose(root, split="fold1")[0]["split"] == "fold1"
    with pytest.raises(UserError, match="--split is 'fold2'. Did you mean 'fold"):
        propose(root, split="fold2")


def test_names_of_published_subsets(tmp_path):
    """THUMOS14 trains with "validation"; ActivityNet's test videos have no segments."""
    root = write_videos(tmp_path / "toy")
    entries = json.loads((root / "annotations.json").read_text())
    for number, entry in enumerate(entries.values()):
        entry["subset"] = ("validation", "test")[number % 2]
    (root / "annotations.json").write_text(json.dumps(entries))
    assert propose(root)[0]["test_subsets"] == ("test",)
    for number, entry in enumerate(entries.values()):
        entry["subset"] = ("training", "validation", "testing")[number % 3]
        entry["annotations"] = [] if number % 3 == 2 else entry["annotations"]
    (root / "annotations.json").write_text(json.dumps(entries))
    data, _ = propose(root)
    assert (data["train_subsets"], data["test_subsets"]) == (("training",), ("validation",))


def test_features_under_other_names_and_missing_ones(tmp_path):
    root = write_videos(tmp_path / "toy")
    np.savez(root / "features" / "v3.npz", feats=np.zeros((5, 3)))
    reasons = propose(root)[1]
    assert "VIDEO.npy, of 12 of 12 videos; beside them there is VIDEO.npz, of 1, which is not read" in reasons
    (root / "features" / "v3.npz").unlink()
    for path in (root / "features").iterdir():
        np.savez(path.with_name(f"v_{path.stem}.npz"), feats=np.load(path))
        path.unlink()
    data, _ = propose(root)
    assert (data["feature_prefix"], data["feature_suffix"]) == ("v_", ".npz")
    (root / "features" / "v_v3.npz").unlink()
    with pytest.raises(UserError, match="file is missing, as of 1 video; --skip_missing"):
        propose(root)
    data, reasons = propose(root, skip_missing=True)
    assert data["skip_missing"] and "no features, left out: 1 video, v3" in reasons


def test_the_problems_of_annotations_are_told(tmp_path):
    entries = folders.entries()
    entries["a"]["annotations"][0]["segment"] = [3, 2]
    root = folders.write_folder(tmp_path / "toy", entries)
    np.save(root / "features" / "b.npy", folders.features("b", width=5))
    with pytest.raises(UserError, match="annotation 1 is from 3 to 2"):
        propose(root, feature_stride=4.0, window=8.0)
    folders.write_folder(root)
    np.save(root / "features" / "b.npy", folders.features("b", width=5))
    with pytest.raises(UserError, match="5 channels"):
        propose(root, feature_stride=4.0, window=8.0)


def test_a_second_file_of_annotations_is_told(tmp_path):
    root = write_videos(tmp_path / "toy")
    assert "beside it" not in propose(root)[1]
    text = (root / "annotations.json").read_text()
    for content, says in ((text, "the same"), (text.replace("jump", "leap"), "another content")):
        (root / "annotations.json.gz").write_bytes(gzip.compress(content.encode()))
        told = f"annotations: annotations.json; annotations.json.gz beside it has {says} and is not read"
        assert told in propose(root)[1]
    assert "beside it" not in propose(root, annotation_file="annotations.json")[1]
