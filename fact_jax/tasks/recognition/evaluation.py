"""Scores of one pass over the views of a set of clips."""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.recognition import RecognitionMetric

LOGITS = "logits_"  # before the name of a head: an output of `Task.predict`


@dataclasses.dataclass(frozen=True)
class RecognitionProtocol:
    """What an evaluation has to know about the dataset.

    Attributes:
      metric: with the names of the heads and their numbers of classes.
      class_names: of every head, by class id.
      dataset: name shown in tables and titles.
      max_timelines: most clips that pictures show one by one; 0: all.
      read_strip: from the name of a clip to some of its frames, uint8 [n, H, W, 3], for pictures; None: not at hand.
    """

    metric: RecognitionMetric
    class_names: tuple[tuple[str, ...], ...]
    dataset: str
    max_timelines: int = 0
    read_strip: Callable[[str], UInt8[np.ndarray, "n H W 3"]] | None = None


class RecognitionEvaluation:
    """Accumulates the scores of views (implements `fact_jax.tasks.base.Evaluation`)."""

    def __init__(self, protocol: RecognitionProtocol):
        self.protocol = protocol
        self._states = []

    def add(self, batch, outputs):
        """Takes the views of all valid rows.

        Arrays of the batch are labels int [B, L], chunk and crop int [B], see
        `data_pipelines.recognition.source.EvaluationViews`; outputs have float [B, K] for every head.

        Raises:
          ValueError: a shape is wrong, or a label is no class.
        """
        rows = np.flatnonzero(batch.arrays["video_mask"])
        chunks, crops, labels = (batch.arrays[name][rows] for name in ("chunk", "crop", "labels"))
        names = [batch.video_ids[row] for row in rows]
        logits = {head: outputs[f"{LOGITS}{head}"][rows] for head in self.protocol.metric.heads}
        self._states.append(self.protocol.metric.from_views(names, chunks, crops, labels, logits))

    def state(self):
        """The RecognitionState of everything added."""
        # Kept, as it counts its clips once.
        if len(self._states) != 1:
            self._states = [merge_states(self._states, self.protocol.metric.empty())]
        return self._states[0]

    def metrics(self):
        """Scores in percent by name, see `RecognitionMetric.names`."""
        return self.state().compute()

    def means(self):
        """Means over the classes of every head."""
        return self.state().means()
