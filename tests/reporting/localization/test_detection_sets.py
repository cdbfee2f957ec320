"""tables/detections.json: what is written gives the same scores again, and what is broken is refused."""

import json
import math

import numpy as np
import pytest

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import Detections
from fact_jax.reporting.localization import detection_sets, writer
from fact_jax.types import UserError
from tests.reporting import localization_workdirs as made

NAMES = {3: 'take "it", now', 7: "</script><b>", 12: "Käse schneiden ✂"}


def make_set(**durations):
    """Two videos, one of them with a detection that is no number, and one that has nothing."""
    metric = LocalizationMetric((0.3, 0.5), (1, 5))
    broken = np.float32([[1.1, 2.2], [np.nan, np.nan], [0.1, 1 / 3]])
    states = [
        metric.from_video("b", [[1.0, 2.0], [0.1, 0.7]], [3, 12], broken, np.float32([0.7, 0.7, 0.1]), [3, 3, 12]),
        metric.from_video("a", [[1e-3 + 1 / 3, 9.0]], [7], np.float32([[0.5, 9.0]]), np.float32([1 / 3]), [7]),
        metric.from_video("nothing", np.zeros((0, 2)), [], np.zeros((0, 2)), [], []),
    ]
    lengths = {"a": 9.5, "b": 0.0, "nothing": 1.0} | durations
    videos = merge_states(states, metric.empty()).videos
    return detection_sets.DetectedSet(metric, NAMES, "kitchen", lengths, videos)


def test_a_set_comes_back_to_the_last_bit(tmp_path):
    written = make_set()
    path = detection_sets.write_detections(tmp_path, written)
    assert path == tmp_path / "tables" / "detections.json" and "NaN" not in path.read_text()
    read = detection_sets.read_detections(tmp_path)
    assert [video.video_id for video in read.videos] == ["a", "b", "nothing"]
    for field in ("metric", "class_names", "dataset", "durations"):
        assert getattr(read, field) == getattr(written, field)
    for old, new in zip(sorted(written.videos, key=lambda video: video.video_id), read.videos, strict=True):
        for field in ("true_segments", "true_labels", "segments", "labels"):
            np.testing.assert_array_equal(getattr(old, field), getattr(new, field), strict=True)
        np.testing.assert_array_equal(np.float32(old.scores), new.scores)
    assert read.state().compute() == written.state().compute()


def test_an_evaluation_leaves_its_scores(tmp_path):
    truth = made.make_truth(0) | {"no features": (np.array([[1.0, 5.0], [1.0005, 5.0]]), np.array([0, 0]))}
    known = {video: truth[video] for video in truth if video != "no features"}
    evaluation = made.evaluate(truth, made.detect(1, known, 2.0), duration=1e8)
    writer.write_evaluation(evaluation, tmp_path, figures=False)
    read = detection_sets.read_detections(tmp_path)
    assert read.state().compute() == evaluation.state().compute() and set(read.durations.values()) == {0.0}
    (lost,) = [video for video in read.videos if video.video_id == "no features"]
    assert len(lost.true_labels) == 1 and len(lost.labels) == 0


def test_a_file_from_before_the_setting_was_scored_as_published(tmp_path):
    path = detection_sets.write_detections(tmp_path, make_set())
    text = path.read_text()
    assert not detection_sets.read_detections(tmp_path).metric.published_classes
    path.write_text(text.replace('"published_classes": false, ', ""))
    assert "published_classes" in text and detection_sets.read_detections(tmp_path).metric.published_classes


def test_detections_of_classes_without_truth_are_counted_in_a_line(tmp_path):
    truth = {"v": (np.array([[1.0, 5.0]]), np.array([1]))}
    found = {"v": Detections(np.float32([[1, 5], [6, 9], [2, 3]]), np.float32([0.9, 0.5, 0.4]), np.int32([1, 0, 2]))}
    evaluation = made.evaluate(truth, found)
    (line,) = writer.write_evaluation(evaluation, tmp_path, figures=False)
    assert line == "2 detections of 2 classes without a true segment count for nobody: pour, serve"
    assert evaluation.metrics()["mAP@avg"] == pytest.approx(100)


def broken(change):
    def apply(content):
        change(content, content["videos"][0])
        return json.dumps(content)

    return apply


# What segments.json has too is tested there.
BROKEN = {
    "no classes": (broken(lambda content, video: content.pop("classes")), "KeyError"),
    "a class twice": (broken(lambda content, video: content["classes"].append([3, "x"])), "a class is there twice"),
    "half a class": (broken(lambda content, video: content["classes"].append([2.5, "x"])), "2.5 is no whole number"),
    "no truth value": (broken(lambda content, video: content.update(published_classes="no")), "expected true or false"),
    "no tIoU": (broken(lambda content, video: content.update(thresholds=[])), r"thresholds are \(\)"),
    "a tIoU of 2": (broken(lambda content, video: content.update(thresholds=[0.5, 2])), r"\(0.5, 2.0\)"),
    "a tIoU twice": (broken(lambda content, video: content.update(thresholds=[0.5, 0.501])), "none twice"),
    "no best detection": (broken(lambda content, video: content.update(top_k=[0])), "top_k from 1"),
    "an endless video": (broken(lambda content, video: video.update(duration=math.inf)), "'a'.*duration is inf"),
    "an odd list": (broken(lambda content, video: video["true"].append(1)), "reshape"),
    "an unknown class": (broken(lambda content, video: video.update(true=[4, 0, 1])), "'a'.*true.*does not exist, 4"),
    "no class": (broken(lambda content, video: video.update(detections=[None, 0, 1, 0.5])), "detections.*nan"),
    "a true segment of nothing": (broken(lambda content, video: video.update(true=[3, None, 1])), "no number"),
    "no score": (broken(lambda content, video: video.update(detections=[3, 0, 1, None])), "score is no number"),
    "words": (broken(lambda content, video: video.update(true=[3, "a", "b"])), "could not convert"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused(tmp_path, case):
    path = detection_sets.write_detections(tmp_path, make_set())
    change, message = BROKEN[case]
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(UserError, match=f"{message}.*--mode eval"):
        detection_sets.read_detections(tmp_path)
