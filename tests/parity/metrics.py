"""Compares the segmentation metrics with scores that the published code gave for given labels.

A file of this kind holds JSON strings: `pairs` (single videos), `joint` (sets of videos) and, optionally,
`shrink_expand` and `expand_index` (the resampling between the feature grid and the full rate). A prediction shorter
than its truth lies on the feature grid. Where the published code crashed ("error"), the scores are compared with the
slow loops of tests/reference instead.
"""

import json
import math

import numpy as np

from fact_jax.metrics import base, segmentation
from fact_jax.ops import resampling
from tests.reference import segmentation_scores

PARTS = ("pairs", "joint", "shrink_expand", "expand_index")
# Percent. Both sides compute in float64; the order of a sum may differ.
TOLERANCE = 1e-9


def check(npz):
    """Checks a loaded file.

    Args:
      npz: mapping from name to array, with at least one of the keys above.

    Returns:
      list of (name, max_abs_error, max_rel_error, ok), one row per video, set of videos or resampling.
    """
    read = {name: json.loads(str(npz[name])) for name in PARTS if name in npz}
    rows = [_check_pair(f"pairs/{item.get('name', index)}", item) for index, item in enumerate(read.get("pairs", []))]
    for index, item in enumerate(read.get("joint", [])):
        rows += _check_joint(f"joint/{index}", item)
    for index, item in enumerate(read.get("shrink_expand", [])):
        rows.append(_check_shrink(f"shrink_expand/{index}", item))
    for item in read.get("expand_index", []):
        found = resampling.nearest_index(item["in_len"], item["out_len"])
        rows.append(_row(f"expand_index/{item['in_len']}to{item['out_len']}", [(found, item["index"], 0)]))
    return rows


def _check_pair(name, item):
    prediction, truth = _expand(item), item["gt"]
    found = _scores([(prediction, truth)], item["bg"])
    wanted = item["metrics"]
    if "error" in wanted:
        wanted = segmentation_scores.scores([(prediction.tolist(), truth)], item["bg"])
        name += " (published code crashes)"
    compared = [(found[key], value, TOLERANCE) for key, value in wanted.items()]
    if item.get("expanded_pred") is not None:
        compared.append((prediction, item["expanded_pred"], 0))
    return _row(name, compared)


def _check_joint(name, item):
    videos = [(_expand(video), video["gt"]) for video in item["videos"]]
    found = _scores(videos, item["bg"])
    rows = [_row(name, [(found[key], value, TOLERANCE) for key, value in item["metrics"].items()])]
    if "metrics_eval_edit_false" in item:
        compared = [(found[key], value, TOLERANCE) for key, value in item["metrics_eval_edit_false"].items()]
        rows.append(_row(f"{name}/eval_edit_false", compared))
    for index, wanted in enumerate(item.get("per_video", [])):
        alone = _scores([videos[index]], item["bg"])
        rows.append(_row(f"{name}/video{index}", [(alone[key], value, TOLERANCE) for key, value in wanted.items()]))
    return rows


def _check_shrink(name, item):
    shrunk = resampling.downsample_labels(np.array(item["label"]), item["sr"])
    expanded = resampling.upsample(shrunk, len(item["label"]))
    return _row(name, [(shrunk, item["shrunk"], 0), (expanded, item["expanded_back"], 0)])


def _expand(item):
    return resampling.upsample(np.array(item["pred"]), len(item["gt"]))


def _scores(videos, background):
    # The files do not state the number of classes; no score depends on it.
    largest = max([*background, *(int(np.max(row)) for video in videos for row in video)])
    metric = segmentation.SegmentationMetric(largest + 1, tuple(background))
    return base.merge_states([metric.from_video(*video) for video in videos], metric.empty()).compute()


def _row(name, compared):
    """One row from (found, wanted, absolute tolerance) triples; NaN equals NaN, other shapes are infinitely wrong."""
    largest = relative = 0.0
    ok = True
    for found, wanted, tolerance in compared:
        found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
        if found.shape != wanted.shape or np.any(np.isnan(found) != np.isnan(wanted)):
            return name, math.inf, math.inf, False
        difference = np.nan_to_num(np.abs(found - wanted))
        largest = max(largest, difference.max(initial=0.0))
        scale = np.maximum(np.nan_to_num(np.abs(wanted)), np.finfo(np.float64).tiny)
        relative = max(relative, np.where(difference > 0, difference / scale, 0.0).max(initial=0.0))
        ok &= bool(np.all(difference <= tolerance))
    return name, float(largest), float(relative), ok
