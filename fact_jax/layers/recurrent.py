"""Bidirectional GRU over padded sequences, with PyTorch's parameters."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.dropout import Dropout
from fact_jax.layers.factored import Features, Whole, features_of
from fact_jax.layers.linear import product, uniform
from fact_jax.ops.arrays import Array, Seeds
from fact_jax.ops.gru import bidirectional_gru


class BidirectionalGRU(nn.Module):
    """Stack of bidirectional GRU layers (torch.nn.GRU).

    Both bias vectors of PyTorch are kept: merging them would change the variance at the start and Adam's steps. The
    input projection runs over all steps at once, and one loop carries both directions.

    A direction has `hidden_dim` channels, and the dropout lies between layers. `dtype` is that of the products with
    the input; the recurrence itself is float32.
    """

    hidden_dim: int
    num_layers: int = 1
    dropout_rate: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Features | Float[Array, "B P D"], mask: Bool[Array, "B P"], dropout_rng: Seeds | None = None
    ) -> Float[Array, "B P E"]:
        """Gives the states of both directions (forward, then backward), 0 outside `mask`, a prefix."""
        states = self._layer(features_of(x), mask, 0)
        for layer in range(1, self.num_layers):
            states = self._layer(Whole(Dropout(self.dropout_rate)(states, dropout_rng)), mask, layer)
        return states

    def _layer(self, x, mask, layer):
        hidden = self.hidden_dim
        init = uniform(1.0 / math.sqrt(hidden))
        input_kernel = self.param(f"input_kernel_{layer}", init, (2, x.shape[-1], 3 * hidden))
        hidden_kernel = self.param(f"hidden_kernel_{layer}", init, (2, hidden, 3 * hidden))
        input_bias, hidden_bias = (
            self.param(f"{name}_bias_{layer}", init, (2, 3 * hidden)) for name in ("input", "hidden")
        )

        x, input_kernel = x.operands(input_kernel)
        gates = product("dig,bpi->dpbg", input_kernel, x, self.dtype) + input_bias[:, None, None]
        states = bidirectional_gru(gates, jnp.sum(mask, axis=1, dtype=jnp.int32), hidden_kernel, hidden_bias)
        return jnp.transpose(states, (2, 1, 0, 3)).reshape(*mask.shape, 2 * hidden)
