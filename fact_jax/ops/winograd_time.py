"""Convolutions over time with fewer products, for processors that multiply no faster than they add.

Frames as far apart as the taps make a group: four of them take 6 products of a channel instead of 12 with three taps,
and 5 instead of 8 with two. In videos too short for four, two take 4 instead of 6, and 3 instead of 4. The frames that
a group sees, the taps, and what comes out are taken as the coefficients of polynomials: these are multiplied at some
points and at infinity. Rounding is about twice that of the plain sum; with the points 0, +-1 and +-2, common elsewhere,
it is three times.

Source: Winograd's F(4, 3), F(4, 2), F(2, 3) and F(2, 2), after Lavin & Gray, Fast Algorithms for Convolutional Neural
Networks, CVPR 2016, whose matrices are those of Toom and Cook.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.ops.arrays import Array, Frames
from fact_jax.ops.fusion import zero_after
from fact_jax.ops.products import kernel_gradient

_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)


def _matrices(
    outputs: int, taps: int
) -> tuple[Float[np.ndarray, "n seen"], Float[np.ndarray, "n taps"], Float[np.ndarray, "outputs n"]]:
    """What every product reads of the frames and of the taps, and what every output gathers from the products."""
    points, of_frames, of_taps, of_outputs = _POINTS[: outputs + taps - 2], [], [], []
    for point in points:
        others = [other for other in points if other != point]
        of_frames.append([*np.poly(others)[::-1], 0.0])
        of_taps.append(np.power(point, range(taps)) / np.prod(point - np.array(others)))
        of_outputs.append(np.power(point, range(outputs)))
    of_frames.append(np.poly(points)[::-1])
    of_taps.append(np.eye(taps)[-1])
    of_outputs.append(np.eye(outputs)[-1])
    of_seen, weights, gathered = np.array(of_frames), np.array(of_taps), np.transpose(of_outputs)
    return of_seen.astype(np.float32), weights.astype(np.float32), gathered.astype(np.float32)


# By the frames of a group and the taps: what every product reads of the frames that the group sees, what it reads of
# the taps, and what every frame gathers from the products.
_MATRICES = {
    (4, 3): _matrices(4, 3),
    (4, 2): _matrices(4, 2),
    (2, 3): (
        np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32),
        np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32),
        np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32),
    ),
    (2, 2): (
        np.array([[1, -1, 0], [0, 1, 0], [0, -1, 1]], np.float32),
        np.array([[1, 0], [1, 1], [0, 1]], np.float32),
        np.array([[1, 1, 0], [0, 1, 1]], np.float32),
    ),
}


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def winograd_time_conv(x: Frames, kernel: Float[Array, "taps D E"], dilation: int = 1) -> Float[Array, "B T E"]:
    """As `convolution.dilated_conv` without groups of channels, with 2 or 3 taps; rounding differs.

    The gradient is written out: it takes fewer products in the same way, and keeps nothing but x.
    """
    return _convolved(x, kernel, dilation)


def _convolved(x, kernel, dilation, turned=False):
    """The convolution; `turned`: frames have the channels E of the kernel, and the result its D."""
    taps, num_frames = kernel.shape[0], x.shape[1]
    step, size, count, rest = _groups(taps, num_frames, dilation)
    _, of_taps, of_outputs = _MATRICES[size, taps]
    given, made = ("e", "d") if turned else ("d", "e")
    read = _read(x, dilation, step, size, count, taps)
    rows, weights = read.reshape(len(read), -1, x.shape[2]), jnp.stack(_mixed(of_taps, kernel))
    products = jnp.einsum(f"pt{given},pde->pt{made}", rows, weights)
    sums = _mixed(of_outputs, products.reshape(*read.shape[:-1], -1))
    y = jnp.stack(sums, axis=2).reshape(len(x), -1, products.shape[2])[:, :num_frames]
    if rest:
        last = zip(_seen_at_the_end(x, dilation, step, rest, taps), kernel, strict=True)
        ends = [jnp.einsum(f"bt{given},de->bt{made}", part, tap) for part, tap in last]
        y = jnp.concatenate([y, sum(ends)], axis=1)
    return y


def _forward(x, kernel, dilation):
    return winograd_time_conv(x, kernel, dilation), (x, kernel)


def _backward(dilation, residuals, cotangent):
    x, kernel = residuals
    taps, num_frames = kernel.shape[0], x.shape[1]
    step, size, count, rest = _groups(taps, num_frames, dilation)
    _, of_taps, of_outputs = _MATRICES[size, taps]
    # The kernel stays as it lies: XLA takes longer to turn its mixtures over than to multiply with them.
    d_x = _convolved(cotangent, kernel[::-1], dilation, turned=True)
    length = size * step * count
    grouped = jnp.pad(cotangent, ((0, 0), (0, max(0, length - num_frames)), (0, 0)))[:, :length]
    grouped = grouped.reshape(len(x), count, size, step, -1)
    d_products = jnp.stack(_mixed(of_outputs.T, [grouped[:, :, place] for place in range(size)]))
    # Without the barrier XLA makes the mixtures inside of the products over all frames, which takes longer.
    read = _read(x, dilation, step, size, count, taps, zero_after(cotangent))
    factors = jax.lax.optimization_barrier((read, d_products))
    d_mixed = jnp.einsum("ptd,pte->pde", *(part.reshape(len(part), -1, part.shape[-1]) for part in factors))
    d_taps = _mixed(of_taps.T, d_mixed)
    if rest:
        last = _seen_at_the_end(x, dilation, step, rest, taps), d_taps
        end = cotangent[:, num_frames - rest :]
        d_taps = [d_tap + kernel_gradient(part, end) for part, d_tap in zip(*last, strict=True)]
    return d_x, jnp.stack(d_taps)


winograd_time_conv.defvjp(_forward, _backward)


def _groups(taps, num_frames, dilation):
    """(frames from tap to tap, frames of a group, blocks of so many times that, frames left over), the fewest products.

    What is left over is computed tap by tap.
    """
    step = 2 * dilation // (taps - 1)
    plans = []
    for size in (4, 2):
        whole, left = divmod(num_frames, size * step)
        for count in {whole, whole + (left > 0)} - {0}:
            rest = max(0, num_frames - count * size * step)
            plans.append((count * (size + taps - 1) * step + rest * taps, size, count, rest))
    return step, *min(plans)[1:]


def _read(x, dilation, step, size, count, taps, zero=None):
    """What every product reads of the frames that a group sees: [products, B, blocks, step, D].

    `zero` is what lies beyond the ends, None for a constant.
    """
    end = size * step * count + dilation
    beyond = (0, 0, 0), (dilation, max(0, end - x.shape[1]), 0), (0, 0, 0)
    zero = jnp.zeros((), x.dtype) if zero is None else zero
    parts = jax.lax.pad(x[:, :end], zero, beyond).reshape(len(x), size * count + taps - 1, step, -1)
    last = size * (count - 1) + 1
    seen = [jax.lax.slice_in_dim(parts, first, first + last, size, axis=1) for first in range(size + taps - 1)]
    # In one array: a single product is faster than one for each, and quicker to compile.
    return jnp.stack(_mixed(_MATRICES[size, taps][0], seen))


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
