"""Compares the matching with assignments of the published code.

A file of this kind holds a JSON string `items` with a matrix `cost{k}` each, and cases `full{k}_{mode}/*` that start
from probabilities, attention and labels.
"""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.ops import matching
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError
from tests.parity.report import Row, compare, identical

IOU_ATOL = 2e-6
# Costs are solved with at least this many rows and columns too many, which must not matter.
PADDING = 3


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    rows, items = [], json.loads(str(npz["items"]))
    # Of one size, so that there is one program for each mode.
    size = np.max([npz[f"cost{index}"].shape for index in range(len(items))], axis=0) + PADDING
    for index, item in enumerate(items):
        for mode in ("o2o", "o2m"):
            if mode in item:
                rows += _check_item(f"items/{index}/{mode}", mode, npz[f"cost{index}"], item, size)
            elif f"{mode}_error" in item:
                rows.append(_check_refused(f"items/{index}/{mode} (published code crashes)", mode, item))
    for case in sorted({name.split("/")[0] for name in npz if name.startswith("full")}):
        rows += _check_full(case, {name.split("/")[1]: npz[name] for name in npz if name.startswith(f"{case}/")})
    return rows


def _pairs(match):
    valid = np.asarray(match.mask)
    return np.asarray(match.tokens)[valid], np.asarray(match.segments)[valid]


def _solve(mode, cost, transcript, size):
    num_tokens, num_segments = cost.shape
    labels = np.pad(np.asarray(transcript, np.int32), (0, size[1] - num_segments))
    mask, token_mask = (np.arange(n) < valid for n, valid in zip(size[::-1], (num_segments, num_tokens), strict=True))
    # Garbage in the padding must not matter.
    padding = [(0, n - valid) for n, valid in zip(size, cost.shape, strict=True)]
    cost = np.pad(np.asarray(cost, np.float32), padding, constant_values=-7.0)
    return _pairs(jax.jit(matching.match, static_argnums=0)(mode, cost, labels, mask, token_mask))


def _check_item(name, mode, cost, item, size):
    tokens, segments = _solve(mode, cost, item["transcript"], size)
    return [identical(f"{name}/tokens", tokens, item[mode][0]), identical(f"{name}/segments", segments, item[mode][1])]


def _check_refused(name, mode, item):
    largest = len(set(item["transcript"])) if mode == "o2m" else len(item["transcript"])
    try:
        matching.check_matchable(mode, item["A"], largest, "fixture")
    except UserError:
        return Row(name, 0.0, 0.0, True)
    return Row(name, np.inf, np.inf, False)


@functools.partial(jax.jit, static_argnames=("mode", "prob_cost", "overlap_cost"))
def _solve_full(mode, action_prob, attention, onehot, transcript, prob_cost, overlap_cost):
    """(the matching, IoU of attention and segments) without any padding."""
    cost = matching.matching_cost(action_prob, attention, onehot, transcript, prob_cost, overlap_cost)
    masks = (jnp.ones(size, bool) for size in cost.shape[::-1])
    return matching.match(mode, cost, transcript, *masks), matching.attention_iou(attention, onehot)


def _check_full(case, arrays):
    mode = case.rsplit("_", 1)[1]
    labels, attention = arrays["label"], arrays["a2f_attn"]
    transcript, starts, ends = frames_to_segments(labels)
    time = np.arange(len(labels))[:, None]
    onehot = ((time >= starts) & (time < ends)).astype(np.float32)
    costs = arrays["pc_a2fc"].tolist()
    match, iou = _solve_full(mode, arrays["action_prob"], attention, onehot, transcript.astype(np.int32), *costs)
    tokens, segments = _pairs(match)
    return [
        compare(f"{case}/iou", iou, arrays["iou"], atol=IOU_ATOL),
        identical(f"{case}/action_ind", tokens, arrays["action_ind"]),
        identical(f"{case}/seg_ind", segments, arrays["seg_ind"]),
    ]
