"""Convolutions over time that take fewer products, against sums over the taps in float64."""

import jax
import numpy as np
import pytest

from fact_jax.ops import convolution
from fact_jax.ops.winograd_time import winograd_time_conv


def plain(x, kernel):
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (0, 0)))
    return sum(padded[:, tap : tap + x.shape[1]] @ kernel[tap].astype(np.float64) for tap in range(3))


def drawn(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("length", [1, 4, 6, 11])
def test_numbers_and_gradients_are_those_of_the_sum(length):
    x, kernel, cotangent = drawn(2, length, 5), drawn(3, 5, 4)[::-1], drawn(2, length, 4)
    found, pull = jax.vjp(jax.jit(winograd_time_conv), x, kernel)
    np.testing.assert_allclose(found, plain(x, kernel), atol=2e-5)
    of_x, of_kernel = pull(cotangent)
    np.testing.assert_allclose(of_x, plain(cotangent, np.swapaxes(kernel[::-1], 1, 2)), atol=2e-5)
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (0, 0)))
    taps = [np.einsum("btd,bte->de", padded[:, tap : tap + length], cotangent) for tap in range(3)]
    np.testing.assert_allclose(of_kernel, taps, atol=5e-5)


def test_rounding_is_a_few_times_that_of_the_sum():
    x, kernel = drawn(1, 256, 512), drawn(3, 512, 64) / np.float32(np.sqrt(3 * 512))
    wanted = plain(x, kernel)
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    summed = sum(padded[:, tap : tap + 256] @ kernel[tap] for tap in range(3))
    found = jax.jit(winograd_time_conv)(x, kernel)
    assert np.std(found - wanted) < 4 * np.std(summed - wanted) < 4e-6


def test_small_convolutions_stay_sums(monkeypatch):
    monkeypatch.setattr(convolution, "winograd_time_conv", lambda x, kernel: taken.append(x.shape) or x)
    taken, large = [], (np.zeros((1, 128, 128), np.float32), np.zeros((3, 128, 128), np.float32))
    convolution.strided_conv(*large)
    assert taken == [(1, 128, 128)]
    for x, kernel, options in (
        (large[0][:, :127], large[1], {}),
        (large[0], large[1][..., :20], {}),
        (*large, {"stride": 2}),
        (*large, {"dtype": "bfloat16"}),
    ):
        convolution.strided_conv(x, kernel, **options)
    assert len(taken) == 1
