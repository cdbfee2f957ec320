"""Compares non-maximum suppression with results of the compiled operator of the published code.

A file of this kind holds candidates `case{c}/{segments,scores,labels}` with what the variants of its config make of
them, `case{c}/{variant}/*`, and results of the operator itself: `raw_softnms_m{0,1,2}`, `raw_nms_0.3`, `special/*`.
"""

import json
import re

import numpy as np

from fact_jax.ops.nms import Detections, NmsConfig, suppress
from fact_jax.ops.suppression import hard_suppress, soft_suppress
from tests.parity.report import compare, identical

SCORE_ATOL = 1e-6
SEGMENT_ATOL = 2e-5
SEGMENT_RTOL = 5e-7  # four units in the last place: voting adds up float32 numbers as large as the time
_NUMBER = r"([0-9][0-9.]*(?:e[+-]?[0-9]+)?)(?<![.])"
DECAYS = ("hard", "linear", "gaussian")  # by the published number of the method


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    raw = _raw_options(config)
    rows = []
    for path in sorted({name.rsplit("/", 1)[0] for name in npz if name.endswith("/segments")}):
        for variant, options in config["variants"].items():
            if path.endswith(f"/{variant}"):
                rows += _check_variant(path, path.removesuffix(f"/{variant}"), options, npz)
    for path in sorted({name.rsplit("/", 1)[0] for name in npz if name.endswith("/inds")}):
        rows += _check_raw(path, raw, npz)
    return rows


def _raw_options(config):
    """The options of the operator alone stand in a sentence."""
    names = {"iou_threshold": 0.3, "sigma": 0.5, "min_score": 0.01}
    for name in names:
        found = re.search(rf"{name} {_NUMBER}", config.get("raw", ""))
        names[name] = float(found[1]) if found else names[name]
    return names


def _candidates(path, npz):
    labels = npz.get(f"{path}/labels", np.zeros(len(npz[f"{path}/scores"])))
    return Detections(npz[f"{path}/segments"], npz[f"{path}/scores"], labels.astype(np.int32))


def _check_variant(path, case, options, npz):
    settings = NmsConfig(
        method="gaussian" if options["use_soft_nms"] else "hard",
        per_class=options["multiclass"],
        max_detections=options["max_seg_num"],
        min_score=options["min_score"],
        sigma=options["sigma"],
        iou_threshold=options["iou_threshold"],
        voting_threshold=options["voting_thresh"],
    )
    found = suppress(_candidates(case, npz), settings)
    return [
        # Voting over a segment without length divides 0 by 0, as published.
        compare(
            f"{path}/segments",
            found.segments,
            npz[f"{path}/segments"],
            atol=SEGMENT_ATOL,
            rtol=SEGMENT_RTOL,
            same_nan=settings.voting_threshold > 0,
        ),
        compare(f"{path}/scores", found.scores, npz[f"{path}/scores"], atol=SCORE_ATOL),
        identical(f"{path}/labels", found.labels, npz[f"{path}/labels"]),
    ]


def _check_raw(path, options, npz):
    case, name = path.rsplit("/", 1)
    segments, scores = npz[f"{case}/segments"], npz[f"{case}/scores"]
    groups = np.zeros(len(scores), np.int64)
    if name.startswith("raw_nms_"):
        threshold = float(name.removeprefix("raw_nms_"))
        taken, _ = hard_suppress(segments, scores, groups, min_score=0.0, iou_threshold=threshold)
        return [identical(f"{path}/inds", taken, npz[f"{path}/inds"])]
    decay = DECAYS[int(name.rsplit("_m", 1)[1])]
    taken, lowered = soft_suppress(segments, scores, groups, decay=decay, **options)
    found = np.concatenate([segments[taken], lowered[:, None]], axis=1)
    return [
        identical(f"{path}/inds", taken, npz[f"{path}/inds"]),
        compare(f"{path}/dets", found, npz[f"{path}/dets"], atol=SCORE_ATOL),
    ]
