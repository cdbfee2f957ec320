"""What an evaluation left in a folder, as a Review with ground truth."""

from pathlib import Path

import numpy as np

from fact_jax.reporting.localization import detection_layout, detection_sets
from fact_jax.reporting.review.content import Review, ReviewedVideo, Track
from fact_jax.reporting.segmentation import segment_files


def read_evaluation(folder) -> Review | None:
    """The Review of what was evaluated in `folder`; None where no segments were. UserError where it is broken."""
    if (Path(folder) / segment_files.SEGMENTS_FILE).is_file():
        return _segmented(segment_files.read_segments(folder))
    if (Path(folder) / detection_sets.DETECTIONS_FILE).is_file():
        return _detected(detection_sets.read_detections(folder))
    return None


def _segmented(found):
    videos = tuple(
        ReviewedVideo(
            video_id=name,
            predicted=_of_runs(predicted),
            truth=_of_runs(true),
            rows=int(true[:, 1].sum()),
            fps=found.fps,
        )
        for name, true, predicted in found.videos
    )
    background = tuple(found.background_ids)
    return Review(title=found.dataset, class_names=found.class_names, background=background, videos=videos)


def _of_runs(runs):
    """The Track of int64 [K, 2], rows (class, number of rows)."""
    ends = np.cumsum(runs[:, 1])
    bounds = np.stack([ends - runs[:, 1], ends], axis=1)
    return Track(runs[:, 0].astype(np.int64), bounds, np.full(len(runs), np.nan))


def _detected(found):
    numbers = {class_id: place for place, class_id in enumerate(found.class_names)}

    def track(labels, segments, scores):
        rows = zip(labels.tolist(), segments.tolist(), scores.tolist(), strict=True)
        return Track.of((numbers[label], *ends, score) for label, ends, score in rows if np.isfinite(ends).all())

    videos = []
    for video in found.videos:
        duration = found.durations[video.video_id]
        known = duration if duration < detection_layout.ENDLESS else 0.0
        truth = track(video.true_labels, video.true_segments, np.full(len(video.true_labels), np.nan))
        predicted = track(video.labels, video.segments.astype(np.float64), video.scores.astype(np.float64))
        videos.append(ReviewedVideo(video_id=video.video_id, predicted=predicted, truth=truth, duration=known))
    names = tuple(map(str, found.class_names.values()))
    return Review(title=found.dataset, class_names=names, background=(), videos=tuple(videos))
