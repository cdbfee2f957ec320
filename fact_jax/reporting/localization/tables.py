"""Tables of a localization evaluation, as CSV."""

import math

from fact_jax import files
from fact_jax.reporting.tables import to_csv


def how_scored(metric):
    """Lines about the scores of a LocalizationMetric."""
    others = (
        "the class whose place in the order has that number, as published" if metric.published_classes else "nobody"
    )
    return (
        "Percent. mAP@avg is the mean over these tIoU; Recall@kx looks at the best k detections of a class for every",
        "true segment of the video. Segments annotated twice count once.",
        f"Detections of a class without a true segment count for {others}.",
    )


def write_tables(folder, state, class_names):
    """Writes per_class.csv, per_threshold.csv, means.csv, per_video.csv of a LocalizationState; returns their paths."""
    found = state.per_class()
    tables = {
        "per_class.csv": per_class(state.metric, found, class_names),
        "per_threshold.csv": per_threshold(state.metric, found),
        "means.csv": state.means(),
        "per_video.csv": [
            {"video": video.video_id, "true_segments": len(video.true_labels), "detections": len(video.labels)}
            for video in sorted(state.videos, key=lambda video: video.video_id)
        ],
    }
    return [files.atomic_write_text(f"{folder}/{name}", to_csv(rows)) for name, rows in tables.items()]


def per_class(metric, found, class_names):
    """A dict per class: average precision and recall in percent."""
    rows = []
    for place, class_id in enumerate(found.class_ids.tolist()):
        row = {"class_id": class_id, "class_name": class_names[class_id]}
        row |= {"true_segments": int(found.num_true[place]), "detections": int(found.num_detections[place])}
        precision, recall = found.precision[:, place], found.recall[:, :, place]
        row |= _numbers("AP", metric.thresholds, precision)
        for column, k in enumerate(metric.top_k):
            row |= _numbers(f"Recall@{k}x", metric.thresholds, recall[:, column])
        rows.append(row)
    return rows


def per_threshold(metric, found):
    """A dict per tIoU, and one for the average: means over the classes in percent."""
    rows = []
    for place, threshold in [*enumerate(metric.thresholds), (slice(None), "average")]:
        row = {"tIoU": threshold if threshold == "average" else f"{threshold:.2f}"}
        row["mAP"] = _percent(found.precision[place])
        for column, k in enumerate(metric.top_k):
            row[f"Recall@{k}x"] = _percent(found.recall[:, column][place])
        rows.append(row)
    return rows


def _numbers(name, thresholds, values):
    numbers = {f"{name}@{t:.2f}": 100.0 * float(value) for t, value in zip(thresholds, values, strict=True)}
    return numbers | {f"{name}@avg": _percent(values)}


def _percent(values):
    return 100.0 * float(values.mean()) if values.size else math.nan
