"""Scores of embeddings of frames, as CARL's paper reports them, over one dataset or several (such as actions).

Phases of training and of evaluated videos are compared: linear models are fitted to the embeddings of training videos.
Videos without labels count for Kendall's tau alone. Frames that bear no label (negative) are left out of a labelled
video, as published. Every score is of one dataset; the result is the plain mean over datasets.
"""

import dataclasses
import functools
import math

import numpy as np
from jaxtyping import Float, Int

from fact_jax.metrics import alignment, phase_probes
from fact_jax.metrics.frame_scores import mean_row
from fact_jax.metrics.linear_probe import LinearProbeConfig, initial_probe, probe_steps, train_probe
from fact_jax.types import UserError, check_choice

TASKS = ("classification", "progress", "tau", "retrieval", "linear_probe")
SUBSETS = ("train", "test")
DEFAULT_TASKS = TASKS[:-1]


@dataclasses.dataclass(frozen=True)
class RepresentationMetric:
    """What is scored.

    Attributes:
      num_classes: K, number of phases, of every dataset.
      tasks: of TASKS; "linear_probe" is that of FineGym.
      fractions: shares of the training videos, the first ones, that linear models are fitted to, in (0, 1], ascending.
      stride: every such frame counts for Kendall's tau and retrieval.
      retrieval_sizes: k of AP@k, ascending.
      distance: of Kendall's tau, one of `alignment.DISTANCES`.
      probe: settings of "linear_probe", and the seed of what it draws.
    """

    num_classes: tuple[int, ...]
    tasks: tuple[str, ...] = DEFAULT_TASKS
    fractions: tuple[float, ...] = (0.1, 0.5, 1.0)
    stride: int = 1
    retrieval_sizes: tuple[int, ...] = (5, 10, 15)
    distance: str = "sqeuclidean"
    probe: LinearProbeConfig = LinearProbeConfig()
    seed: int = 1

    def __post_init__(self):
        for task in self.tasks:
            check_choice("eval.tasks", task, TASKS)
        check_choice("eval.tau_distance", self.distance, alignment.DISTANCES)
        if not all(0 < fraction <= 1 for fraction in self.fractions) or not self.fractions:
            raise UserError(f"eval.fractions are {self.fractions}, expected shares above 0, at most 1")
        if self.stride < 1 or not self.retrieval_sizes or min(self.retrieval_sizes) < 1:
            raise UserError(
                f"eval.stride is {self.stride}, eval.retrieval_sizes {self.retrieval_sizes}: expected 1 or more"
            )

    def empty(self) -> "RepresentationState":
        """The state of no videos."""
        return RepresentationState(self, ())

    def from_video(self, video_id: str, subset: str, position: int, embeddings, labels=None, dataset=0):
        """The state of one video.

        Args:
          subset: one of SUBSETS.
          position: number of the video in its subset, by which fractions are taken.
          embeddings: float [T, D].
          labels: int [T], negative where a frame has no phase; None: the video has no labels.
          dataset: number of the dataset that it belongs to.
        """
        embeddings = np.asarray(embeddings, np.float32)
        if labels is not None:
            labels = np.asarray(labels, np.int64)
            if (labels < 0).any():  # otherwise the embeddings are not copied
                embeddings, labels = embeddings[labels >= 0], labels[labels >= 0]
        check_choice("subset", subset, SUBSETS)
        return RepresentationState(self, (_Video(str(video_id), subset, position, embeddings, labels, dataset),))

    def names(self) -> tuple[str, ...]:
        """Names of the numbers that `RepresentationState.compute` gives."""
        by_task = {
            "classification": [f"Classification@{fraction:g}" for fraction in self.fractions],
            "progress": [f"Progress@{fraction:g}" for fraction in self.fractions],
            "tau": ["Tau"],
            "retrieval": [f"AP@{size}" for size in self.retrieval_sizes],
            "linear_probe": [f"Linear@{fraction:g}" for fraction in self.fractions],
        }
        return tuple(name for task in TASKS if task in self.tasks for name in by_task[task])

    def main_names(self) -> tuple[str, ...]:
        """Those of them that a result is stated in: of the last fraction, tau, and AP of the fewest frames."""
        last, first = f"@{self.fractions[-1]:g}", f"AP@{self.retrieval_sizes[0]}"
        return tuple(name for name in self.names() if name.endswith(last) or name in ("Tau", first))


@dataclasses.dataclass(frozen=True)
class _Video:
    video_id: str
    subset: str
    position: int
    embeddings: Float[np.ndarray, "T D"]
    labels: Int[np.ndarray, " T"] | None
    dataset: int


@dataclasses.dataclass(frozen=True)
class RepresentationState:
    """Embeddings and labels of videos."""

    metric: RepresentationMetric
    videos: tuple[_Video, ...]

    def merge(self, *others: "RepresentationState") -> "RepresentationState":
        """The state of all videos of this one and `others`."""
        return RepresentationState(self.metric, self.videos + tuple(v for other in others for v in other.videos))

    def compute(self) -> dict[str, float]:
        """Scores by name, see `RepresentationMetric.names`, NaN where undefined.

        As papers state them: classification, AP and the linear probe in percent, progress (R^2) and tau up to 1.
        """
        return {
            name: float(np.mean(values)) if values else math.nan
            for name in self.metric.names()
            for values in [[scores[name] for scores in self._scores if not math.isnan(scores[name])]]
        }

    def per_dataset(self) -> tuple[dict[str, float], ...]:
        """The same for every dataset alone."""
        return self._scores

    def means(self):
        """Rows of means over the datasets with standard deviations, see `frame_scores.mean_row`."""
        return [mean_row(name, "datasets", [scores[name] for scores in self._scores]) for name in self.metric.names()]

    def without_progress(self) -> dict[str, tuple[int, ...]]:
        """{video: phases that it lacks}: progress has no meaning there, so that such videos count for none."""
        found = {}
        for video in self._ordered():
            if video.labels is not None:
                needed = set(range(self.metric.num_classes[video.dataset] - 1))
                if missing := sorted(needed - set(video.labels.tolist())):
                    found[video.video_id] = tuple(missing)
        return found

    def _ordered(self):
        return sorted(self.videos, key=lambda video: (video.dataset, video.subset, video.position, video.video_id))

    @functools.cached_property
    def _scores(self):
        videos = self._ordered()
        return tuple(
            _score_dataset(
                self.metric,
                *([v for v in videos if (v.dataset, v.subset) == (number, subset)] for subset in SUBSETS),
                num_classes,
            )
            for number, num_classes in enumerate(self.metric.num_classes)
        )


def _score_dataset(metric, train, test, num_classes):
    """{name: score} of one dataset, from its training and its evaluated videos in order."""
    scores = dict.fromkeys(metric.names(), math.nan)
    labelled = [video for video in test if video.labels is not None and len(video.labels)]
    for fraction in metric.fractions:
        count = max(1, int(fraction * len(train)))
        if "linear_probe" in metric.tasks:
            count_probe = max(count, min(metric.probe.videos_per_step, len(train)))
            scores[f"Linear@{fraction:g}"] = _probe(metric, _with_labels(train[:count_probe]), labelled, num_classes)
        learned = _with_labels(train[:count])
        if "classification" in metric.tasks:
            scores[f"Classification@{fraction:g}"] = _classify(learned, labelled)
        if "progress" in metric.tasks:
            scores[f"Progress@{fraction:g}"] = _follow(learned, labelled, num_classes)
    if "tau" in metric.tasks:
        embeddings = [video.embeddings for video in test if len(video.embeddings)]
        scores["Tau"] = alignment.kendalls_tau(embeddings, metric.stride, metric.distance)
    if "retrieval" in metric.tasks:
        parts = [video.embeddings for video in labelled], [video.labels for video in labelled]
        found = alignment.retrieval_precision(*parts, metric.retrieval_sizes, metric.stride)
        scores |= {f"AP@{size}": 100.0 * value for size, value in found.items()}
    return scores


def _with_labels(videos):
    return [video for video in videos if video.labels is not None and len(video.labels)]


def _together(videos):
    """(embeddings, labels) of all frames."""
    return np.concatenate([v.embeddings for v in videos]), np.concatenate([v.labels for v in videos])


def _classify(learned, tested):
    if not learned or not tested:
        return math.nan
    return 100.0 * phase_probes.fit_phases(*_together(learned)).accuracy(*_together(tested))


def _follow(learned, tested, num_classes):
    """R^2 of the progress; videos that lack a phase but the last are left out."""
    if num_classes < 2:
        return math.nan
    parts = []
    for videos in (learned, tested):
        targets = [phase_probes.progress_targets(video.labels, num_classes) for video in videos]
        whole = [(v.embeddings, target) for v, target in zip(videos, targets, strict=True) if target is not None]
        if not whole:
            return math.nan
        parts.append([np.concatenate(part) for part in zip(*whole, strict=True)])
    return phase_probes.fit_progress(*parts[0]).score(*parts[1])


def _probe(metric, learned, tested, num_classes):
    if not learned or not tested:
        return math.nan
    rng = np.random.default_rng(metric.seed)
    layer = initial_probe(num_classes, learned[0].embeddings.shape[1], rng)
    steps = probe_steps(len(learned), metric.probe, rng)
    features, labels = [v.embeddings for v in learned], [v.labels for v in learned]
    return 100.0 * train_probe(features, labels, layer, steps, metric.probe).accuracy(*_together(tested))
