"""Multi-head attention as in PyTorch, and FACT's single-head cross-attention between frames and actions."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.dropout import Dropout
from fact_jax.layers.factored import Features, features_of
from fact_jax.layers.linear import Dense, product, times
from fact_jax.ops.arrays import Array, Seeds
from fact_jax.ops.masks import masked_softmax


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with contiguous heads, all projections biased.

    Initialised as torch.nn.MultiheadAttention: Xavier-uniform projections (over the packed matrix when key and query
    widths agree, each on its own otherwise), zero biases, U(+-1/sqrt(dim)) output weights. `dim`, of the query and the
    output, is a multiple of `num_heads`; the dropout is on the attention weights.
    """

    dim: int
    num_heads: int
    dropout_rate: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        query: Float[Array, "B Y D"],
        key: Float[Array, "B X h"] | None,
        value: Float[Array, "B X h"] | None,
        key_mask: Bool[Array, "B X"],
        dropout_rng: Seeds | None = None,
        equal_values: Bool[Array, ""] | None = None,
        projected: tuple[Float[Array, "B H head X"], Float[Array, "B H head X"]] | None = None,
    ) -> Float[Array, "B Y D"]:
        """Attends from Y queries to those of X keys that `key_mask` allows.

        Args:
          equal_values: True when the caller knows that all values are equal, so that without dropout the weights cannot
            matter; None means False. Cuts their gradient, which is round-off then (see `Dense.inert_bias`).
          projected: projections of key and value, if the caller has made them from the weights of this module, which
            it gives without key and value; None: they are made here.
        """
        if self.dim % self.num_heads:
            raise ValueError(f"{self.dim} channels cannot be split into {self.num_heads} heads")
        fan_out = 3 * self.dim if key is not None and key.shape[-1] == self.dim else self.dim

        def project(x, name):
            bound = math.sqrt(6.0 / (x.shape[-1] + fan_out))
            # The bias of the keys adds one number to all logits of a query.
            inert = name == "key"
            return Dense(self.dim, self.dtype, kernel_bound=bound, bias_bound=0.0, inert_bias=inert, name=name)(x)

        q = project(query, "query").reshape(*query.shape[:2], self.num_heads, -1)
        if projected is None:
            projected = self._by_head(project(key, "key")), self._by_head(project(value, "value"))
        k, v = projected
        mixed = self._attend(q / math.sqrt(q.shape[-1]), k, v, key_mask, dropout_rng, equal_values).reshape(query.shape)
        return Dense(self.dim, self.dtype, bias_bound=0.0, name="out")(mixed)

    def _by_head(self, x: Float[Array, "B X D"]) -> Float[Array, "B H head X"]:
        """Keys or values of every head, all of one channel in a row."""
        return jnp.swapaxes(x, 1, 2).reshape(len(x), self.num_heads, -1, x.shape[1])

    # The weights of all heads are by far the largest arrays here: their gradient computes them again.
    @functools.partial(nn.remat, prevent_cse=False)
    def _attend(self, q, k, v, key_mask, dropout_rng, equal_values):
        """Weighted sums of the values, [B, Y, H, dim / H]."""
        logits = product("bqhd,bhdk->bhqk", q, k, self.dtype)
        drops = self.dropout_rate > 0 and dropout_rng is not None
        if equal_values is not None and not drops:
            logits = jnp.where(equal_values, jax.lax.stop_gradient(logits), logits)
        weights = masked_softmax(logits, key_mask[:, None, None, :])
        weights = Dropout(self.dropout_rate)(weights, dropout_rng)
        return product("bhqk,bhdk->bqhd", weights, v, self.dtype)


class CrossAttention(nn.Module):
    """FACT's exchange of information: every element of Y gathers from X (published models/basic.py).

    Keys, values and queries are linear in their inputs, and one side, the frames, is much longer than the other: its
    projections are applied to the short side instead, which takes h^2 products fewer for every frame and projection.

    Attributes:
      features: output channels.
      dropout_rate: on the concatenation of Y and what it gathered.
      inert_key_bias: the logits are used through their softmax over X only (see `Dense.inert_bias`).
    """

    features: int
    dropout_rate: float = 0.0
    inert_key_bias: bool = True
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        source: Features | Float[Array, "B X h"],
        query: Features | Float[Array, "B Y h"],
        source_mask: Bool[Array, "B X"],
        *,
        source_positions: Float[Array, "..."] | None = None,
        query_positions: Float[Array, "..."] | None = None,
        dropout_rng: Seeds | None = None,
    ) -> tuple[Float[Array, "B Y E"], Float[Array, "B Y X"], Float[Array, "B Y X"]]:
        """Gathers from X into Y: (output, logits before the softmax, attention over valid X).

        Positions are added before the key and the query projection.
        """
        source, query = features_of(source), features_of(query)
        width, dtype = source.shape[-1], self.dtype
        logits = self._logits(source.with_positions(source_positions), query.with_positions(query_positions))
        logits = logits / math.sqrt(width)
        attention = masked_softmax(logits, source_mask[:, None, :])
        value, value_bias = Dense(width, name="value").weights(width)
        kernel, bias = Dense(self.features, name="out").weights(2 * width)
        if source.shape[1] > query.shape[1]:
            # Every query's weights sum to 1, so the bias of the values comes out as it is.
            attended = product("byh,ho->byo", source.weighted_sums(attention, dtype), value, dtype) + value_bias
        else:
            values = product("bxh,ho->bxo", source.value, value, dtype) + value_bias
            if self.dropout_rate == 0 or dropout_rng is None:
                values = product("bxh,ho->bxo", values, kernel[width:], dtype)
                own, own_kernel = query.operands(kernel[:width])
                output = product("byh,ho->byo", own, own_kernel, dtype)
                return output + product("byx,bxo->byo", attention, values, dtype) + bias, logits, attention
            attended = product("byx,bxo->byo", attention, values, dtype)
        gathered = jnp.concatenate([query.value, attended], axis=-1)
        gathered = Dropout(self.dropout_rate)(gathered, dropout_rng)
        return times(gathered, kernel, dtype) + bias, logits, attention

    def _logits(self, source, query):
        """Query times key, [B, Y, X]; of the two projections, that of the longer side is moved to the shorter one."""
        width, dtype = source.shape[-1], self.dtype
        key, key_bias = Dense(width, inert_bias=self.inert_key_bias, name="key").weights(width)
        projection, bias = Dense(width, name="query").weights(width)
        if source.shape[1] > query.shape[1]:
            q = product("byh,ho->byo", query.value, projection, dtype) + bias
            x, kernel = source.operands(product("byo,ho->bhy", q, key, dtype))
            return product("bhy,bxh->byx", kernel, x, dtype) + product("byo,o->by", q, key_bias, dtype)[..., None]
        k = product("bxh,ho->bxo", source.value, key, dtype) + key_bias
        y, kernel = query.operands(product("bxo,ho->bhx", k, projection, dtype))
        return product("byh,bhx->byx", y, kernel, dtype) + product("bxo,o->bx", k, bias, dtype)[:, None, :]
