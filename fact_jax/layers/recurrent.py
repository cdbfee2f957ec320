"""Bidirectional GRU over padded sequences, with PyTorch's parameters."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import uniform


class BidirectionalGRU(nn.Module):
    """Stack of bidirectional GRU layers (torch.nn.GRU).

    Both bias vectors of PyTorch are kept: merging them would change the variance at the start and Adam's steps. The
    input projection runs over all steps at once, and one scan carries both directions.

    Attributes:
      hidden_dim: H, channels per direction.
      num_layers: layers; each but the first reads the concatenated directions of the one before.
      dropout_rate: between layers.
    """

    hidden_dim: int
    num_layers: int = 1
    dropout_rate: float = 0.0

    @nn.compact
    def __call__(self, x, mask, noise=None):
        """Maps [B, P, D] to [B, P, 2H] (forward, then backward).

        `mask` (bool [B, P], a prefix) marks valid steps; padded steps change no valid output and give garbage.
        `noise`: see fact_jax/layers/dropout.py.
        """
        for layer in range(self.num_layers):
            if layer:
                x = Dropout(self.dropout_rate)(x, noise)
            x = self._layer(x, mask, layer)
        return x

    def _layer(self, x, mask, layer):
        hidden = self.hidden_dim
        init = uniform(1.0 / math.sqrt(hidden))
        input_kernel = self.param(f"input_kernel_{layer}", init, (2, x.shape[-1], 3 * hidden))
        hidden_kernel = self.param(f"hidden_kernel_{layer}", init, (2, hidden, 3 * hidden))
        input_bias = self.param(f"input_bias_{layer}", init, (2, 3 * hidden))
        hidden_bias = self.param(f"hidden_bias_{layer}", init, (2, 3 * hidden))

        projected = jnp.einsum("bpi,dig->pdbg", x, input_kernel) + input_bias[None, :, None]
        # The backward direction meets the padding first, with a zero state that the mask keeps at zero.
        projected = jnp.stack([projected[:, 0], projected[::-1, 1]], axis=1)
        valid = jnp.stack([mask.T, mask.T[::-1]], axis=1)[..., None]

        def step(state, inputs):
            gates, valid = inputs
            recurrent = jnp.einsum("dbh,dhg->dbg", state, hidden_kernel) + hidden_bias[:, None]
            reset = jax.nn.sigmoid(gates[..., :hidden] + recurrent[..., :hidden])
            update = jax.nn.sigmoid(gates[..., hidden : 2 * hidden] + recurrent[..., hidden : 2 * hidden])
            new = jnp.tanh(gates[..., 2 * hidden :] + reset * recurrent[..., 2 * hidden :])
            state = jnp.where(valid, (1.0 - update) * new + update * state, state)
            return state, state

        start = jnp.zeros((2, x.shape[0], hidden), x.dtype)
        _, states = jax.lax.scan(step, start, (projected, valid))
        both = jnp.concatenate([states[:, 0], states[::-1, 1]], axis=-1)
        return jnp.swapaxes(both, 0, 1)
