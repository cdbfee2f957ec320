"""From the candidates of a video to its detections: suppression, voting, and scores of another system (NumPy).

Source: ActionFormer (ECCV 2022), published libs/utils/nms.py and postprocessing.py.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from fact_jax.ops.segments import segment_tiou
from fact_jax.ops.suppression import hard_suppress, soft_suppress
from fact_jax.types import check_choice

METHODS = ("gaussian", "linear", "hard", "none")
# Of fusion: detections of a video that are used, and classes that each of them is given.
FUSED_DETECTIONS, FUSED_CLASSES = 200, 2


class Detections(NamedTuple):
    """Scored segments of one video: start and end of each, in one unit."""

    segments: Float[np.ndarray, "P 2"]
    scores: Float[np.ndarray, " P"]
    labels: Int[np.ndarray, " P"]

    def at(self, indices: np.ndarray | slice) -> "Detections":
        """Those at these indices."""
        return Detections(*(part[indices] for part in self))


@dataclasses.dataclass(frozen=True)
class NmsConfig:
    """How candidates become detections.

    Attributes:
      method: "gaussian" or "linear" lowers the scores of what overlaps a better one, "hard" drops it, "none" keeps all.
      per_class: candidates of different classes do not see each other; otherwise all do.
      max_detections: most that are kept, >= 1.
      min_score: what falls below is dropped; with "hard" what is not above it, if it is more than 0.
      sigma: width of "gaussian": a score is multiplied with exp(-tIoU^2 / sigma).
      iou_threshold: tIoU from which "linear" and "hard" act.
      voting_threshold: where not `per_class`, the ends of a detection become a mean of those of all candidates from
        this tIoU on; 0 = off.
    """

    method: str = "gaussian"
    per_class: bool = True
    max_detections: int = 1000
    min_score: float = 0.01
    sigma: float = 0.5
    iou_threshold: float = 0.1
    voting_threshold: float = 0.75

    def __post_init__(self):
        check_choice("method", self.method, METHODS)


def suppress(candidates: Detections, settings: NmsConfig) -> Detections:
    """Selects the detections of one video, the best first; with "none" the candidates as they are.

    Candidates come in any order, which decides between equal scores as in the published operator. Those without length
    that vote are NaN, as published.
    """
    if settings.method == "none" or not len(candidates.scores):
        return candidates
    labels = candidates.labels if settings.per_class else np.zeros(len(candidates.labels), np.int32)
    order = np.argsort(labels, kind="stable")
    segments, scores = candidates.segments[order], candidates.scores[order]
    limits = settings.min_score, settings.iou_threshold, settings.max_detections
    if settings.method == "hard":
        taken, scores = hard_suppress(segments, scores, labels[order], *limits)
    else:
        decay = {"decay": settings.method, "sigma": settings.sigma}
        taken, scores = soft_suppress(segments, scores, labels[order], *limits, **decay)
    best = np.argsort(-scores, kind="stable")[: settings.max_detections]
    found = candidates.at(order[taken[best]])._replace(scores=scores[best])
    if settings.voting_threshold > 0 and not settings.per_class:
        found = found._replace(segments=vote(found.segments, candidates, settings.voting_threshold))
    return found


def vote(segments: Float[np.ndarray, "P 2"], candidates: Detections, threshold: float) -> Float[np.ndarray, "P 2"]:
    """Replaces segments by means of the candidates that overlap them, weighted by score times tIoU.

    Candidates are those before suppression, with their own scores; `threshold` is the least tIoU that counts.
    """
    tiou = segment_tiou(np.asarray(segments, np.float32), candidates.segments)
    weights = (tiou >= np.float32(threshold)).astype(np.float32) * candidates.scores * tiou
    with np.errstate(invalid="ignore", divide="ignore"):
        weights /= weights.sum(axis=1, keepdims=True)
    return weights @ candidates.segments


def fuse_scores(detections: Detections, class_scores) -> Detections:
    """Gives detections the classes of a classifier of whole videos, float [C]; their own classes are left out.

    The 200 best segments each come once with either of the two best classes, those of the likelier class first. Their
    scores are the square roots of the products.
    """
    best = np.argsort(-detections.scores, kind="stable")[:FUSED_DETECTIONS]
    class_scores = np.asarray(class_scores, np.float32)
    classes = np.argsort(-class_scores, kind="stable")[:FUSED_CLASSES]
    scores = np.sqrt(class_scores[classes][:, None] * detections.scores[best][None, :])
    return Detections(
        np.tile(detections.segments[best], (len(classes), 1)),
        scores.reshape(-1).astype(np.float32),
        np.repeat(classes, len(best)).astype(np.int32),
    )
