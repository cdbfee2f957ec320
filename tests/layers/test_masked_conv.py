"""Masked convolutions, poolings and paths of ActionFormer against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.dropout import AffineDropPath
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.ops.convolution import depthwise_conv, max_pool, strided_conv


def taps(x, size, stride, beyond):
    """The frames that a kernel sees at every place, as a loop."""
    length, reach = len(x), size // 2
    rows = []
    for centre in range(0, length, stride):
        places = range(centre - reach, centre - reach + size)
        rows.append([x[place] if 0 <= place < length else np.full(x.shape[1], beyond) for place in places])
    return np.array(rows)


@pytest.mark.parametrize(("size", "stride"), [(1, 2), (3, 1), (3, 2), (5, 4)])
def test_convolutions_equal_the_loop(size, stride):
    rng = np.random.default_rng(size)
    x, kernel = rng.normal(size=(2, 8, 3)).astype(np.float32), rng.normal(size=(size, 3, 4)).astype(np.float32)
    seen = np.stack([taps(video, size, stride, 0.0) for video in x])
    convolve = jax.jit(lambda x: (strided_conv(x, kernel, stride), depthwise_conv(x, kernel[..., 0], stride)))
    found, one_by_one = convolve(x)
    np.testing.assert_allclose(found, np.einsum("btki,kio->bto", seen, kernel), rtol=1e-5, atol=1e-5)
    expected = np.einsum("btki,ki->bti", seen, kernel[..., 0])
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-5, atol=1e-5)


def test_pooling_takes_the_largest_and_its_gradient_goes_to_the_first():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 8, 3)).astype(np.float32)
    run = jax.jit(lambda x: (max_pool(x, 3, 2), jax.grad(lambda x: jnp.sum(max_pool(x, 3, 2)))(x)))
    np.testing.assert_array_equal(run(x)[0][0], taps(x[0], 3, 2, -np.inf).max(1))
    np.testing.assert_array_equal(run(np.zeros_like(x))[1][0, :, 0], [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0])


def test_the_output_is_masked_and_the_input_is_read_as_it_is():
    x, mask = np.ones((1, 6, 2), np.float32), np.arange(6)[None] < 4
    conv = MaskedConv(3, 3, 2, bias=0.5)
    variables = {"params": {"kernel": np.ones((3, 2, 3), np.float32), "bias": np.full(3, 0.5, np.float32)}}
    y, short = jax.jit(conv.apply)(variables, x, mask)
    assert y.shape == (1, 3, 3) and short.tolist() == [[True, True, False]]
    np.testing.assert_array_equal(y[0, 2], 0.0)
    np.testing.assert_allclose(y[0, :2], [[4.5] * 3, [6.5] * 3], rtol=1e-6)
    with pytest.raises(ValueError, match="5 frames, stride 2"):
        conv.apply(variables, x[:, :5], mask[:, :5])


def test_start_of_the_parameters():
    x, mask = np.zeros((1, 4, 50), np.float32), np.ones((1, 4), bool)

    def init(module):
        return jax.jit(module.init)(jax.random.key(0), x, mask)["params"]

    params = init(MaskedConv(60, 3, bias=0.25))
    bound = 1 / np.sqrt(150)
    assert params["kernel"].shape == (3, 50, 60) and 0.99 * bound < np.abs(params["kernel"]).max() <= bound
    np.testing.assert_array_equal(params["bias"], 0.25)
    params = init(MaskedConv(50, 3, depthwise=True, use_bias=False))
    assert params["kernel"].shape == (3, 1, 50) and np.abs(params["kernel"]).max() <= 1 / np.sqrt(3)


def test_paths_are_left_out_for_whole_videos():
    x = np.ones((400, 2, 3), np.float32)
    path = AffineDropPath(0.25)
    variables = jax.jit(path.init)(jax.random.key(0), x, None)
    np.testing.assert_allclose(variables["params"]["scale"], 1e-4)
    run = jax.jit(path.apply)
    np.testing.assert_allclose(run(variables, x, None), 1e-4)
    dropout_rng = np.arange(800, dtype=np.uint32).reshape(400, 2)
    y = np.asarray(run(variables, x, dropout_rng))
    kept = y[:, 0, 0] > 0
    assert 0.65 < kept.mean() < 0.85
    np.testing.assert_allclose(y, np.where(kept[:, None, None], np.full(x.shape, 1e-4 / 0.75), 0.0), rtol=1e-6)
    # A video's fate is its own.
    np.testing.assert_array_equal(run(variables, x[:5], dropout_rng[7:12]), y[7:12])
    assert AffineDropPath(0.0).init(jax.random.key(0), x, None) == {}
