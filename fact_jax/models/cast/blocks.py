"""The blocks of CAST: two experts in lock step with adapters and their exchange (B-CAST), and either expert alone.

Tokens of space are [B, F, 1 + P, D], the class token of every frame first; those of time [B, F, P, D].
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.blocked_attention import attention, kept
from fact_jax.models.backbones import vit
from fact_jax.models.backbones.vit import Affine, Block, Norm, affine, gelu, normalized, split_heads
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.paths import Paths, dropped, kept_paths
from fact_jax.ops.arrays import Array, Seeds

ADAPTED = 0.5  # factor on the adapters beside feed-forward layers
CROSS_EPSILON = 1e-6  # of the normalisations of the exchange

Space = Float[Array, "B F tokens D"]
Time = Float[Array, "B F P D"]


class Adapter(NamedTuple):
    """Weights of two maps with a GELU between them, D to D / adapter_ratio and back."""

    inner: Affine
    outer: Affine


class CrossAttention(NamedTuple):
    """Weights of the attention of one expert's tokens to the other's, of D / down_ratio channels."""

    query_positions: Float[Array, "*depth slots d"]
    key_positions: Float[Array, "*depth slots d"]
    query: Affine
    key_value: Affine
    out: Affine


class Exchange(NamedTuple):
    """Weights of B-CAST: both experts narrowed, attention both ways, both results widened."""

    down_s: Affine
    down_t: Affine
    norm_s: Norm
    norm_t: Norm
    to_space: CrossAttention
    to_time: CrossAttention
    up_s: Affine
    up_t: Affine


class Adapters(NamedTuple):
    """The `Adapter`s of a block, behind attention and beside the feed-forward layer; None where there is none."""

    space: Any = None
    time: Any = None
    space_mlp: Any = None
    time_mlp: Any = None


class BlockWeights(NamedTuple):
    """All weights of a block: two `Block`s, `Adapters` and an `Exchange`; None where there is none."""

    clip: Any = None
    videomae: Any = None
    adapters: Any = None
    exchange: Any = None


def adapted(x, weights: Adapter, dtype: str):
    """What an adapter gives, without the residual."""
    return affine(gelu(kept(affine(x, weights.inner, dtype))), weights.outer, dtype)


def space_attention(x: Space, block: Block, config: CASTConfig) -> Space:
    """CLIP's attention inside every frame."""
    return vit.self_attention(x, block, vit.CLIP, config.num_heads, config.dtype)


def time_attention(x: Time, block: Block, config: CASTConfig, seeds: Seeds | None) -> Time:
    """VideoMAE's attention of all tokens of a clip."""
    tokens = x.reshape(len(x), -1, x.shape[-1])
    y = vit.self_attention(tokens, block, vit.VIDEOMAE, config.num_heads, config.dtype)
    return dropped(y, config.dropout_rate, seeds, "attention").reshape(x.shape)


def _feed_forward_t(v, block, config, seeds):
    return dropped(vit.feed_forward(v, block, vit.VIDEOMAE, config.dtype), config.dropout_rate, seeds, "feed_forward")


def _cross(query, key, weights: CrossAttention, config: CASTConfig):
    """Attention between tokens on the last axis but one; everything before it is apart."""
    dtype, heads = config.dtype, config.num_heads
    q = affine(query + weights.query_positions, weights.query, dtype)
    keys_values = affine(key + weights.key_positions, weights.key_value, dtype)
    k, v = jnp.split(keys_values, 2, axis=-1)
    q, k, v = (split_heads(part, heads) for part in (q, k, v))
    mixed = attention(q, k, v, dtype)
    return kept(affine(mixed.reshape(query.shape), weights.out, dtype))


def cross_to_space(space, time, weights: CrossAttention, config: CASTConfig):
    """Narrow tokens of space gather from those of time in the same place; class tokens come out as they are."""
    patches, time = (jnp.swapaxes(tokens, 1, 2) for tokens in (space[:, :, 1:], time))
    gathered = jnp.swapaxes(_cross(patches, time, weights, config), 1, 2)
    return jnp.concatenate([space[:, :, :1], gathered], axis=2)


def cross_to_time(space, time, weights: CrossAttention, config: CASTConfig):
    """Narrow tokens of time gather from the patches of the same frame."""
    return _cross(time, space[:, :, 1:], weights, config)


def exchanged(s: Space, t: Time, weights: Exchange, config: CASTConfig, paths: Paths | None) -> tuple[Space, Time]:
    """B-CAST: both experts get what they gather from each other, from before the exchange."""
    dtype = config.dtype
    space = normalized(kept(affine(s, weights.down_s, dtype)), weights.norm_s, CROSS_EPSILON)
    time = normalized(kept(affine(t, weights.down_t, dtype)), weights.norm_t, CROSS_EPSILON)
    to_space = affine(gelu(cross_to_space(space, time, weights.to_space, config)), weights.up_s, dtype)
    to_time = affine(gelu(cross_to_time(space, time, weights.to_time, config)), weights.up_t, dtype)
    factor_s, factor_t = (paths.cross_s, paths.cross_t) if paths else (None, None)
    return s + kept_paths(to_space, factor_s), t + kept_paths(to_time, factor_t)


def block(
    s, t, weights: BlockWeights, config: CASTConfig, paths: Paths | None = None, seeds: Seeds | None = None
) -> tuple[Any, Any]:
    """One block of all experts that there are: the next (tokens of space, tokens of time).

    Args:
      s, t: the tokens, `Space` and `Time`; None: no such expert.
      paths: factors of this block; None in evaluation.
      seeds: of the dropout in this block; None in evaluation.
    """
    if config.experts == "clip":
        return _clip_alone(s, weights, config, paths), None
    if config.experts == "videomae":
        return None, _videomae_alone(t, weights, config, paths, seeds)
    clip, videomae, adapters = weights.clip, weights.videomae, weights.adapters
    dtype = config.dtype
    y = kept(space_attention(s, clip, config))
    s = s + y + adapted(y, adapters.space, dtype)
    y = kept(time_attention(t, videomae, config, seeds))
    t = t + y + adapted(y, adapters.time, dtype)
    s, t = exchanged(s, t, weights.exchange, config, paths)
    factor_s, factor_t = (paths.mlp_adapter_s, paths.mlp_adapter_t) if paths else (None, None)
    return (
        _fed_forward_s(s, clip, adapters.space_mlp, config, factor_s),
        _fed_forward_t(t, videomae, adapters.time_mlp, config, factor_t, seeds),
    )


def _fed_forward_s(s, clip, adapter, config, factor):
    u = normalized(s, clip.norm_2, vit.CLIP.epsilon)
    s = s + vit.feed_forward(u, clip, vit.CLIP, config.dtype)
    return s if adapter is None else s + kept_paths(ADAPTED * adapted(u, adapter, config.dtype), factor)


def _fed_forward_t(t, videomae, adapter, config, factor, seeds):
    v = normalized(t, videomae.norm_2, vit.VIDEOMAE.epsilon)
    y = _feed_forward_t(v, videomae, config, seeds)
    if adapter is None:
        return t + kept_paths(y, factor)
    return t + y + kept_paths(ADAPTED * adapted(v, adapter, config.dtype), factor)


def _clip_alone(s, weights, config, paths):
    """CLIP's block; with adapters the same attention runs over time first, at every place by itself."""
    clip, adapters, dtype = weights.clip, weights.adapters, config.dtype
    factors = paths or Paths(None, None, None, None)
    if not config.adapters:
        s = kept(s + space_attention(s, clip, config))
        return _fed_forward_s(s, clip, None, config, None)
    over_time = jnp.swapaxes(space_attention(jnp.swapaxes(s, 1, 2), clip, config), 1, 2)
    s = kept(s + kept_paths(adapted(kept(over_time), adapters.time, dtype), factors.cross_s))
    y = kept(space_attention(s, clip, config))
    s = kept(s + y + adapted(y, adapters.space, dtype))
    return _fed_forward_s(s, clip, adapters.space_mlp, config, factors.mlp_adapter_s)


def _videomae_alone(t, weights, config, paths, seeds):
    """VideoMAE's block; without adapters the paths drop its own additions."""
    adapters, factors = weights.adapters, paths or Paths(None, None, None, None)
    y = kept(time_attention(t, weights.videomae, config, seeds))
    if config.adapters:
        t = t + y + adapted(y, adapters.time, config.dtype)
    else:
        t = t + kept_paths(y, factors.cross_t)
    return _fed_forward_t(kept(t), weights.videomae, adapters.time_mlp, config, factors.mlp_adapter_t, seeds)
