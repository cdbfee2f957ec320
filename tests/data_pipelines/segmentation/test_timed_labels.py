"""Segmentation of features that say themselves where they lie in time: labels of segments in seconds, and of frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.sources import open_sources
from data_pipelines.segmentation.timed_labels import labels_of_frames
from fact_jax.types import UserError
from tests.data_pipelines.timed_features import FRAME_AT_8, VIDEOS, plan_of, write_features

_TABLE = "video,start,end,label,confidence\n"


def write_folder(root, rows, every=None, **made_by):
    write_features(root / "features", every, **made_by)
    (root / "mapping.txt").write_text("0 background\n1 pour\n2 stir\n")
    (root / "splits").mkdir()
    (root / "splits" / "train.split1.bundle").write_text("even\nvarying\n")
    (root / "splits" / "test.split1.bundle").write_text("late\nedited\n")
    (root / "labels.csv").write_text(_TABLE + rows)
    return root


def rows_for_all(text):
    return "".join(text.replace("VIDEO", name) for name in VIDEOS)


def opened(root, **changes):
    told = {"dir": str(root), "time_axis": "first", "segment_file": "labels.csv"}
    sources = open_sources(SegmentationDataConfig(**told | changes))
    labels = {}
    for source in (sources.train, sources.test):
        labels |= {name: source.full_labels(place) for place, name in enumerate(source.video_ids)}
    return sources, labels


def test_a_label_at_second_8_begins_with_the_frame_that_a_player_shows_then(tmp_path):
    root = write_folder(tmp_path, rows_for_all("VIDEO,2,4,pour,\nVIDEO,8.0,9.0,stir,1\n"))
    sources, labels = opened(root)
    for name, frame in FRAME_AT_8.items():
        assert np.flatnonzero(labels[name] == 2)[0] == frame
        times = VIDEOS[name][labels[name] == 1]
        assert times.min() == pytest.approx(2.0)
        assert times.max() < 4.0 - 1e-9
    assert sources.is_timed
    assert sources.made_by == {"program": "made"}
    assert not any("not used" in line or "not read" in line for line in sources.notes)


def test_rows_of_windows_have_the_label_that_is_shown_as_they_begin(tmp_path):
    root = write_folder(tmp_path, rows_for_all("VIDEO,1.6,4,pour,\nVIDEO,4.6,4.7,stir,\nVIDEO,8.0,10,stir,1\n"), 0.5)
    sources, labels = opened(root)
    assert labels["even"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, *[0] * 8, 2, 2, 2, 2]
    assert any("shorter than a row of features, thus not shown: 4 segments" in line for line in sources.notes)


def test_labels_of_all_video_frames_are_put_on_the_rows(tmp_path):
    root = write_folder(tmp_path, "", 0.5)
    (root / "groundTruth").mkdir()
    for name, times in VIDEOS.items():
        text = "".join("stir\n" if 8.0 - 1e-9 <= time else "background\n" for time in times)
        (root / "groundTruth" / f"{name}.txt").write_text(text)
    sources, labels = opened(root, segment_file="")
    for name in VIDEOS:
        plan = plan_of(name, 0.5)
        edges = plan.feature_times(3, "", "", {}).edges
        np.testing.assert_array_equal(labels[name], np.where(edges[:-1] >= 8 - 1e-6, 2, 0))
    assert any("have a label for every video frame" in line for line in sources.notes)


@given(st.sampled_from([0.1, 0.25, 0.5, 3.0]), st.sampled_from(list(VIDEOS)), st.integers(0, 9))
def test_a_row_has_a_label_of_its_own_frames(every, name, seed):
    times = plan_of(name, every).feature_times(3, "", "", {})
    own = np.random.default_rng(seed).integers(0, 4, len(VIDEOS[name])).astype(np.int32)
    labels, lines = labels_of_frames({name: own}, {name: times})
    assert len(labels[name]) == times.rows
    assert len(lines) == 1
    for row, (begin, end) in enumerate(zip(times.frames, times.frames[1:], strict=False)):
        assert labels[name][row] in own[begin : max(end, begin + 1)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("even,1,2,pour,\n", "no segment of video 'late'"),
        (rows_for_all("VIDEO,1,2,poor,\n"), "labels.csv:2: .*unknown label 'poor'; the nearest class is 'pour'"),
        (rows_for_all("VIDEO,1,99,pour,\n"), r"'pour' from 1 to 99 s, and the video ends at 10.000 s"),
        (rows_for_all("VIDEO,1,3,pour,\nVIDEO,2,4,stir,\n"), "'stir' from 2 to 4 overlaps 'pour' from 1 to 3 .line 2."),
    ],
)
def test_faults_are_named(tmp_path, rows, words):
    root = write_folder(tmp_path, rows)
    with pytest.raises(UserError) as error:
        opened(root)
    import re

    assert re.search(words.replace("labels.csv:2: ", ""), str(error.value)), str(error.value)
    assert "labels.csv" in str(error.value)


def test_gaps_need_a_background(tmp_path):
    root = write_folder(tmp_path, rows_for_all("VIDEO,0,2,pour,\nVIDEO,3,99,stir,\n".replace("99", "9.5")))
    with pytest.raises(UserError, match="no segment of 'even' at 2.000 s; expected segments without gaps"):
        opened(root, background_ids=())


def test_segments_in_seconds_need_the_times_of_the_features(tmp_path):
    root = write_folder(tmp_path, rows_for_all("VIDEO,1,2,pour,\n"))
    (root / "features" / "late.json").unlink()
    with pytest.raises(UserError, match="1 feature file has no .json, which 3 others have: late"):
        opened(root)
    for path in (root / "features").glob("*.json"):
        path.unlink()
    with pytest.raises(UserError, match="no .json beside the features that says where they lie in time"):
        opened(root)


def test_features_that_do_not_go_together_are_named(tmp_path):
    root = write_folder(tmp_path, rows_for_all("VIDEO,1,2,pour,\n"))
    write_features(root / "features", names=["late"], step=7)
    np.save(root / "features" / "even.npy", np.zeros((5, 3), np.float32) + np.arange(3, dtype=np.float32))
    with pytest.raises(UserError) as error:
        opened(root)
    assert "1 of 4 videos have features of another make than 'even' (step None, 'late' 7)" in str(error.value)
    assert "says 300 rows of 3 channels; the features have (5, 3)" in str(error.value)
    with pytest.raises(UserError, match="set config.data.reader=npy"):
        write_features(root / "features")
        opened(root, reader="tfds")


@pytest.mark.parametrize("others", ["anna", ""])
def test_segments_of_several_subjects_are_refused(tmp_path, others):
    root = write_folder(tmp_path, "")
    rows = rows_for_all("VIDEO,1,2,pour,bert\nVIDEO,3,4,stir,NAME\n".replace("NAME", others))
    (root / "labels.csv").write_text("video,start,end,label,Subject\n" + rows)
    with pytest.raises(
        UserError, match=rf"segments of 2 subjects, bert, ({others or '.none.'}); .*--to frames --subject"
    ):
        opened(root)
    (root / "labels.csv").write_text("video,start,end,label,Subject\n" + rows.replace(f",{others}\n", ",bert\n"))
    opened(root)
