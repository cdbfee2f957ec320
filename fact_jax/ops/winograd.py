"""Convolutions with fewer products, for processors that multiply no faster than they add.

Four pixels next to each other take 16 products of a channel with 3 x 3 taps instead of 36. Two frames as far apart as
the taps take 4 products instead of 6 with three taps, and 3 instead of 4 with two.

Source: Winograd's F(2 x 2, 3 x 3), F(2, 3) and F(2, 2), after Lavin & Gray, Fast Algorithms for Convolutional Neural
Networks, CVPR 2016.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.ops.arrays import Array, Frames
from fact_jax.ops.fusion import computed_once

# By the number of taps. Rows: what a product reads of the frames that two frames of the output see; what it reads of
# the taps; what each of the two frames gathers from the products.
_OF_FRAMES = {3: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)), 2: ((1, -1, 0), (0, 1, 0), (0, -1, 1))}
_OF_TAPS = {3: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)), 2: ((1, 0), (1, 1), (0, 1))}
_OF_PRODUCTS = {3: ((1, 1, 1, 0), (0, 1, -1, -1)), 2: ((1, 1, 0), (0, 1, 1))}

# Of three taps to what four neighbouring pixels are multiplied with.
_TAPS = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]], np.float32)


def winograd_kernel(kernel: Float[Array, "3 3 C E"]) -> Float[Array, "16 C E"]:
    """The form of a kernel that `winograd_conv` multiplies with."""
    wide = jnp.einsum("ai,ijcd,bj->abcd", _TAPS, kernel, _TAPS, precision="highest")
    return wide.reshape(16, *kernel.shape[2:])


def winograd_conv(x: Float[Array, "N H W C"], kernel: Float[Array, "16 C E"]) -> Float[Array, "N H W E"]:
    """As `ops.images.conv2d` with a kernel of 3 x 3 and the stride 1; rounding differs."""
    num, height, width, channels = x.shape
    tiles = (height + 1) // 2, (width + 1) // 2
    beyond = [(1, 1 + 2 * count - size) for count, size in zip(tiles, (height, width), strict=True)]
    padded = jnp.pad(x, [(0, 0), *beyond, (0, 0)])
    parts = [part for rows in _differences(padded, 1) for part in _differences(rows, 2)]
    products = jax.lax.dot_general(
        jnp.stack(parts).reshape(16, -1, channels), kernel, (((2,), (1,)), ((0,), (0,)))
    ).reshape(4, 4, num, *tiles, -1)
    y = jnp.stack([jnp.stack(_sums(row), axis=3) for row in _sums(products)], axis=2)
    return y.reshape(num, 2 * tiles[0], 2 * tiles[1], -1)[:, :height, :width]


def _differences(x, axis):
    """The four parts of every tile of two pixels and its two neighbours along an axis."""
    last = x.shape[axis] - 3
    a, b, c, d = (jax.lax.slice_in_dim(x, start, start + last, 2, axis) for start in range(4))
    return [a - c, b + c, c - b, b - d]


def _sums(parts):
    """The two pixels of every tile."""
    return [parts[0] + parts[1] + parts[2], parts[1] - parts[2] - parts[3]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def winograd_dilated_conv(x: Frames, kernel: Float[Array, "taps D E"], dilation: int) -> Float[Array, "B T E"]:
    """As `ops.convolution.dilated_conv` without groups, with 2 or 3 taps; rounding differs.

    Two frames as far apart as the taps make a pair: T must be at least twice that. The gradient is written out: it
    takes fewer products in the same way, and keeps nothing but x.
    """
    taps, num_frames = kernel.shape[0], x.shape[1]
    step, pairs, rest = _pairs(taps, num_frames, dilation)
    read, weights = _read(x, dilation, step, pairs, taps), jnp.stack(_mixed(_OF_TAPS[taps], kernel))
    products = jnp.matmul(read.reshape(taps + 1, -1, x.shape[2]), weights)
    sums = _mixed(_OF_PRODUCTS[taps], products.reshape(*read.shape[:-1], -1))
    y = jnp.stack(sums, axis=2).reshape(len(x), -1, kernel.shape[2])[:, :num_frames]
    if rest:
        last = zip(_seen_at_the_end(x, dilation, step, rest, taps), kernel, strict=True)
        y = jnp.concatenate([y, sum(part @ tap for part, tap in last)], axis=1)
    return y


def _dilated_save(x, kernel, dilation):
    return winograd_dilated_conv(x, kernel, dilation), (x, kernel)


def _dilated_backward(dilation, residuals, cotangent):
    x, kernel = residuals
    taps, num_frames = kernel.shape[0], x.shape[1]
    step, pairs, rest = _pairs(taps, num_frames, dilation)
    d_x = winograd_dilated_conv(cotangent, jnp.swapaxes(kernel[::-1], 1, 2), dilation)
    length = 2 * step * pairs
    paired = jnp.pad(cotangent, ((0, 0), (0, max(0, length - num_frames)), (0, 0)))[:, :length]
    paired = paired.reshape(len(x), pairs, 2, step, -1)
    d_products = jnp.stack(_mixed(_transposed(_OF_PRODUCTS[taps]), (paired[:, :, 0], paired[:, :, 1])))
    read = _read(x, dilation, step, pairs, taps)
    d_weights = jnp.einsum("ptd,pte->pde", *(part.reshape(taps + 1, -1, part.shape[-1]) for part in (read, d_products)))
    d_taps = _mixed(_transposed(_OF_TAPS[taps]), d_weights)
    if rest:
        last = _seen_at_the_end(x, dilation, step, rest, taps), d_taps
        end = cotangent[:, num_frames - rest :]
        d_taps = [d_tap + jnp.einsum("btd,bte->de", part, end) for part, d_tap in zip(*last, strict=True)]
    return d_x, jnp.stack(d_taps)


winograd_dilated_conv.defvjp(_dilated_save, _dilated_backward)


def _pairs(taps, num_frames, dilation):
    """(frames from tap to tap, blocks of twice as many frames that are computed as pairs, frames left over)."""
    step = 2 * dilation // (taps - 1)
    pairs, rest = divmod(num_frames, 2 * step)
    # Whichever takes fewer products: one more block with padding, or the rest tap by tap.
    return (step, pairs + 1, 0) if rest * taps >= (taps + 1) * step else (step, pairs, rest)


def _read(x, dilation, step, pairs, taps):
    """What every product reads of the frames that two frames of the output see: [products, B, pairs, step, D]."""
    end = 2 * step * pairs + dilation
    beyond = (0, 0), (dilation, max(0, end - x.shape[1])), (0, 0)
    blocks = jnp.pad(x[:, :end], beyond).reshape(len(x), 2 * pairs + taps - 1, step, -1)
    seen = [jax.lax.slice_in_dim(blocks, first, first + 2 * pairs - 1, 2, axis=1) for first in range(taps + 1)]
    # In one array: a single product is faster than one for each, and quicker to compile.
    return computed_once(jnp.stack(_mixed(_OF_FRAMES[taps], seen)))


def _seen_at_the_end(x, dilation, step, rest, taps):
    """What every tap sees for the last `rest` frames: arrays [B, rest, D], zero beyond x."""
    first = x.shape[1] - rest - dilation
    near = jnp.pad(x[:, max(0, first) :], ((0, 0), (max(0, -first), dilation), (0, 0)))
    return [near[:, tap * step : tap * step + rest] for tap in range(taps)]


def _mixed(rows, parts):
    """Sums of the parts with the factors of every row."""
    return [_sum(row, parts) for row in rows]


def _sum(factors, parts):
    terms = [part if factor == 1 else factor * part for factor, part in zip(factors, parts, strict=True) if factor]
    return functools.reduce(jnp.add, terms)


def _transposed(rows):
    return tuple(zip(*rows, strict=True))
