"""The suppression of `ops.nms` inside compiled code, for programs that leave this library.

A round takes the best of all candidates that are left, whatever its class, and lowers the scores of those that see it:
as scores never rise, what is taken comes best first, and the loop ends with the last detection that is wanted. `place`
is where a candidate lies in the list of its class; the swaps of the published operator move it (`ops.suppression`).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array
from fact_jax.ops.nms import NmsConfig

_EPSILON = 1e-6  # added to every length
_GONE = -jnp.inf  # score of a candidate that was taken or dropped


class TracedDetections(NamedTuple):
    """Detections of one video, the best first; the first `count` of D are some, the others are padding."""

    segments: Float[Array, "D 2"]
    scores: Float[Array, " D"]
    labels: Int[Array, " D"]
    count: Int[Array, ""]


class _State(NamedTuple):
    count: Int[Array, ""]
    taken: Int[Array, " D"]
    kept: Float[Array, " D"]
    score: Float[Array, " P"]
    place: Int[Array, " P"]


def suppress(
    segments: Float[Array, "P 2"],
    scores: Float[Array, " P"],
    labels: Int[Array, " P"],
    valid: Bool[Array, " P"],
    settings: NmsConfig,
) -> TracedDetections:
    """What `nms.suppress` gives for the candidates of one video that are `valid`, equal scores resolved as there."""
    if settings.method == "none":
        order = jnp.argsort(~valid, stable=True)
        return TracedDetections(segments[order], scores[order], labels[order], jnp.sum(valid, dtype=jnp.int32))
    groups = labels if settings.per_class else jnp.zeros_like(labels)
    allowed = valid
    if settings.method == "hard" and settings.min_score > 0:
        allowed &= scores > np.float32(settings.min_score)
    size = min(settings.max_detections, len(scores))
    state = _State(
        count=jnp.int32(0),
        taken=jnp.zeros(size, jnp.int32),
        kept=jnp.zeros(size, jnp.float32),
        score=jnp.where(allowed, scores, _GONE),
        place=_first_places(groups, allowed),
    )
    state = jax.lax.while_loop(
        lambda state: (state.count < size) & (jnp.max(state.score) > _GONE),
        lambda state: _round(state, segments, groups, settings),
        state,
    )
    chosen = segments[state.taken]
    if settings.voting_threshold > 0 and not settings.per_class:
        chosen = _vote(chosen, segments, jnp.where(valid, scores, 0.0), settings.voting_threshold)
    return TracedDetections(chosen, state.kept, labels[state.taken], state.count)


def _first_places(groups, allowed):
    """How many allowed ones of the same group come before each."""
    keys = jnp.where(allowed, groups, jnp.iinfo(jnp.int32).max)
    order = jnp.argsort(keys, stable=True)
    ordered, ranks = keys[order], jnp.arange(len(keys), dtype=jnp.int32)
    begins = jnp.concatenate([jnp.ones(1, bool), ordered[1:] != ordered[:-1]])
    ranks -= jax.lax.cummax(jnp.where(begins, ranks, 0))
    return jnp.zeros_like(ranks).at[order].set(ranks)


def _round(state, segments, groups, settings):
    """Takes the best candidate, lowers the others of its group and lets go of those that fall too low."""
    score, place, size = state.score, state.place, len(state.score)
    # Of equal scores the one of the first group, that lies first in its list.
    best = jnp.argmin(jnp.where(score == jnp.max(score), groups * size + place, jnp.iinfo(jnp.int32).max))
    seen = (score > _GONE) & (groups == groups[best])
    front = jnp.min(jnp.where(seen, place, size))
    others = seen & (jnp.arange(size) != best)
    overlap = _tiou(segments[best], segments, _EPSILON)
    if settings.method == "hard":
        lowered, dropped = score, others & (overlap >= np.float32(settings.iou_threshold))
    else:
        if settings.method == "gaussian":
            weight = jnp.exp(-(overlap * overlap) / np.float32(settings.sigma))
        else:
            weight = jnp.where(overlap >= np.float32(settings.iou_threshold), 1 - overlap, 1)
        lowered = score * jnp.where(others, weight, 1)
        dropped = others & (lowered < np.float32(settings.min_score))
        place = jnp.where(seen & (place == front), place[best], place)
        stays = others & ~dropped
        place = jax.lax.cond(
            jnp.any(dropped), lambda: _closed(place, dropped, stays, front + 1 + jnp.sum(stays)), lambda: place
        )
    return _State(
        count=state.count + 1,
        taken=state.taken.at[state.count].set(best),
        kept=state.kept.at[state.count].set(score[best]),
        score=jnp.where(dropped | (jnp.arange(size) == best), _GONE, lowered),
        place=place,
    )


def _closed(place, dropped, stays, end):
    """Places after the last of a list went, one by one, to those of the dropped ones, so that it ends at `end`."""
    size = len(place)
    holes, fillers = dropped & (place < end), stays & (place >= end)

    def spread(chosen):  # by place, whether one of the chosen lies there
        return jnp.zeros(size, jnp.int32).at[jnp.where(chosen, place, size)].set(1, mode="drop")

    hole_at, filler_at = spread(holes), spread(fillers)
    ranks = jnp.where(hole_at == 1, jnp.cumsum(hole_at) - 1, size)
    holes_in_order = jnp.zeros(size, jnp.int32).at[ranks].set(jnp.arange(size, dtype=jnp.int32), mode="drop")
    from_the_end = jnp.cumsum(filler_at[::-1])[::-1] - 1
    return jnp.where(fillers, holes_in_order[from_the_end[place]], place)


def _vote(chosen, segments, scores, threshold):
    """`nms.vote` of all candidates, of which those without a score do not count."""
    tiou = jax.vmap(lambda segment: _tiou(segment, segments))(chosen)
    weights = (tiou >= np.float32(threshold)) * scores * jnp.where(scores > 0, tiou, 0)
    weights /= jnp.sum(weights, axis=1, keepdims=True)
    return jnp.matmul(weights, segments, precision=jax.lax.Precision.HIGHEST)


def _tiou(segment, others, epsilon=0.0):
    """Temporal intersection over union of a segment [2] with others [P, 2]; `epsilon` is added to every length."""
    (start, end), starts, ends = segment, others[:, 0], others[:, 1]
    overlap = jnp.maximum(jnp.minimum(ends, end) - jnp.maximum(starts, start), 0)
    return overlap / ((ends - starts + np.float32(epsilon)) + (end - start + np.float32(epsilon)) - overlap)
