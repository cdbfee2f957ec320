"""Scores of one pass over a set of segmented videos."""

import dataclasses
from collections.abc import Callable

import numpy as np

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.ops.resampling import upsample

# Outputs of `Task.predict` that label every frame; a system has some of them, "labels" always.
LABELLINGS = ("frame_labels", "action_labels", "first_stage_labels", "labels")


@dataclasses.dataclass(frozen=True)
class SegmentationProtocol:
    """What an evaluation has to know about the dataset.

    Attributes:
      metric: its background ids are empty when background is evaluated.
      background_ids: classes drawn as background, evaluated or not.
      dataset, split: names shown in tables and titles.
      fps: frames per second of the full-rate labels, 0 when unknown.
      full_labels: gives the labels of a video at the full rate, int [N].
      max_timelines: most videos of which timelines are drawn; 0: of all.
    """

    metric: SegmentationMetric
    class_names: tuple[str, ...]
    background_ids: tuple[int, ...]
    dataset: str
    split: str
    fps: float
    full_labels: Callable[[str], np.ndarray]
    max_timelines: int = 0


def protocol_of(config, class_names, full_labels: Callable[[str], np.ndarray]) -> SegmentationProtocol:
    """The SegmentationProtocol of a run with this config, on a dataset with these classes."""
    data, background_ids = config.data, tuple(map(int, config.data.background_ids))
    metric = SegmentationMetric(len(class_names), () if data.evaluate_background else background_ids)
    shown = data.dataset, data.split, data.fps, full_labels, config.eval.max_timelines
    return SegmentationProtocol(metric, tuple(class_names), background_ids, *shown)


class SegmentationEvaluation:
    """Accumulates predictions (implements `fact_jax.tasks.base.Evaluation`)."""

    def __init__(self, protocol: SegmentationProtocol):
        self.protocol = protocol
        # Video -> {name of `LABELLINGS`: labels at the full rate, [N]}, a byte each with up to 256 classes.
        self.predictions = {}
        self._label_type = np.min_scalar_type(len(protocol.class_names) - 1)
        self._states = []

    def add(self, batch, outputs):
        """Stretches every valid row's labels to the full rate and counts it."""
        for row, video_id in enumerate(batch.video_ids):
            if not batch.arrays["video_mask"][row]:
                continue
            truth = self.protocol.full_labels(video_id)
            num_frames = int(batch.arrays["mask"][row].sum())
            rows = {name: np.asarray(outputs[name][row, :num_frames]) for name in LABELLINGS if name in outputs}
            found = {name: upsample(labels, len(truth)) for name, labels in rows.items()}
            self._states.append(self.protocol.metric.from_video(found["labels"], truth, video_id))
            self.predictions[video_id] = {name: labels.astype(self._label_type) for name, labels in found.items()}

    def state(self):
        """The merged SegmentationState of everything added."""
        return merge_states(self._states, self.protocol.metric.empty())

    def metrics(self):
        """Scores in percent by published name."""
        return self.state().compute()

    def means(self):
        """Means over videos and classes, with standard deviations."""
        return self.state().means()
