"""The property every layer shares: padding changes neither the valid output nor any gradient."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.ragged import host_jit, pad_axis, prefix_mask


def assert_padding_invariant(apply, params, x, size, *, garbage=1e3, tolerance=1e-5):
    """Compares a batch of one video with the same one padded to `size`, and with a row of a ragged batch.

    Args:
      apply: apply(params, x [B, T, D], mask [B, T]) -> [B, T, K], rows independent of each other.
      params: parameter tree.
      x: float [1, T, D].
      size: padded length.
      garbage: content of the padding.
      tolerance: relative, for outputs and gradients.
    """
    length = x.shape[1]
    weights = np.random.default_rng(9).normal(size=(length, 64)).astype(np.float32)

    @host_jit
    def compute(params, x, mask):
        def loss(params, x):
            out = apply(params, x, mask)
            return jnp.sum(out[:1, :length] * weights[:, : out.shape[-1]]), out

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)

    (_, plain), (plain_params, plain_x) = compute(params, x, prefix_mask([length], length))
    rows = np.concatenate([pad_axis(x, size, np.float32(garbage)), np.full((1, size, x.shape[2]), garbage, x.dtype)])
    rows[1, :1] = 0.5
    (_, padded), (padded_params, padded_x) = compute(params, rows, prefix_mask([length, 1], size))

    def close(first, second):
        # Biases of keys have gradients that are zero but for rounding.
        scale = max(float(np.max(np.abs(second))), 0.1)
        np.testing.assert_allclose(first, second, rtol=tolerance, atol=tolerance * scale)

    close(padded[:1, :length], plain)
    close(padded_x[:1, :length], plain_x)
    np.testing.assert_array_equal(padded_x[0, length:], 0.0)
    jax.tree.map(close, padded_params, plain_params)
