"""Pictures of localization show what they are given."""

import numpy as np

from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import Detections
from fact_jax.reporting.localization.figures import plot_detections, plot_map, plot_precision_recall

METRIC = LocalizationMetric((0.3, 0.5, 0.7))


def scores():
    found = [[0, 10], [20, 31], [40, 49]], [0.9, 0.8, 0.3], [0, 1, 0]
    return METRIC.from_video("v", [[0, 10], [20, 30]], [0, 1], *map(np.array, found)).per_class()


def test_curves_carry_the_scores():
    (axes,) = plot_precision_recall(METRIC, scores(), title="demo").axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "tIoU 0.30: mAP 100.0", "tIoU 0.50: mAP 100.0", "tIoU 0.70: mAP 100.0"
    ]  # fmt: skip
    (axes,) = plot_map(METRIC, scores(), {0: "a", 1: "$b$"}).axes
    assert any("average 100.0" in text.get_text() for text in axes.get_legend().get_texts())


def test_no_truth_and_no_detection_are_drawn_too():
    empty = METRIC.empty().per_class()
    plot_precision_recall(METRIC, empty)
    plot_map(METRIC, empty, {})
    nothing = Detections(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
    (axes,) = plot_detections(nothing, {}, 10.0).axes
    assert axes.texts[0].get_text() == "no detection"


def test_detections_lie_in_lanes_below_the_truth():
    segments = np.float32([[0, 50], [10, 60], [70, 90], [np.nan, 1]])
    found = Detections(segments, np.float32([0.9, 0.8, 0.7, 0.6]), np.int32([1, 1, 1, 1]))
    names = {1: "jump " * 20, 2: "run"}
    (axes,) = plot_detections(found, names, 100.0, truth=([[5, 50]], [2]), title="a $title$").axes
    bars = [tuple(np.round(bar.get_paths()[0].get_extents().bounds, 2)) for bar in axes.collections]
    assert [bar[1] for bar in bars] == [1.15, 2.15, 1.15, 3.2]
    assert [label.get_text() for label in axes.get_yticklabels()][1] == "run"
