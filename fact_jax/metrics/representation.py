"""Scores of embeddings of frames, as CARL's paper reports them, over one dataset or several (such as actions).

Phases of training and of evaluated videos are compared: linear models are fitted to the embeddings of training videos.
Videos without labels count for Kendall's tau alone. Frames that bear no label (negative) are left out of a labelled
video, as published. Every score is of one dataset; the result is the plain mean over datasets.
"""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float, Int

from fact_jax.metrics import alignment, phase_probes
from fact_jax.metrics.linear_probe import LinearProbeConfig, initial_probe, probe_steps, train_probe
from fact_jax.metrics.representation_scores import RepresentationScores, VideoScores
from fact_jax.types import UserError, check_choice

TASKS = ("classification", "progress", "tau", "retrieval", "linear_probe")
SUBSETS = ("train", "test")
DEFAULT_TASKS = TASKS[:-1]
NO_PHASE = -1


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
      probe: settings of "linear_probe".
      seed: of what "linear_probe" draws.
      datasets: names of the datasets; () = they are numbered.
    """

    num_classes: tuple[int, ...]
    tasks: tuple[str, ...] = DEFAULT_TASKS
    fractions: tuple[float, ...] = (0.1, 0.5, 1.0)
    stride: int = 1
    retrieval_sizes: tuple[int, ...] = (5, 10, 15)
    distance: str = "sqeuclidean"
    probe: LinearProbeConfig = LinearProbeConfig()
    seed: int = 1
    datasets: tuple[str, ...] = ()

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
        embeddings, phases = np.asarray(embeddings, np.float32), None
        if labels is not None:
            phases = np.maximum(np.asarray(labels, np.int64), NO_PHASE)
            labels = phases
            if (phases < 0).any():  # otherwise the embeddings are not copied
                embeddings, labels = embeddings[phases >= 0], phases[phases >= 0]
        check_choice("subset", subset, SUBSETS)
        found = _Video(str(video_id), subset, position, embeddings, labels, phases, dataset)
        return RepresentationState(self, (found,))

    def title(self, dataset: int) -> str:
        """The name of a dataset."""
        return self.datasets[dataset] if self.datasets else f"dataset {dataset}"

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
    phases: Int[np.ndarray, " _"] | None  # the labels with those of frames that are left out, NO_PHASE
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
        """Scores by name, see `RepresentationScores.compute`."""
        return self.scores.compute()

    def per_dataset(self) -> tuple[dict[str, float], ...]:
        """The same for every dataset alone."""
        return self.scores.per_dataset()

    def means(self) -> list[dict]:
        """Rows of means, see `RepresentationScores.means`."""
        return self.scores.means()

    @functools.cached_property
    def scores(self) -> RepresentationScores:
        """What was counted in every evaluated video, in order; linear models are fitted for it."""
        videos, found = self._ordered(), []
        for number, num_classes in enumerate(self.metric.num_classes):
            train, test = ([v for v in videos if (v.dataset, v.subset) == (number, subset)] for subset in SUBSETS)
            found += _count_dataset(self.metric, train, test, num_classes)
        return RepresentationScores(self.metric, tuple(found))

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


def _count_dataset(metric, train, test, num_classes):
    """VideoScores of the evaluated videos of one dataset, which come in order, as do those to train with."""
    found = [VideoScores(v.video_id, v.dataset, v.phases, None, {}, {}, {}, np.zeros(0)) for v in test]
    tested = [place for place, video in enumerate(test) if video.labels is not None and len(video.labels)]
    labelled = [test[place] for place in tested]
    for fraction in metric.fractions:
        count = max(1, int(fraction * len(train)))
        learned = _with_labels(train[:count])
        if "linear_probe" in metric.tasks:
            count = max(count, min(metric.probe.videos_per_step, len(train)))
            _classify(f"Linear@{fraction:g}", _fit_probe(metric, _with_labels(train[:count]), num_classes), test, found)
        if "classification" in metric.tasks and learned:
            _classify(f"Classification@{fraction:g}", phase_probes.fit_phases(*_together(learned)), test, found)
        if "progress" in metric.tasks and num_classes > 1:
            _follow(f"Progress@{fraction:g}", learned, test, found, num_classes)
    if "tau" in metric.tasks:
        has = [place for place, video in enumerate(test) if len(video.embeddings)]
        taus = np.full((len(test), len(test)), np.nan)
        taus[np.ix_(has, has)] = alignment.pairwise_tau(
            [test[place].embeddings for place in has], metric.stride, metric.distance
        )
        for place, row in enumerate(taus):
            found[place] = dataclasses.replace(found[place], taus=row)
    if "retrieval" in metric.tasks:
        parts = [video.embeddings for video in labelled], [video.labels for video in labelled]
        shares = alignment.retrieved_shares(*parts, metric.retrieval_sizes, metric.stride)
        names = [f"AP@{size}" for size in metric.retrieval_sizes]
        for place, row in zip(tested, shares.tolist(), strict=False):
            found[place] = dataclasses.replace(found[place], retrieved=dict(zip(names, row, strict=True)))
    return found


def _with_labels(videos):
    return [video for video in videos if video.labels is not None and len(video.labels)]


def _together(videos):
    """(embeddings, labels) of all frames."""
    return np.concatenate([v.embeddings for v in videos]), np.concatenate([v.labels for v in videos])


def _classify(name, classifier, test, found):
    """Notes what a classifier says of the frames of every labelled video; None: there is none."""
    for place, video in enumerate(test):
        if classifier is None or video.labels is None or not len(video.labels):
            continue
        labels = classifier.predict(video.embeddings)
        predicted = np.full(len(video.phases), NO_PHASE)
        predicted[video.phases >= 0] = labels
        right = found[place].right | {name: int(np.sum(labels == video.labels))}
        found[place] = dataclasses.replace(found[place], predicted=predicted, right=right)


def _follow(name, learned, test, found, num_classes):
    """Notes how well a regression follows the action; videos that lack a phase but the last are left out."""
    parts = []
    for videos in (learned, test):
        labelled = [place for place, video in enumerate(videos) if video.labels is not None]
        targets = {place: phase_probes.progress_targets(videos[place].labels, num_classes) for place in labelled}
        parts.append({place: target for place, target in targets.items() if target is not None})
    known, wanted = parts
    if not known or not wanted:
        return
    embeddings = np.concatenate([learned[place].embeddings for place in known])
    regression = phase_probes.fit_progress(embeddings, np.concatenate(list(known.values())))
    middle = np.concatenate(list(wanted.values())).mean(axis=0)
    for place, targets in wanted.items():
        errors, centred = targets - regression.predict(test[place].embeddings), targets - middle
        sums = np.stack([np.sum(values, axis=0) for values in (errors**2, centred, centred**2)])
        found[place] = dataclasses.replace(found[place], progress=found[place].progress | {name: sums})


def _fit_probe(metric, learned, num_classes):
    if not learned:
        return None
    rng = np.random.default_rng(metric.seed)
    layer = initial_probe(num_classes, learned[0].embeddings.shape[1], rng)
    steps = probe_steps(len(learned), metric.probe, rng)
    features, labels = [v.embeddings for v in learned], [v.labels for v in learned]
    return train_probe(features, labels, layer, steps, metric.probe)
