"""tables/segments.json: what is written comes back, and what is broken is refused with the way to mend it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.reporting.segmentation import segment_files
from fact_jax.types import UserError

NAMES = ("background", 'take "it", now', "</script><b>", "Käse schneiden ✂")


def make_set(videos):
    return segment_files.SegmentedSet(
        metric=SegmentationMetric(len(NAMES), (0,)),
        class_names=NAMES,
        background_ids=(0,),
        dataset="kitchen",
        split="split1",
        fps=29.97,
        videos=tuple(
            segment_files.SegmentedVideo(name, segment_files.to_runs(true), segment_files.to_runs(predicted))
            for name, true, predicted in videos
        ),
    )


@given(st.lists(st.integers(0, 3), max_size=60))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_runs_are_maximal_and_turn_back_into_frames(labels):
    runs = segment_files.to_runs(np.array(labels, np.int64))
    assert segment_files.to_frames(runs).tolist() == labels
    assert all(first != second for first, second in zip(runs[:-1, 0], runs[1:, 0], strict=True))
    assert runs.shape[1] == 2 and (runs[:, 1] > 0).all()


def test_a_set_comes_back_with_its_scores(tmp_path):
    generator = np.random.default_rng(0)
    labels = {f"v{index}": generator.integers(0, 4, (2, 30)) // 2 * 2 for index in range(4)}
    labels["empty"] = np.zeros((2, 0), np.int64)
    written = make_set([(name, *pair) for name, pair in labels.items()])
    segment_files.write_segments(tmp_path, written)
    read = segment_files.read_segments(tmp_path)
    assert [video.video_id for video in read.videos] == ["empty", "v0", "v1", "v2", "v3"]
    for field in ("metric", "class_names", "background_ids", "dataset", "split", "fps"):
        assert getattr(read, field) == getattr(written, field)
    for video in read.videos:
        true, predicted = labels[video.video_id]
        assert segment_files.to_frames(video.true).tolist() == true.tolist()
        assert segment_files.to_frames(video.predicted).tolist() == predicted.tolist()
    states = [read.metric.from_video(predicted, true, name) for name, (true, predicted) in labels.items()]
    assert read.state().compute() == read.metric.empty().merge(*states).compute()


def test_a_missing_file_names_the_way_to_make_it(tmp_path):
    with pytest.raises(UserError, match=r"segments\.json is missing.*older version.*--mode eval"):
        segment_files.read_segments(tmp_path)


def broken(change):
    def apply(content):
        change(content)
        return json.dumps(content)

    return apply


BROKEN = {
    "half a file": (lambda content: json.dumps(content)[:40], "JSONDecodeError"),
    "another version": (broken(lambda content: content.update(version=7)), "version 7, expected 1"),
    "no videos": (broken(lambda content: content.pop("videos")), "KeyError"),
    "a list": (lambda content: "[]", "TypeError"),
    "an odd list": (broken(lambda content: content["videos"][0]["true"].append(1)), "pairs"),
    "an unknown class": (broken(lambda content: content["videos"][0].update(true=[9, 3])), "'v'.*true has a class"),
    "an empty segment": (broken(lambda content: content["videos"][0].update(predicted=[1, 3, 2, 0])), "predicted"),
    "an empty list of videos": (broken(lambda content: content.update(videos=[])), "it has no videos"),
    "a video twice": (broken(lambda content: content["videos"].append(content["videos"][0])), "'v' is there twice"),
    "no frame rate": (broken(lambda content: content.update(fps=float("nan"))), "fps is nan"),
    "a negative frame rate": (broken(lambda content: content.update(fps=-1)), r"fps is -1\.0"),
    "no thresholds": (broken(lambda content: content.update(thresholds=[])), r"thresholds are \(\)"),
    "one threshold twice": (broken(lambda content: content.update(thresholds=[0.5, 0.501])), "none twice"),
    "an unknown background": (broken(lambda content: content.update(background_ids=[4])), r"background_ids \(4,\)"),
    "an endless class": (broken(lambda content: content.update(background_ids=[float("inf")])), "OverflowError"),
    "halves of frames": (broken(lambda content: content["videos"][0].update(true=[1, 1.5, 2, 1.5])), "pairs"),
    "a huge number": (broken(lambda content: content["videos"][0].update(true=[1, 2**70])), "pairs"),
    "other lengths": (broken(lambda content: content["videos"][0].update(true=[1, 2])), "differ in length"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused(tmp_path, case):
    path = segment_files.write_segments(tmp_path, make_set([("v", np.array([1, 1, 2]), np.array([1, 2, 2]))]))
    change, message = BROKEN[case]
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(UserError, match=f"{message}.*--mode eval"):
        segment_files.read_segments(tmp_path)
