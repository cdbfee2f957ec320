"""Scores of recognised clips, each of which is seen in several views (NumPy, host).

Softmax of every view in float64, mean of the probabilities over the views of a clip, and the classes in their order. A
view is known by (clip, chunk, crop): one that comes again, such as the padding of a last batch, counts once.

Source: published engine_for_onemodel.py and engine_for_compomodel.py of CAST (KHU-VLL/CAST, revision 51eb871), `merge`.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from fact_jax.metrics.recognition_scores import ACTION_NAMES, TOP, ClipScores, RecognitionScores, pair_ranks
from fact_jax.ops import clip_views


@dataclasses.dataclass(frozen=True)
class RecognitionMetric:
    """What is scored.

    Attributes:
      heads: names of what is recognised: one, or noun and verb, in the order of the labels.
      num_classes: classes of every head.
    """

    heads: tuple[str, ...]
    num_classes: tuple[int, ...]

    def __post_init__(self):
        if len(self.heads) not in (1, 2) or len(self.heads) != len(self.num_classes) or min(self.num_classes) < 1:
            raise ValueError(
                f"heads are {self.heads} with {self.num_classes} classes; expected one or two, each with some"
            )

    def empty(self) -> "RecognitionState":
        """The state of no views."""
        return RecognitionState(self, ())

    def from_views(self, video_ids: Sequence[str], chunks, crops, labels, logits: Mapping) -> "RecognitionState":
        """The state of some views.

        Args:
          video_ids: clip of every view.
          chunks, crops: int [V], which part of it a view shows.
          labels: int [V, L], true class of every head.
          logits: float [V, K] by the name of the head.

        Raises:
          ValueError: a shape is wrong, or a label is no class of its head.
        """
        labels = np.asarray(labels, np.int64).reshape(len(video_ids), -1)
        if labels.shape[1] != len(self.heads):
            raise ValueError(f"labels are {labels.shape}, expected a column for each of {', '.join(self.heads)}")
        found = []
        for place, (head, count) in enumerate(zip(self.heads, self.num_classes, strict=True)):
            values, own = np.asarray(logits[head], np.float32), labels[:, place]
            if values.shape != (len(video_ids), count):
                raise ValueError(f"logits of {head} are {values.shape}, expected {(len(video_ids), count)}")
            if np.any(own < 0) or np.any(own >= count):
                raise ValueError(f"a label of {head} lies outside of its {count} classes")
            found.append(values)
        parts = np.asarray(chunks, np.int64), np.asarray(crops, np.int64)
        return RecognitionState(self, (_Views(tuple(map(str, video_ids)), *parts, labels, tuple(found)),))

    def names(self) -> tuple[str, ...]:
        """Names of the numbers that `RecognitionState.compute` gives."""
        if len(self.heads) == 1:
            return ("Top1", f"Top{TOP}")
        return (*ACTION_NAMES, *(f"{head.capitalize()}@{limit}" for head in self.heads for limit in (1, TOP)))


@dataclasses.dataclass(frozen=True)
class _Views:
    video_ids: tuple[str, ...]
    chunks: Int[np.ndarray, " V"]
    crops: Int[np.ndarray, " V"]
    labels: Int[np.ndarray, "V L"]
    logits: tuple[Float[np.ndarray, "V _"], ...]


@dataclasses.dataclass(frozen=True)
class RecognitionState:
    """Views of clips, with all their logits in float32: 0.5 GB for 20,000 clips of 15 views and 400 classes."""

    metric: RecognitionMetric
    parts: tuple[_Views, ...]

    def merge(self, *others: "RecognitionState") -> "RecognitionState":
        """The state of all views of this one and `others`."""
        if any(other.metric != self.metric for other in others):
            raise ValueError("states of different settings cannot be merged")
        return RecognitionState(self.metric, self.parts + tuple(part for other in others for part in other.parts))

    def compute(self) -> dict[str, float]:
        """Scores by name, see `recognition_scores`."""
        return self.scores.compute()

    def means(self) -> list[dict]:
        """Rows of means, see `RecognitionScores.means`."""
        return self.scores.means()

    @property
    def videos(self) -> tuple[ClipScores, ...]:
        """All clips, by name."""
        return self.scores.videos

    @functools.cached_property
    def scores(self) -> RecognitionScores:
        """What was counted in every clip, by name.

        Raises:
          ValueError: two views of a clip have different labels.
        """
        merged = self._merged()
        return RecognitionScores(self.metric, () if merged is None else tuple(_count(*merged)))

    def _merged(self):
        """(names of the clips, their labels, views and mean probabilities by head), or None without a view."""
        names = np.array([name for part in self.parts for name in part.video_ids])
        if not len(names):
            return None
        chunks, crops, labels = (
            np.concatenate([getattr(part, key) for part in self.parts]) for key in ("chunks", "crops", "labels")
        )
        names, clips = np.unique(names, return_inverse=True)
        keys = np.stack([clips, chunks, crops], axis=1)
        _, first = np.unique(keys, axis=0, return_index=True)  # in order of the keys
        starts = np.flatnonzero(np.diff(clips[first], prepend=-1))
        own = labels[first][starts]
        if wrong := np.flatnonzero((labels != own[clips]).any(axis=1)).tolist():
            raise ValueError(f"clip {str(names[clips[wrong[0]]])!r} has views with different labels")
        means = tuple(
            clip_views.mean_probabilities(np.concatenate([part.logits[head] for part in self.parts]), first, starts)
            for head in range(len(self.metric.heads))
        )
        return names.tolist(), own, np.diff(np.append(starts, len(first))), means


def _count(names, labels, num_views, means):
    """ClipScores of the clips, from their mean probabilities by head."""
    best = [clip_views.likely_classes(mean, TOP) for mean in means]
    chances = [np.take_along_axis(mean, classes, axis=1) for mean, classes in zip(means, best, strict=True)]
    ranks = np.stack([clip_views.ranks_of(mean, labels[:, head]) for head, mean in enumerate(means)], axis=1)
    true = np.stack([mean[np.arange(len(names)), labels[:, head]] for head, mean in enumerate(means)], axis=1)
    pairs = pair_ranks(tuple(chances), ranks) if len(means) == 2 else np.zeros(len(names), np.int64)
    for clip, name in enumerate(names):
        yield ClipScores(
            name,
            tuple(labels[clip].tolist()),
            tuple(tuple(classes[clip].tolist()) for classes in best),
            tuple(tuple(chance[clip].tolist()) for chance in chances),
            tuple(ranks[clip].tolist()),
            tuple(true[clip].tolist()),
            int(pairs[clip]),
            int(num_views[clip]),
        )
