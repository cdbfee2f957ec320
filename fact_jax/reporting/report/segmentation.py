"""What a report knows about runs of action segmentation; `kinds` tells what the parts of such a module are for."""

import math

import numpy as np

from fact_jax.metrics import segmentation as metrics
from fact_jax.reporting.segmentation import segment_files

TASK = "action segmentation"
FILE = segment_files.SEGMENTS_FILE
EVIDENCE, TRUTH = "segments", "labels"
FIRST_SCORE = "F1@0.50"
CLASS_COUNTS = ("true_frames", "predicted_frames", "true_segments", "predicted_segments")
SEEN_BY, UNSEEN = ("true_frames", "predicted_frames"), "are never true and never predicted"
HOW_RESAMPLED = "scores are computed anew from the counts of each resample"
ERRORS = "mark errors"
STYLES = ("page.css",)
SCRIPTS = ("page_basics.js", "page_timelines.js", "page_controls.js")


def read(workdir):
    """SegmentedSet of a workdir."""
    return segment_files.read_segments(workdir)


def comparable(evaluated):
    """What has to be equal in words, and its value."""
    return {
        "datasets": evaluated.dataset,
        "lists of classes": evaluated.class_names,
        "classes left out of the scores": evaluated.metric.background_ids,
        "background classes": evaluated.background_ids,
        "thresholds of F1": evaluated.metric.thresholds,
    }


def truth_of(video):
    """The truth of a video as something to compare."""
    return video.true.tolist()


def names(metric):
    """Names of the scores in the published order."""
    return ("Edit", "AccB", "Acc", *map(metrics.f1_name, metric.thresholds))


def class_scores(run):
    """Rows of per_class.csv; the segments of a class left out of the scores are not counted: NaN."""
    rows = run.state.per_class()
    for row in rows:
        if row["class_id"] in run.state.metric.background_ids:
            row |= {"true_segments": math.nan, "predicted_segments": math.nan}
    return rows


def video_scores(run):
    """Rows of per_video.csv."""
    return run.state.per_video()


def sample(state, video_ids):
    """A function from weights float64 [R, V] to scores float64 [R, metrics] of resamples of these V videos."""
    sums = _sums(state, video_ids)

    def score(weights):
        edit, defined, correct, frames, foreground_correct, foreground, predicted, true, *hits = (weights @ sums).T
        columns = [
            metrics.ratio_percent(edit, defined) / 100.0,
            metrics.ratio_percent(correct, frames),
            metrics.ratio_percent(foreground_correct, foreground),
            *(metrics.f1_score(hit, predicted, true) for hit in hits),
        ]
        return np.stack(columns, axis=1)

    return score


def _sums(state, video_ids):
    """What the scores of a set of videos are made of: float64 [V, 8 + thresholds], a row per video id.

    Columns: Edit and whether it is defined; correct frames and frames; the same of foreground; predicted and true
    segments; true segments hit at every threshold.
    """
    videos = {video.video_id: video for video in state.videos}
    rows = []
    for video in map(videos.__getitem__, video_ids):
        true, predicted, frames = video.pairs.T
        foreground = ~np.isin(true, state.metric.background_ids)
        defined = not math.isnan(video.edit)
        rows.append(
            (
                video.edit if defined else 0.0,
                defined,
                frames[true == predicted].sum(),
                frames.sum(),
                frames[(true == predicted) & foreground].sum(),
                frames[foreground].sum(),
                len(video.predicted_segments),
                len(video.true_segments),
                *map(len, video.hit_segments),
            )
        )
    return np.array(rows, np.float64)


def protocol(evaluated):
    """How was scored, in words."""
    excluded = ", ".join(evaluated.class_names[label] for label in evaluated.metric.background_ids)
    background = f"{excluded} not counted in Acc, Edit and F1" if excluded else "background counted"
    return f"{background}. Scores in percent at the full frame rate."


def classes(evaluated):
    """{class id: name}."""
    return dict(enumerate(evaluated.class_names))


def describe_class(evaluated, class_id):
    """First columns of the row of a class."""
    return {
        "class_id": class_id,
        "class_name": evaluated.class_names[class_id],
        "is_background": class_id in evaluated.metric.background_ids,
    }


def background_of(evaluated):
    """Ids of the classes that are drawn as background."""
    return evaluated.background_ids


def page_columns(metric):
    """Columns of `class_scores` that the page offers, the first choice last."""
    return ["precision", "recall", *names(metric)[3:]]


def text_columns(metric):
    """Columns of `class_scores` that stand in report.md."""
    return (names(metric)[-1], "recall", "precision")


def more_tables(groups):
    """{name of a further CSV file: its rows}."""
    return {}


def more_markdown(groups):
    """Lines between the scores and the differences."""
    return []


def more_sections(groups):
    """{title of a further section of the page: its HTML}, between the scores and the differences."""
    return {}


def how_drawn(groups):
    """HTML below the title of the timelines."""
    return ""


def page_settings(evaluated):
    """Of the data of the page: frames per second of the times in it, 0 where they are unknown."""
    return {"fps": evaluated.fps}


def page_videos(run, groups):
    """{video: (its length, its truth, what was predicted)}.

    A length is in the unit of the times on the page; truth and prediction are lists class, frames, class, frames, ...
    """
    return {
        video.video_id: (int(video.true[:, 1].sum()), video.true.ravel().tolist(), video.predicted.ravel().tolist())
        for video in run.evaluated.videos
    }
