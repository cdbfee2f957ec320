"""What is predicted for one video, at its full frame rate."""

import dataclasses
from typing import NamedTuple

import numpy as np

from fact_jax.ops.resampling import upsample
from fact_jax.ops.segments import frames_to_segments

# Labels by parts of a network, of which a system has some.
PARTS = ("frame_labels", "action_labels", "first_stage_labels")


class Segment(NamedTuple):
    """One predicted segment: frames start <= n < end, its class name, and the mean confidence of these frames."""

    start: int
    end: int
    label: str
    confidence: float


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """One labelled video of N frames."""

    labels: np.ndarray  # int32 [N], class of every frame: what an evaluation scores
    names: tuple[str, ...]  # class name of every frame
    segments: tuple[Segment, ...]  # of every run of one class, in order; together they cover the video
    confidence: np.ndarray  # float32 [N] in [0, 1], probability of the class of every frame
    probabilities: np.ndarray  # float32 [N, C]; rows add up to 1
    # int32 [N], what the frame branch and the action branch of FACT say alone; None of other systems.
    frame_labels: np.ndarray | None = None
    action_labels: np.ndarray | None = None
    # int32 [N], what the first stage of a network with several says; None of FACT.
    first_stage_labels: np.ndarray | None = None


def from_scores(scores, num_frames, class_names):
    """The Prediction from the scores of one video, stretched to the full rate as in an evaluation.

    `scores`: what `predict_scores` of the task gives, without padding, arrays [T, ...]; `num_frames`: N.
    """
    full = {name: upsample(np.asarray(values), num_frames) for name, values in scores.items()}
    labels, starts, ends = frames_to_segments(full["labels"])
    totals = np.add.reduceat(full["confidence"].astype(np.float64), starts)
    segments = [
        Segment(int(start), int(end), class_names[label], float(total / (end - start)))
        for label, start, end, total in zip(labels, starts, ends, totals, strict=True)
    ]
    return Prediction(
        labels=full["labels"].astype(np.int32),
        names=tuple(class_names[label] for label in full["labels"]),
        segments=tuple(segments),
        confidence=full["confidence"].astype(np.float32),
        probabilities=full["probabilities"].astype(np.float32),
        **{name: full[name].astype(np.int32) for name in PARTS if name in full},
    )
