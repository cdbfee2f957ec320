"""tables/representation.json: what was counted in every evaluated video of an evaluation of embeddings.

It holds all that the scores depend on once linear models are fitted, so that a report counts again without embeddings.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping

import numpy as np

from fact_jax.metrics.linear_probe import LinearProbeConfig
from fact_jax.metrics.representation import NO_PHASE, RepresentationMetric
from fact_jax.metrics.representation_scores import RepresentationScores, VideoScores
from fact_jax.ops import segments
from fact_jax.reporting import evaluation_files

SCORES_FILE = pathlib.PurePath("tables", "representation.json")
_TAU_DECIMALS = 6


@dataclasses.dataclass(frozen=True)
class ScoredSet:
    """All evaluated videos of one evaluation and how they were scored.

    Attributes:
      scores: with the videos by name.
      phases: names of the phases of every dataset of the metric.
      dataset: name of them all.
      stride: every such frame is embedded.
      fps: embedded frames per second, 0 where unknown or not the same for all.
      lengths: embedded frames by video.
    """

    scores: RepresentationScores
    phases: tuple[tuple[str, ...], ...]
    dataset: str
    stride: int
    fps: float
    lengths: Mapping[str, int]

    @property
    def metric(self) -> RepresentationMetric:
        return self.scores.metric

    @property
    def videos(self) -> tuple[VideoScores, ...]:
        return self.scores.videos


def write_scores(workdir, scored: ScoredSet):
    """Writes a ScoredSet below `workdir`; returns the path. Taus have six decimals, other numbers all digits."""
    metric = scored.metric
    head = {
        "dataset": scored.dataset,
        "datasets": [metric.title(number) for number in range(len(metric.num_classes))],
        "phases": [list(names) for names in scored.phases],
        "stride": scored.stride,
        "fps": scored.fps,
        "tasks": list(metric.tasks),
        "fractions": list(metric.fractions),
        "score_stride": metric.stride,
        "retrieval_sizes": list(metric.retrieval_sizes),
        "distance": metric.distance,
        "probe": dataclasses.asdict(metric.probe),
        "seed": metric.seed,
    }
    scores = scored.scores.select(sorted(video.video_id for video in scored.videos))
    videos = (
        {
            "id": video.video_id,
            "dataset": video.dataset,
            "frames": scored.lengths[video.video_id],
            "true": None if video.true is None else to_runs(video.true).ravel().tolist(),
            "predicted": None if video.predicted is None else to_runs(video.predicted).ravel().tolist(),
            "right": dict(video.right),
            "progress": {name: sums.tolist() for name, sums in video.progress.items()},
            "retrieved": dict(video.retrieved),
            "taus": [None if math.isnan(tau) else round(tau, _TAU_DECIMALS) for tau in video.taus.tolist()],
        }
        for video in scores.videos
    )
    return evaluation_files.write_evaluation(pathlib.Path(workdir) / SCORES_FILE, head, videos)


def read_scores(workdir) -> ScoredSet:
    """Reads what `write_scores` wrote; UserError without a whole file, which says how to make it."""
    return evaluation_files.read_evaluation(pathlib.Path(workdir) / SCORES_FILE, _parse)


def to_runs(labels):
    """Labels of frames, int [T], to int64 [K, 2]: rows (label, frames)."""
    labels, starts, ends = segments.frames_to_segments(labels)
    return np.stack([labels, ends - starts], axis=1)


def _parse(content):
    phases = tuple(tuple(map(str, names)) for names in content["phases"])
    datasets = tuple(map(str, content["datasets"]))
    if len(phases) != len(datasets):
        raise ValueError(f"{len(datasets)} datasets, and phases of {len(phases)}")
    metric = RepresentationMetric(
        tuple(map(len, phases)),
        tasks=tuple(content["tasks"]),
        fractions=tuple(map(float, content["fractions"])),
        stride=int(content["score_stride"]),
        retrieval_sizes=tuple(map(int, content["retrieval_sizes"])),
        distance=content["distance"],
        probe=LinearProbeConfig(**content["probe"]),
        seed=int(content["seed"]),
        datasets=datasets,
    )
    fps = float(content["fps"])
    if not (math.isfinite(fps) and fps >= 0):
        raise ValueError(f"fps is {fps}, expected a positive number, or 0 where it is unknown")
    videos = evaluation_files.by_name(_parse_video(metric, entry) for entry in content["videos"])
    if [video.video_id for video in videos] != [str(entry["id"]) for entry in content["videos"]]:
        raise ValueError("its videos are not in order of their names")
    counts = np.bincount([video.dataset for video in videos], minlength=len(datasets))
    for video in videos:
        if "tau" in metric.tasks and len(video.taus) != counts[video.dataset]:
            raise ValueError(f"video {video.video_id!r} has {len(video.taus)} taus of {counts[video.dataset]} videos")
    lengths = {str(entry["id"]): int(entry["frames"]) for entry in content["videos"]}
    scores = RepresentationScores(metric, videos)
    return ScoredSet(scores, phases, str(content["dataset"]), int(content["stride"]), fps, lengths)


def _parse_video(metric, entry):
    name, dataset = str(entry["id"]), int(entry["dataset"])
    if not 0 <= dataset < len(metric.num_classes):
        raise ValueError(f"video {name!r} is of a dataset that does not exist, {dataset}")
    true, predicted = (_to_labels(entry, key, metric.num_classes[dataset]) for key in ("true", "predicted"))
    right = {str(key): int(count) for key, count in entry["right"].items()}
    progress = {str(key): np.array(sums, np.float64) for key, sums in entry["progress"].items()}
    retrieved = {str(key): float(share) for key, share in entry["retrieved"].items()}
    if unknown := {*right, *progress, *retrieved} - set(metric.names()):
        raise ValueError(f"video {name!r} has {min(unknown)}, which is no score of this evaluation")
    for key, sums in progress.items():
        if sums.shape != (3, metric.num_classes[dataset] - 1) or not np.isfinite(sums).all():
            raise ValueError(f"video {name!r}: {key} are not 3 sums for every phase but the last")
    taus = np.array([math.nan if tau is None else tau for tau in entry["taus"]], np.float64)
    video = VideoScores(name, dataset, true, predicted, right, progress, retrieved, taus)
    if right and max(right.values()) > video.num_labelled:
        raise ValueError(f"video {name!r} has more frames that are right than frames with a phase")
    return video


def _to_labels(entry, key, num_classes):
    """int64 [T] of [label, frames, label, frames, ...]; None: there are none."""
    if entry[key] is None:
        return None
    runs = np.array(entry[key], np.int64).reshape(-1, 2)
    labels = np.repeat(runs[:, 0], runs[:, 1])
    if len(labels) != entry["frames"] or np.any(labels < NO_PHASE) or np.any(labels >= num_classes):
        raise ValueError(f"video {entry['id']!r}: {key} has a phase or a length that cannot be")
    return labels
