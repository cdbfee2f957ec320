"""tables/recognition.json: what was counted in every evaluated clip, for reports to count again without views."""

import dataclasses
import math
import pathlib

from fact_jax.metrics.recognition import RecognitionMetric
from fact_jax.metrics.recognition_scores import TOP, ClipScores, RecognitionScores
from fact_jax.reporting import evaluation_files

SCORES_FILE = pathlib.PurePath("tables", "recognition.json")
_DECIMALS = 6  # of probabilities


@dataclasses.dataclass(frozen=True)
class ScoredClips:
    """All evaluated clips of one evaluation.

    Attributes:
      scores: with the clips by name.
      class_names: of every head, by class id.
      dataset: its name.
    """

    scores: RecognitionScores
    class_names: tuple[tuple[str, ...], ...]
    dataset: str

    @property
    def metric(self) -> RecognitionMetric:
        return self.scores.metric

    @property
    def videos(self) -> tuple[ClipScores, ...]:
        return self.scores.videos

    def state(self) -> RecognitionScores:
        """What counts every clip again."""
        return self.scores


def write_scores(workdir, scored: ScoredClips):
    """Writes ScoredClips below `workdir`; returns the path. Probabilities have six decimals."""
    head = {
        "dataset": scored.dataset,
        "heads": list(scored.metric.heads),
        "class_names": [list(names) for names in scored.class_names],
    }
    clips = (
        {
            "id": clip.video_id,
            "labels": clip.labels,
            "classes": clip.classes,
            "probabilities": [[round(value, _DECIMALS) for value in values] for values in clip.probabilities],
            "ranks": clip.ranks,
            "true_probabilities": [round(value, _DECIMALS) for value in clip.true_probabilities],
            "pair_rank": clip.pair_rank,
            "views": clip.num_views,
        }
        for clip in scored.videos
    )
    return evaluation_files.write_evaluation(pathlib.Path(workdir) / SCORES_FILE, head, clips)


def read_scores(workdir) -> ScoredClips:
    """Reads what `write_scores` wrote; UserError without a whole file, which says how to make it."""
    return evaluation_files.read_evaluation(pathlib.Path(workdir) / SCORES_FILE, _parse)


def _parse(content):
    class_names = tuple(tuple(map(str, names)) for names in content["class_names"])
    metric = RecognitionMetric(tuple(map(str, content["heads"])), tuple(map(len, class_names)))
    clips = evaluation_files.by_name(_parse_clip(metric, entry) for entry in content["videos"])
    return ScoredClips(RecognitionScores(metric, clips), class_names, str(content["dataset"]))


def _parse_clip(metric, entry):
    def of_heads(key, kind):
        return tuple(map(kind, entry[key]))

    clip = ClipScores(
        str(entry["id"]),
        of_heads("labels", int),
        tuple(tuple(map(int, classes)) for classes in entry["classes"]),
        tuple(tuple(map(float, values)) for values in entry["probabilities"]),
        of_heads("ranks", int),
        of_heads("true_probabilities", float),
        int(entry["pair_rank"]),
        int(entry["views"]),
    )
    if wrong := _what_is_wrong(metric, clip):
        raise ValueError(f"clip {clip.video_id!r} has {wrong}")
    return clip


def _what_is_wrong(metric, clip):
    """What cannot be in a clip, or ""."""
    heads = len(metric.heads)
    parts = (clip.labels, clip.classes, clip.probabilities, clip.ranks, clip.true_probabilities)
    if any(len(part) != heads for part in parts):
        return f"not {heads} heads"
    for place, count in enumerate(metric.num_classes):
        classes, label, rank = clip.classes[place], clip.labels[place], clip.ranks[place]
        if len(set(classes)) != min(TOP, count) or len(clip.probabilities[place]) != len(classes):
            return f"not {min(TOP, count)} likely classes"
        if not all(0 <= found < count for found in (*classes, label, rank)):
            return "a class or a rank that cannot be"
        if rank != (classes.index(label) if label in classes else max(rank, len(classes))):
            return "a rank that its classes contradict"
    chances = [*clip.true_probabilities, *(value for values in clip.probabilities for value in values)]
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in chances):
        return "a probability that is none"
    return "" if 0 <= clip.pair_rank <= TOP and clip.num_views > 0 else "a rank of its pair, or views, that cannot be"
