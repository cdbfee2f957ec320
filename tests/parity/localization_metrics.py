"""Compares the localization metrics with scores of the published evaluation.

A file of this kind holds the truth `gt/*`, of which the rows of one split count, what is left of it without doubles,
`gt_dedup/*`, and cases of detections `{case}/pred/*` with their scores.
"""

import json

import numpy as np

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from tests.parity.report import compare, identical

ATOL = 1e-9


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    metric = LocalizationMetric(tuple(config["tiou_thresholds"]), tuple(config["top_k"]), published_classes=True)
    rows = _check_doubles(npz, _states(metric, npz, None))
    for case in sorted({name.split("/")[0] for name in npz if name.endswith("/ap")}):
        found = merge_states(_states(metric, npz, case), metric.empty()).per_class()
        rows += [
            compare(f"{case}/ap", found.precision, npz[f"{case}/ap"], atol=ATOL),
            compare(f"{case}/mAP", found.precision.mean(axis=1), npz[f"{case}/mAP"], atol=ATOL),
            compare(f"{case}/avg_mAP", found.precision.mean(), npz[f"{case}/avg_mAP"], atol=ATOL),
            compare(f"{case}/recall_per_class", found.recall, npz[f"{case}/recall_per_class"], atol=ATOL),
            compare(f"{case}/mean_recall", found.recall.mean(axis=2), npz[f"{case}/mean_recall"], atol=ATOL),
        ]
    return rows


def _states(metric, npz, case):
    """A state of every video of the truth and, unless `case` is None, of its detections."""
    chosen = npz["gt/in_split"].astype(bool)
    names = npz["gt/video"][chosen]
    if case is not None:
        names = np.concatenate([names, npz[f"{case}/pred/video"]])
    states = []
    for video in np.unique(names):
        truth = chosen & (npz["gt/video"] == video)
        found = npz[f"{case}/pred/video"] == video if case is not None else np.zeros(0, bool)
        read = {name: npz[f"{case}/pred/{name}"][found] if case is not None else [] for name in ("score", "label")}
        places = _segments(npz, f"{case}/pred", found) if case is not None else []
        states.append(
            metric.from_video(
                f"{video:06d}",
                _segments(npz, "gt", truth),
                npz["gt/label"][truth],
                places,
                read["score"],
                read["label"],
            )
        )
    return states


def _segments(npz, path, chosen):
    return np.stack([npz[f"{path}/start"][chosen], npz[f"{path}/end"][chosen]], axis=1)


def _check_doubles(npz, states):
    videos = [video for state in states for video in state.videos]
    segments = np.concatenate([video.true_segments for video in videos])
    labels = np.unique(np.concatenate([video.true_labels for video in videos]), return_inverse=True)[1]
    found = np.column_stack([np.repeat([int(v.video_id) for v in videos], [len(v.true_labels) for v in videos]),
                             segments, labels])  # fmt: skip
    wanted = np.column_stack([npz[f"gt_dedup/{name}"] for name in ("video", "start", "end", "label_index")])
    return [identical("gt_dedup", _ordered(found), _ordered(wanted))]


def _ordered(rows):
    return rows[np.lexsort(rows.T[::-1])]
