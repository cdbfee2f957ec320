"""Gradients that are written by hand for speed equal those that JAX derives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops.convolution import dilated_conv
from fact_jax.ops.products import ordered_product, rows_times


def _gradients(function, *arrays):
    """Of a sum with random weights."""
    result = jax.eval_shape(function, *arrays)
    weights = np.random.default_rng(1).normal(size=result.shape).astype(np.float32)
    return jax.grad(lambda *parts: (function(*parts) * weights).sum(), argnums=(0, 1))(*arrays)


def _arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("shape", [(6, 4, 9), (6, 9, 4), (2, 3, 5, 7, 2), (1, 3, 3)])
def test_rows_times_is_the_product_with_its_gradients(shape):
    *batch, width, outputs = shape
    x, kernel = _arrays((*batch, width), (width, outputs))
    np.testing.assert_allclose(rows_times(x, kernel), x @ kernel, rtol=1e-5, atol=1e-6)
    for found, expected in zip(
        _gradients(rows_times, x, kernel), _gradients(lambda a, b: a @ b, x, kernel), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("taps", [2, 3])
@pytest.mark.parametrize(("dilation", "channels"), [(1, (4, 6)), (3, (6, 4)), (5, (4, 4)), (4, (2, 300)), (7, (3, 3))])
def test_gradients_of_a_dilated_convolution(taps, dilation, channels):
    """Below and above the width up to which they are written by hand, and with a dilation beyond half of the frames."""
    x, kernel = _arrays((2, 13, channels[0]), (taps, *channels))

    def by_hand(x, kernel):
        places = [place - dilation for place in ((0, 2 * dilation) if taps == 2 else (0, dilation, 2 * dilation))]
        total = 0.0
        for tap, place in enumerate(places):
            for frame in range(13):
                if 0 <= frame + place < 13:
                    row = x[:, frame + place] @ kernel[tap]
                    total = total + row[:, None] * (np.arange(13) == frame)[None, :, None]
        return total

    def ours(x, kernel):
        return dilated_conv(x, kernel, dilation)

    np.testing.assert_allclose(ours(x, kernel), by_hand(x, kernel), atol=1e-5)
    for found, expected in zip(_gradients(ours, x, kernel), _gradients(by_hand, x, kernel), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "spec", ["bwqk,bwqc->bwkc", "bwqc,bwqk->bwkc", "bwqc,bwkc->bwqk", "bqhd,bkhd->bhqk", "ni,no->io"]
)
@pytest.mark.parametrize(("queries", "keys"), [(3, 7), (7, 3), (4, 4)])
def test_ordered_product_is_einsum_with_its_gradients(spec, queries, keys):
    sizes = dict(zip("bwnhqkcdio", (2, 3, queries, 2, queries, keys, 4, 5, keys, 3), strict=True))
    left, right = _arrays(*([sizes[label] for label in part] for part in spec.split("->")[0].split(",")))
    found = ordered_product(spec, left, right)
    np.testing.assert_allclose(found, np.einsum(spec, left, right), rtol=1e-5, atol=1e-5)
    ours = _gradients(lambda *parts: ordered_product(spec, *parts), left, right)
    derived = _gradients(lambda *parts: jnp.einsum(spec, *parts), left, right)
    for one, other in zip(ours, derived, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
