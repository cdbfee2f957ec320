"""Reports on runs that embed frames: what linear models read from embeddings, and how videos lie together."""

import dataclasses
import math

import numpy as np

from fact_jax.metrics.frame_scores import NAMES
from fact_jax.metrics.representation_scores import RepresentationScores
from fact_jax.reporting import shares
from fact_jax.reporting.report.kind import ReportKind
from fact_jax.reporting.representation import score_files
from fact_jax.reporting.representation import tables as representation_tables

# The class of frames that have no phase.
NO_PHASE = "no phase"


@dataclasses.dataclass(frozen=True)
class _InPercent:
    """RepresentationScores as a report shows them: tau and R^2 in percent as well."""

    scores: RepresentationScores

    @property
    def metric(self):
        return self.scores.metric

    @property
    def videos(self):
        return self.scores.videos

    def compute(self):
        return _in_percent(self.scores.compute())

    def means(self):
        rows = []
        for row in self.scores.means():
            name, mean = shares.in_percent(row["score"], row["mean"])
            rows.append(row | {"score": name, "mean": mean, "std": shares.in_percent(row["score"], row["std"])[1]})
        return rows


@dataclasses.dataclass(frozen=True)
class _Evaluated:
    """A ScoredSet as `ReportKind` asks for it."""

    scored: score_files.ScoredSet

    @property
    def dataset(self):
        return self.scored.dataset

    @property
    def metric(self):
        return self.scored.metric

    @property
    def videos(self):
        return self.scored.videos

    def state(self):
        return _InPercent(self.scored.scores)


class RepresentationReport(ReportKind):
    """Frames are embedded; scores are counted from what linear models and nearest frames said of every video."""

    task = "representation learning"
    file = score_files.SCORES_FILE
    evidence, truth = "counts", "phases"
    first_score = "Classification@1"
    class_counts = ("true_frames", "predicted_frames", "true_segments")
    seen_by, unseen = ("true_frames", "predicted_frames"), "are never true and never predicted"
    how_resampled = (
        "linear models stay as they are, and so do the videos that frames are retrieved from; a video that is drawn "
        "twice is scored twice, and has no tau with itself"
    )
    errors = "mark errors"
    styles = ("page.css",)
    scripts = ("page_basics.js", "page_timelines.js", "page_controls.js")

    def read(self, workdir):
        return _Evaluated(score_files.read_scores(workdir))

    def comparable(self, evaluated):
        scored, metric = evaluated.scored, evaluated.metric
        return {
            "datasets": evaluated.dataset,
            "datasets that are scored apart": metric.datasets,
            "lists of phases": tuple(self.classes(evaluated).values()),
            "scores": metric.names(),
            "frames that are embedded": scored.stride,
            "frames that tau and retrieval look at": metric.stride,
            "distances of tau": metric.distance,
            "settings of the linear probe": metric.probe,
        }

    def stored(self, scores):
        return _in_percent(scores)

    def truth_of(self, video):
        return [None if video.true is None else video.true.tolist()]

    def names(self, metric):
        return tuple(_in_percent(dict.fromkeys(metric.names(), 0.0)))

    def class_scores(self, run):
        counts = _count_segments(run.evaluated.scored)
        rows = [
            {"class_id": place, "true_segments": counts[place]}
            | {name: row[name] for name in ("true_frames", "predicted_frames", *NAMES)}
            for place, row in enumerate(run.evaluated.scored.scores.per_phase())
        ]
        if len(rows) < len(counts):
            unknown = dict.fromkeys(("true_frames", "predicted_frames", *NAMES), math.nan)
            rows.append({"class_id": len(rows), "true_segments": counts[-1], **unknown})
        return rows

    def video_scores(self, run):
        rows = run.evaluated.scored.scores.per_video()
        return [{name: row[name] for name in ("video_id", "frames")} | _in_percent(_scores_of(row)) for row in rows]

    def sample(self, state, video_ids):
        scores, factors = state.scores.select(video_ids), list(_in_percent(_ones(state.metric)).values())
        return lambda weights: scores.resample(weights) * factors

    def protocol(self, evaluated):
        metric = evaluated.metric
        count = len(metric.num_classes)
        apart = f"means over {count} datasets" if count > 1 else f"{len(self.classes(evaluated))} phases"
        sentences = " ".join(representation_tables.about_scores(metric))
        frames = representation_tables.every(evaluated.scored.stride)
        return f"{apart}; {frames} frame is embedded. {sentences} Tau and R^2 are in percent here."

    def classes(self, evaluated):
        phases, title = evaluated.scored.phases, evaluated.metric.title
        several = len(phases) > 1
        names = [f"{title(n)}: {phase}" if several else phase for n, own in enumerate(phases) for phase in own]
        return dict(enumerate(names + [NO_PHASE] * _has_gaps(evaluated.scored)))

    def background_of(self, evaluated):
        return (sum(map(len, evaluated.scored.phases)),) if _has_gaps(evaluated.scored) else ()

    def page_columns(self, metric):
        return ["Jaccard", "F1", "precision", "recall"]

    def text_columns(self, metric):
        return ("recall", "precision", "F1")

    def how_drawn(self, groups):
        return "Phases of the embedded frames, and below them those that the last linear model of every run says."

    def page_settings(self, evaluated):
        return {"fps": evaluated.scored.fps}

    def page_videos(self, run, groups):
        scored = run.evaluated.scored
        return {
            video.video_id: (
                scored.lengths[video.video_id],
                *(_runs(scored, video, labels).ravel().tolist() for labels in (video.true, video.predicted)),
            )
            for video in scored.videos
        }


def _ones(metric):
    return dict.fromkeys(metric.names(), 1.0)


def _in_percent(scores):
    """{name: score} as a report shows them."""
    return dict(shares.in_percent(name, value) for name, value in scores.items())


def _scores_of(row):
    return {name: value for name, value in row.items() if name not in ("video_id", "frames")}


def _has_gaps(scored):
    """Whether there are frames without a phase."""
    return any(labels is None or np.any(labels < 0) for v in scored.videos for labels in (v.true, v.predicted))


def _runs(scored, video, labels):
    """int64 [K, 2], rows (class of the report, frames) of a video; where `labels` is None, none has a phase."""
    gap, first = sum(map(len, scored.phases)), sum(map(len, scored.phases[: video.dataset]))
    if labels is None:
        return np.array([[gap, scored.lengths[video.video_id]]])
    return score_files.to_runs(np.where(labels < 0, gap, labels + first))


def _count_segments(scored):
    """True segments of every class of the report."""
    count = sum(map(len, scored.phases)) + _has_gaps(scored)
    labels = [_runs(scored, video, video.true)[:, 0] for video in scored.videos]
    return np.bincount(np.concatenate(labels), minlength=count).tolist()
