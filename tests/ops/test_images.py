"""Convolutions and pooling over pixels against loops over windows."""

import jax
import numpy as np
import pytest

from fact_jax.ops import images
from fact_jax.ops.images import conv2d, largest_pixel, max_pool_3x3
from fact_jax.ops.winograd import winograd_conv, winograd_kernel


def windows(x, size, stride, beyond):
    """The size x size pixels around every `stride`-th one, [N, H_out, W_out, size, size, C]."""
    reach = size // 2
    padded = np.pad(x, [(0, 0), (reach, reach), (reach, reach), (0, 0)], constant_values=beyond)
    rows = np.stack([padded[:, i : i + x.shape[1] : stride] for i in range(size)], axis=3)
    columns = [rows[:, :, j : j + x.shape[2] : stride] for j in range(size)]
    return np.stack(columns, axis=4)


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)])
def test_convolutions_are_centred_and_see_zeros_beyond_the_edges(size, stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 6, 3)).astype(np.float32)
    kernel = rng.normal(size=(size, size, 3, 4)).astype(np.float32)
    wanted = np.einsum("nhwijc,ijce->nhwe", windows(x, size, stride, 0.0), kernel)
    np.testing.assert_allclose(conv2d(x, kernel, stride), wanted, atol=1e-4)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="elsewhere it is the convolution of a library")
@pytest.mark.parametrize("stride", [1, 2])
def test_products_of_taps_give_the_convolution_and_its_gradients(stride, monkeypatch):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 5, 6, 3)).astype(np.float32), rng.normal(size=(3, 3, 3, 4)).astype(np.float32)

    def run():
        found, pull = jax.jit(lambda x, kernel: jax.vjp(lambda *given: conv2d(*given, stride), x, kernel))(x, kernel)
        return found, *pull(np.cos(found))

    wanted = run()
    monkeypatch.setattr(images, "TAPS_FROM", 3)
    for ours, convolved in zip(run(), wanted, strict=True):
        np.testing.assert_allclose(ours, convolved, atol=1e-4)


@pytest.mark.parametrize("sides", [(6, 8), (7, 5), (1, 2)])
def test_fewer_products_give_the_same(sides):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, *sides, 5)).astype(np.float32), rng.normal(size=(3, 3, 5, 4)).astype(np.float32)
    found = jax.jit(lambda x, kernel: winograd_conv(x, winograd_kernel(kernel)))(x, kernel)
    np.testing.assert_allclose(found, conv2d(x, kernel), atol=2e-5)


@pytest.mark.parametrize("sides", [(6, 8), (7, 5)])
def test_the_first_of_equal_pixels_gets_the_gradient(sides):
    x = np.random.default_rng(0).integers(-3, 0, (1, *sides, 2)).astype(np.float32)  # many are equal, all below 0
    found, pull = jax.vjp(max_pool_3x3, x)
    seen = windows(x, 3, 2, -np.inf)
    np.testing.assert_array_equal(found, seen.max((3, 4)))
    flat = seen.reshape(*seen.shape[:3], 9, 2).argmax(3)  # the first, row by row
    wanted = np.zeros((1, sides[0] + 2, sides[1] + 2, 2), np.float32)
    for place in np.ndindex(flat.shape):
        row, column = 2 * place[1] + flat[place] // 3, 2 * place[2] + flat[place] % 3
        wanted[0, row, column, place[3]] += 1
    np.testing.assert_array_equal(pull(np.ones_like(found))[0], wanted[:, 1:-1, 1:-1])


def test_largest_pixel():
    x = np.array([[[1.0, 5.0], [3.0, 5.0], [3.0, 2.0]]], np.float32)
    found, pull = jax.vjp(largest_pixel, x)
    np.testing.assert_array_equal(found, [[3.0, 5.0]])
    np.testing.assert_array_equal(pull(np.array([[2.0, 7.0]], np.float32))[0], [[[0, 7], [2, 0], [0, 0]]])
