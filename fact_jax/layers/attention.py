"""Multi-head attention as in PyTorch, and FACT's single-head cross-attention between frames and actions."""

import math

import flax.linen as nn
import jax.numpy as jnp

from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import Dense
from fact_jax.layers.positions import add_positions
from fact_jax.ops.masks import masked_softmax


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with contiguous heads, all projections biased.

    Initialised as torch.nn.MultiheadAttention: Xavier-uniform projections (over the packed matrix when key and query
    widths agree, each on its own otherwise), zero biases, U(+-1/sqrt(dim)) output weights.

    Attributes:
      dim: width of the query and the output, a multiple of `num_heads`.
      num_heads: H.
      dropout_rate: on the attention weights.
    """

    dim: int
    num_heads: int
    dropout_rate: float = 0.0

    @nn.compact
    def __call__(self, query, key, value, key_mask, noise=None):
        """Attends from Q queries to K keys.

        Args:
          query: float [B, Q, dim].
          key, value: float [B, K, E]; E may differ from dim.
          key_mask: bool [B, K], keys that may be attended to.
          noise: see fact_jax/layers/dropout.py.

        Returns:
          float [B, Q, dim].
        """
        if self.dim % self.num_heads:
            raise ValueError(f"{self.dim} channels cannot be split into {self.num_heads} heads")
        fan_out = 3 * self.dim if key.shape[-1] == self.dim else self.dim

        def project(x, name):
            bound = math.sqrt(6.0 / (x.shape[-1] + fan_out))
            y = Dense(self.dim, kernel_bound=bound, bias_bound=0.0, name=name)(x)
            return y.reshape(*y.shape[:2], self.num_heads, -1)

        q, k, v = project(query, "query"), project(key, "key"), project(value, "value")
        logits = jnp.einsum("bqhd,bkhd->bhqk", q / math.sqrt(q.shape[-1]), k)
        weights = masked_softmax(logits, key_mask[:, None, None, :])
        weights = Dropout(self.dropout_rate)(weights, noise)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(query.shape)
        return Dense(self.dim, bias_bound=0.0, name="out")(mixed)


class CrossAttention(nn.Module):
    """FACT's exchange of information: every element of Y gathers from X (spec `X2Y`).

    Attributes:
      features: output channels.
      dropout_rate: on the concatenation of Y and what it gathered.
    """

    features: int
    dropout_rate: float = 0.0

    @nn.compact
    def __call__(self, source, query, source_mask, *, source_positions=None, query_positions=None, noise=None):
        """Gathers from X source elements into Y query elements.

        Args:
          source: float [B, X, h].
          query: float [B, Y, h].
          source_mask: bool [B, X].
          source_positions, query_positions: added before the key and the query projection, or None.
          noise: see fact_jax/layers/dropout.py.

        Returns:
          (output [B, Y, features], logits [B, Y, X] before the softmax, attention [B, Y, X] over valid X).
        """
        width = source.shape[-1]
        key = Dense(width, name="key")(add_positions(source, source_positions))
        value = Dense(width, name="value")(source)
        q = Dense(width, name="query")(add_positions(query, query_positions))
        logits = jnp.einsum("byh,bxh->byx", q, key) / math.sqrt(width)
        attention = masked_softmax(logits, source_mask[:, None, :])
        gathered = jnp.concatenate([query, attention @ value], axis=-1)
        gathered = Dropout(self.dropout_rate)(gathered, noise)
        return Dense(self.features, name="out")(gathered), logits, attention
