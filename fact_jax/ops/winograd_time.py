"""Convolution of three taps over time with half of the products, for processors that multiply no faster than they add.

Four frames next to each other take six products of a channel instead of twelve. The six frames that they see, the taps,
and what comes out are taken as the coefficients of polynomials: these are multiplied at five points and at infinity.
Rounding is about twice that of the plain sum; with the points 0, +-1 and +-2, common elsewhere, it is three times.

Source: Winograd's F(4, 3), after Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, whose
matrices are those of Toom and Cook.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.ops.arrays import Array, Frames

OUTPUTS, TAPS = 4, 3
SEEN = OUTPUTS + TAPS - 1  # frames
POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)


def matrices(
    outputs: int, taps: int
) -> tuple[Float[np.ndarray, "n seen"], Float[np.ndarray, "n taps"], Float[np.ndarray, "outputs n"]]:
    """What every product reads of the frames and of the taps, and what every output gathers from the products."""
    points, of_frames, of_taps, of_outputs = POINTS[: outputs + taps - 2], [], [], []
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


_FRAMES, _TAPS, _OUTPUTS = matrices(OUTPUTS, TAPS)


@jax.custom_vjp
def winograd_time_conv(x: Frames, kernel: Float[Array, "3 D E"]) -> Float[Array, "B T E"]:
    """As `convolution.strided_conv` with three taps and the stride 1; rounding differs."""
    products = [frames @ taps for frames, taps in zip(_of_frames(x), _mixed(_TAPS, kernel), strict=True)]
    return _joined(_mixed(_OUTPUTS, products))[:, : x.shape[1]]


def _forward(x, kernel):
    return winograd_time_conv(x, kernel), (x, kernel)


def _backward(residuals, cotangent):
    x, kernel = residuals
    rest = -x.shape[1] % OUTPUTS
    quarters = jnp.pad(cotangent, ((0, 0), (0, rest), (0, 0))).reshape(len(x), -1, OUTPUTS, cotangent.shape[-1])
    of_products = _mixed(_OUTPUTS.T, [quarters[:, :, place] for place in range(OUTPUTS)])
    # Without the barrier XLA makes the mixtures inside of the products over all frames, which takes twice as long.
    flat = [part.reshape(-1, part.shape[-1]) for part in (*_of_frames(x), *of_products)]
    flat = jax.lax.optimization_barrier(flat)
    of_taps = [frames.T @ product for frames, product in zip(flat[:SEEN], flat[SEEN:], strict=True)]
    of_frames = [product @ taps.T for product, taps in zip(of_products, _mixed(_TAPS, kernel), strict=True)]
    return _over_time(_mixed(_FRAMES.T, of_frames), x.shape[1]), jnp.stack(_mixed(_TAPS.T, of_taps))


winograd_time_conv.defvjp(_forward, _backward)


def _mixed(matrix, parts):
    """Sums of parts with the weights in the rows of a matrix."""
    return [sum(weight * part for weight, part in zip(row, parts, strict=True) if weight) for row in matrix]


def _of_frames(x):
    """What is multiplied with the taps: six of [B, T / 4, D]."""
    count = -(-x.shape[1] // OUTPUTS)
    padded = jnp.pad(x, ((0, 0), (1, OUTPUTS * (count + 1) - x.shape[1] - 1), (0, 0)))
    quarters = padded.reshape(len(x), count + 1, OUTPUTS, x.shape[-1])
    own = [quarters[:, :-1, place] for place in range(OUTPUTS)]
    return _mixed(_FRAMES, own + [quarters[:, 1:, place] for place in range(SEEN - OUTPUTS)])


def _over_time(parts, num_frames):
    """The sums over where the six frames of all fours lie, [B, T, D]: the transpose of taking them."""
    own, next_ones = (
        _joined(parts[:OUTPUTS]),
        _joined([*parts[OUTPUTS:], *[jnp.zeros_like(parts[0])] * (2 * OUTPUTS - SEEN)]),
    )
    padded = jnp.pad(own, ((0, 0), (0, OUTPUTS), (0, 0))) + jnp.pad(next_ones, ((0, 0), (OUTPUTS, 0), (0, 0)))
    return padded[:, 1 : num_frames + 1]


def _joined(quarters):
    """Every four frames behind one another."""
    stacked = jnp.stack(quarters, axis=2)
    return stacked.reshape(len(stacked), -1, stacked.shape[-1])
