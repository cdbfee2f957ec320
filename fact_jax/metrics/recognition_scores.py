"""Scores of recognised clips from the ranks of their true classes, for the clips themselves and for resamples.

All are shares of clips in percent. With one head: Top1, Top5. With the two heads noun and verb, published for
EPIC-Kitchens-100:

- Noun@k, Verb@k: the true class is among the k most likely ones.
- Action@1: noun and verb are both the most likely ones.
- Action@5: the noun is among the five most likely and the verb is, which is what the published merge of views reports.
  It is generous: 25 pairs count as five.
- ActionPair@5: the true pair is among the five most likely pairs, a pair having the product of both probabilities. Of
  equal products the pair with the more likely noun comes first, then that with the more likely verb.
- ActionRank@5: for some k up to five noun and verb are both the k-th most likely ones. The published validation during
  training reports this one as its top 5 of actions, over single views; its top 1 is Action@1.

Source: published engine_for_compomodel.py of CAST (KHU-VLL/CAST, revision 51eb871), `merge` and `validation_one_epoch`.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from fact_jax.metrics.frame_scores import frame_scores, mean_row

TOP = 5  # classes that are kept of every clip
ACTION_NAMES = ("Action@1", "Action@5", "ActionPair@5", "ActionRank@5")


@dataclasses.dataclass(frozen=True)
class ClipScores:
    """What was counted in one clip. L heads.

    Attributes:
      labels: the true class of every head.
      classes: of every head the TOP most likely classes (all, where there are fewer), the most likely first.
      probabilities: theirs, in [0, 1].
      ranks: place of the true class of every head, from 0.
      true_probabilities: those of the true classes.
      pair_rank: place of the true pair among all pairs, TOP where it is no earlier; 0 with one head.
      num_views: views that the probabilities are means over.
    """

    video_id: str
    labels: tuple[int, ...]
    classes: tuple[tuple[int, ...], ...]
    probabilities: tuple[tuple[float, ...], ...]
    ranks: tuple[int, ...]
    true_probabilities: tuple[float, ...]
    pair_rank: int
    num_views: int

    @property
    def is_right(self) -> bool:
        """Whether the most likely class of every head is the true one."""
        return not any(self.ranks)

    @property
    def confidence(self) -> float:
        """The probability of what is predicted: the product over the heads."""
        return math.prod(probabilities[0] for probabilities in self.probabilities)


def pair_ranks(
    probabilities: tuple[Float[np.ndarray, "N _"], ...], ranks: Int[np.ndarray, "N 2"]
) -> Int[np.ndarray, " N"]:
    """Place of the true pair among all pairs, from 0; TOP where it is not among the first TOP.

    `probabilities` are of the TOP most likely classes of both heads, in order, `ranks` of the true ones. No other
    classes matter: a pair with a class behind these has TOP pairs before it that differ in this class alone.
    """
    first, second = probabilities
    products = (first[:, :, None] * second[:, None, :]).reshape(len(first), first.shape[1] * second.shape[1])
    inside = (ranks[:, 0] < first.shape[1]) & (ranks[:, 1] < second.shape[1])
    place = np.where(inside, ranks[:, 0] * second.shape[1] + ranks[:, 1], 0)
    order = np.argsort(-products, axis=1, kind="stable")
    found = np.argmax(order == place[:, None], axis=1)
    return np.where(inside, np.minimum(found, TOP), TOP)


@dataclasses.dataclass(frozen=True)
class RecognitionScores:
    """All evaluated clips, by name; `metric` is a RecognitionMetric."""

    metric: Any
    videos: tuple[ClipScores, ...]

    def select(self, video_ids) -> "RecognitionScores":
        """These clips alone, in this order."""
        clip_of = {clip.video_id: clip for clip in self.videos}
        return RecognitionScores(self.metric, tuple(clip_of[video_id] for video_id in video_ids))

    def compute(self) -> dict[str, float]:
        """Scores by name, see `RecognitionMetric.names`; NaN without a clip."""
        return dict(zip(self.metric.names(), self.resample(np.ones((1, len(self.videos))))[0].tolist(), strict=True))

    def resample(self, weights: Float[np.ndarray, "R V"]) -> Float[np.ndarray, "R _"]:
        """The scores in the order of their names for every row of `weights`, which say how often each clip counts."""
        whole = weights.sum(axis=1, keepdims=True)
        hits = weights @ self.hits().astype(np.float64)
        return np.where(whole > 0, 100.0 * hits / np.where(whole > 0, whole, 1.0), np.nan)

    def hits(self):
        """bool [V, scores]: which clips count for which score."""
        ranks = self._ranks()
        if len(self.metric.heads) == 1:
            return np.stack([ranks[:, 0] < 1, ranks[:, 0] < TOP], axis=1)
        pairs = np.array([clip.pair_rank for clip in self.videos], np.int64)
        columns = [
            (ranks < 1).all(axis=1),
            (ranks < TOP).all(axis=1),
            pairs < TOP,
            (ranks[:, 0] == ranks[:, 1]) & (ranks[:, 0] < TOP),
            *(ranks[:, head] < limit for head in range(ranks.shape[1]) for limit in (1, TOP)),
        ]
        return np.stack(columns, axis=1)

    def per_video(self) -> list[dict]:
        """A dict per clip: its name and, of every score, 100 where it counts and 0 where it does not."""
        values = 100.0 * self.hits()
        return [
            {"video_id": clip.video_id} | dict(zip(self.metric.names(), row, strict=True))
            for clip, row in zip(self.videos, values.tolist(), strict=True)
        ]

    def confusion(self, head: int) -> Int[np.ndarray, "K K"]:
        """Clips by (true class, predicted class) of a head."""
        count = self.metric.num_classes[head]
        matrix = np.zeros((count, count), np.int64)
        np.add.at(matrix, (self._labels(head), self._predicted(head)), 1)
        return matrix

    def per_class(self, head: int) -> list[dict]:
        """A dict per class of a head, by its id: counts of clips, and percentages, NaN where one is undefined.

        Top1 and Top5 are shares of the clips of the class, precision one of the clips that are predicted as it.
        """
        table, true = self.confusion(head), self._labels(head)
        found = np.bincount(true[self._ranks()[:, head] < TOP], minlength=len(table))
        clips, predicted = table.sum(axis=1), table.sum(axis=0)
        scores = frame_scores(np.diag(table), clips, predicted)
        top = frame_scores(found, clips, predicted)["recall"]
        return [
            {
                "class_id": number,
                "true_clips": int(clips[number]),
                "predicted_clips": int(predicted[number]),
                "Top1": float(scores["recall"][number]),
                "Top5": float(top[number]),
                "precision": float(scores["precision"][number]),
                "F1": float(scores["F1"][number]),
            }
            for number in range(len(table))
        ]

    def means(self) -> list[dict]:
        """Rows as of `frame_scores.mean_row` over the classes of every head that have a clip.

        Of Top1 this is the mean class accuracy.
        """
        rows, several = [], len(self.metric.heads) > 1
        for number, head in enumerate(self.metric.heads):
            classes = [row for row in self.per_class(number) if row["true_clips"]]
            for name in ("Top1", "Top5", "precision", "F1"):
                title = f"{name} of {head}s" if several else name
                rows.append(mean_row(title, "classes", [row[name] for row in classes]))
        return rows

    def _ranks(self):
        return np.array([clip.ranks for clip in self.videos], np.int64).reshape(-1, len(self.metric.heads))

    def _labels(self, head):
        return np.array([clip.labels[head] for clip in self.videos], np.int64)

    def _predicted(self, head):
        return np.array([clip.classes[head][0] for clip in self.videos], np.int64)
