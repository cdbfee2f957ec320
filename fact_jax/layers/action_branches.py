"""Action branches: transformer decoders over action tokens, and a GRU over the tokens of a transcript.

The layers of one decoder are stacked with `nn.scan`: they compile once, and they start from equal weights, as in the
published code, which deep-copies one layer.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.attention import MultiHeadAttention
from fact_jax.layers.dropout import Dropout
from fact_jax.layers.factored import Features, features_of
from fact_jax.layers.linear import Dense, LayerNorm, product
from fact_jax.layers.positions import add_positions
from fact_jax.layers.recurrent import BidirectionalGRU
from fact_jax.ops.arrays import Array, Seeds
from fact_jax.ops.dropout_rng import fold
from fact_jax.ops.relu import relu


class FeedForward(nn.Module):
    """Linear, ReLU, dropout, Linear."""

    ff_dim: int
    dropout_rate: float
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Float[Array, "B M D"], dropout_rng: Seeds | None) -> Float[Array, "B M D"]:
        hidden = Dropout(self.dropout_rate)(relu(Dense(self.ff_dim, self.dtype, name="inner")(x)), dropout_rng)
        return Dense(x.shape[-1], self.dtype, name="outer")(hidden)


class DecoderLayer(nn.Module):
    """Post-norm: self-attention over tokens, cross-attention to a memory if there is one, feed-forward."""

    num_heads: int
    ff_dim: int
    dropout_rate: float
    attention_dropout_rate: float
    zero_start: bool
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, tokens, index, projected, positions, token_mask, memory_key, memory, memory_mask, dropout_rng=None
    ):
        # Stacked layers have one path, so they are told apart by their index.
        rng = None if dropout_rng is None else fold(dropout_rng, index)
        attention = tokens.shape[-1], self.num_heads, self.attention_dropout_rate, self.dtype
        # Tokens that start at zero all have the same value in the first layer: the bias.
        equal_values = index == 0 if self.zero_start else None
        placed = add_positions(tokens, positions)
        y = MultiHeadAttention(*attention, name="self_attention")(placed, placed, tokens, token_mask, rng, equal_values)
        tokens = LayerNorm(name="norm_1")(tokens + Dropout(self.dropout_rate)(y, rng))
        if memory_mask is not None:
            y = MultiHeadAttention(*attention, name="cross_attention")(
                add_positions(tokens, positions), memory_key, memory, memory_mask, rng, projected=projected
            )
            tokens = LayerNorm(name="norm_2")(tokens + Dropout(self.dropout_rate)(y, rng))
        y = FeedForward(self.ff_dim, self.dropout_rate, self.dtype, name="feed_forward")(tokens, rng)
        last_norm = LayerNorm(name="norm_2" if memory_mask is None else "norm_3")
        return last_norm(tokens + Dropout(self.dropout_rate)(y, rng)), None


class Decoder(nn.Module):
    """Layers that may read a memory (published action branch `sca`) or have none (`sa`), and a linear map.

    Attributes:
      zero_start: the tokens that come in are all zero and are told apart by their positions alone.
      output_norm: LayerNorm before the linear map.
      attention_dropout_rate: on the attention weights; None for dropout_rate.
      dtype: of the products, apart from those of the output map: class probabilities are read off it.
    """

    num_layers: int
    num_heads: int
    ff_dim: int
    dropout_rate: float
    out_dim: int
    zero_start: bool = False
    output_norm: bool = False
    attention_dropout_rate: float | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        tokens: Float[Array, "B M D"],
        positions: Float[Array, "videos M d"] | None,
        token_mask: Bool[Array, "B M"],
        dropout_rng: Seeds | None = None,
        memory: Features | Float[Array, "B X h"] | None = None,
        memory_positions: Float[Array, "*videos X k"] | None = None,
        memory_mask: Bool[Array, "B X"] | None = None,
    ) -> Float[Array, "B M E"]:
        """Maps tokens to `out_dim` channels.

        `positions` are added to queries and keys of the self-attention and to queries of the cross-attention, which
        reads the memory, `memory_positions` to its keys. The masks mark what is no padding.
        """
        rate = self.dropout_rate if self.attention_dropout_rate is None else self.attention_dropout_rate
        axes = {"in_axes": (0, 0) + (nn.broadcast,) * 6, "length": self.num_layers}
        layers = nn.scan(DecoderLayer, variable_axes={"params": 0}, split_rngs={"params": False}, **axes)(
            self.num_heads, self.ff_dim, self.dropout_rate, rate, self.zero_start, self.dtype, name="layers"
        )
        projected = key = value = None
        if memory is not None:
            memory = features_of(memory)
            memory_key = memory.with_positions(memory_positions)
            if self.is_initializing():
                key, value = memory_key.value, memory.value
            else:
                projected = self._project(memory_key, memory)
        index = jnp.arange(self.num_layers)
        tokens, _ = layers(tokens, index, projected, positions, token_mask, key, value, memory_mask, dropout_rng)
        if self.output_norm:
            tokens = LayerNorm(name="norm")(tokens)
        return Dense(self.out_dim, name="output")(tokens)

    def _project(self, memory_key: Features, memory: Features) -> tuple[Float[Array, "layers B H head X"], ...]:
        """Keys and values of the memory for all layers, in one product each."""
        weights = self.get_variable("params", "layers")["cross_attention"]
        # The bias of the keys is inert, see `MultiHeadAttention`.
        key, value = dict(weights["key"], bias=jax.lax.stop_gradient(weights["key"]["bias"])), weights["value"]
        # In the shape in which the layers use them, so that no layer keeps a copy of its own for the gradient.
        shape = self.num_layers, memory.shape[0], self.num_heads, -1, memory.shape[1]

        def project(features, part):
            x, kernel = features.operands(part["kernel"])
            y = product("lha,bkh->labk", kernel, x, self.dtype) + part["bias"][..., None, None]
            return jnp.moveaxis(y, 2, 1).reshape(shape)

        return project(memory_key, key), project(memory, value)


class RecurrentBranch(nn.Module):
    """Bidirectional GRU along the transcript, LayerNorm and, if wanted, a linear map (published `gru`, `gru_om`).

    Of `dim` channels, half are of either direction; `out_dim` None: no map.
    """

    dim: int
    num_layers: int
    dropout_rate: float
    out_dim: int | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, tokens: Float[Array, "B M D"], positions, token_mask: Bool[Array, "B M"], dropout_rng=None, *memory
    ):
        """Maps tokens to `out_dim`, or else `dim`, channels; `token_mask` is a prefix. The rest is not read."""
        del positions, memory
        gru = BidirectionalGRU(self.dim // 2, self.num_layers, self.dropout_rate, self.dtype, name="gru")
        tokens = LayerNorm(name="norm")(gru(tokens, token_mask, dropout_rng))
        return tokens if self.out_dim is None else Dense(self.out_dim, name="output")(tokens)
