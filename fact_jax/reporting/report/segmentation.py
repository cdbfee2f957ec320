"""Reports on runs of action segmentation."""

import math

import numpy as np

from fact_jax.metrics import segmentation as metrics
from fact_jax.reporting.report.kind import ReportKind
from fact_jax.reporting.segmentation import segment_files


class SegmentationReport(ReportKind):
    """Frames are labelled; scores are counted from true and predicted segments."""

    task = "action segmentation"
    file = segment_files.SEGMENTS_FILE
    evidence, truth = "segments", "labels"
    first_score = "F1@0.50"
    class_counts = ("true_frames", "predicted_frames", "true_segments", "predicted_segments")
    seen_by, unseen = ("true_frames", "predicted_frames"), "are never true and never predicted"
    how_resampled = "scores are computed anew from the counts of each resample"
    errors = "mark errors"
    styles = ("page.css",)
    scripts = ("page_basics.js", "page_timelines.js", "page_controls.js")

    def read(self, workdir):
        return segment_files.read_segments(workdir)

    def comparable(self, evaluated):
        return {
            "datasets": evaluated.dataset,
            "lists of classes": evaluated.class_names,
            "classes left out of the scores": evaluated.metric.background_ids,
            "background classes": evaluated.background_ids,
            "thresholds of F1": evaluated.metric.thresholds,
        }

    def truth_of(self, video):
        return video.true.tolist()

    def names(self, metric):
        return ("Edit", "AccB", "Acc", *map(metrics.f1_name, metric.thresholds))

    def class_scores(self, run):
        rows = run.state.per_class()
        for row in rows:
            if row["class_id"] in run.state.metric.background_ids:
                row |= {"true_segments": math.nan, "predicted_segments": math.nan}
        return rows

    def video_scores(self, run):
        return run.state.per_video()

    def sample(self, state, video_ids):
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

    def protocol(self, evaluated):
        excluded = ", ".join(evaluated.class_names[label] for label in evaluated.metric.background_ids)
        background = f"{excluded} not counted in Acc, Edit and F1" if excluded else "background counted"
        return f"{background}. Scores in percent at the full frame rate."

    def classes(self, evaluated):
        return dict(enumerate(evaluated.class_names))

    def describe_class(self, evaluated, class_id):
        background = class_id in evaluated.metric.background_ids
        return super().describe_class(evaluated, class_id) | {"is_background": background}

    def background_of(self, evaluated):
        return evaluated.background_ids

    def page_columns(self, metric):
        return ["precision", "recall", "F1", "Jaccard", *self.names(metric)[3:]]

    def text_columns(self, metric):
        return (self.names(metric)[-1], "Jaccard", "recall", "precision")

    def page_settings(self, evaluated):
        return {"fps": evaluated.fps}

    def page_videos(self, run, groups):
        return {
            video.video_id: (int(video.true[:, 1].sum()), video.true.ravel().tolist(), video.predicted.ravel().tolist())
            for video in run.evaluated.videos
        }


def _sums(state, video_ids):
    """What the scores of these videos are made of: float64 [V, 8 + thresholds].

    Columns: Edit and whether it is defined; correct frames and frames; the same of foreground; predicted and true
    segments; true segments hit at every threshold.
    """
    videos = {video.video_id: video for video in state.videos}
    rows = []
    for video in map(videos.__getitem__, video_ids):
        true, predicted, frames = video.pairs.T
        foreground = ~np.isin(true, state.metric.background_ids)
        defined = not math.isnan(video.edit)
        correct = true == predicted
        counted = [frames[correct].sum(), frames.sum(), frames[correct & foreground].sum(), frames[foreground].sum()]
        segments = [len(video.predicted_segments), len(video.true_segments), *map(len, video.hit_segments)]
        rows.append([video.edit if defined else 0.0, defined, *counted, *segments])
    return np.array(rows, np.float64)
