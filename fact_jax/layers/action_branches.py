"""Action branches: transformer decoders over action tokens, and a GRU over the tokens of a transcript.

The layers of one decoder are stacked with `nn.scan`: they compile once, and they start from equal weights, as in the
published code, which deep-copies one layer.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.layers.attention import MultiHeadAttention
from fact_jax.layers.dropout import Dropout
from fact_jax.layers.factored import Factored, factored
from fact_jax.layers.linear import Dense, LayerNorm, product
from fact_jax.layers.positions import add_positions
from fact_jax.layers.recurrent import BidirectionalGRU
from fact_jax.ops.arrays import Array
from fact_jax.ops.dropout_rng import Seeds, fold

Tokens = Float[Array, "B M D"]
TokenMask = Bool[Array, "B M"]
Positions = Float[Array, "videos M d"] | None  # for all videos or for each; d is at most the channels they are added to


def _stack(layer, num_layers, num_mapped, num_broadcast):
    return nn.scan(
        layer,
        variable_axes={"params": 0},
        split_rngs={"params": False},
        in_axes=(0,) * num_mapped + (nn.broadcast,) * num_broadcast,
        length=num_layers,
    )


def _layer_rng(dropout_rng, index):
    # Stacked layers share one path, so they are told apart by their index.
    return None if dropout_rng is None else fold(dropout_rng, index)


class FeedForward(nn.Module):
    """Linear, ReLU, dropout, Linear."""

    ff_dim: int
    dropout_rate: float
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Tokens, dropout_rng: Seeds | None) -> Tokens:
        hidden = Dropout(self.dropout_rate)(jax.nn.relu(Dense(self.ff_dim, self.dtype, name="inner")(x)), dropout_rng)
        return Dense(x.shape[-1], self.dtype, name="outer")(hidden)


class SelfCrossLayer(nn.Module):
    """Post-norm layer: self-attention over tokens, cross-attention to a memory, feed-forward."""

    num_heads: int
    ff_dim: int
    dropout_rate: float
    attention_dropout_rate: float
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, tokens, index, projected, positions, token_mask, memory_key, memory, memory_mask, dropout_rng, zero_start
    ):
        dim, dropout_rng = tokens.shape[-1], _layer_rng(dropout_rng, index)
        placed = add_positions(tokens, positions)
        # Tokens that start at zero all have the same value in the first layer: the bias.
        attention = dim, self.num_heads, self.attention_dropout_rate, self.dtype
        y = MultiHeadAttention(*attention, name="self_attention")(
            placed, placed, tokens, token_mask, dropout_rng, zero_start & (index == 0)
        )
        tokens = LayerNorm(name="norm_1")(tokens + Dropout(self.dropout_rate)(y, dropout_rng))
        y = MultiHeadAttention(*attention, name="cross_attention")(
            add_positions(tokens, positions), memory_key, memory, memory_mask, dropout_rng, projected=projected
        )
        tokens = LayerNorm(name="norm_2")(tokens + Dropout(self.dropout_rate)(y, dropout_rng))
        y = FeedForward(self.ff_dim, self.dropout_rate, self.dtype, name="feed_forward")(tokens, dropout_rng)
        return LayerNorm(name="norm_3")(tokens + Dropout(self.dropout_rate)(y, dropout_rng)), None


class SelfLayer(nn.Module):
    """Post-norm layer: self-attention over tokens, feed-forward."""

    num_heads: int
    ff_dim: int
    dropout_rate: float
    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: Tokens, index: Int[Array, ""], positions: Positions, token_mask: TokenMask, dropout_rng):
        dropout_rng = _layer_rng(dropout_rng, index)
        placed = add_positions(tokens, positions)
        attention = MultiHeadAttention(
            tokens.shape[-1], self.num_heads, self.dropout_rate, self.dtype, name="self_attention"
        )
        y = attention(placed, placed, tokens, token_mask, dropout_rng)
        tokens = LayerNorm(name="norm_1")(tokens + Dropout(self.dropout_rate)(y, dropout_rng))
        y = FeedForward(self.ff_dim, self.dropout_rate, self.dtype, name="feed_forward")(tokens, dropout_rng)
        return LayerNorm(name="norm_2")(tokens + Dropout(self.dropout_rate)(y, dropout_rng)), None


class SelfCrossDecoder(nn.Module):
    """Decoder that reads a memory (published action branch `sca`), and a linear map.

    Attributes:
      num_layers, num_heads, ff_dim, dropout_rate: of the layers.
      out_dim: channels of the output.
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
    output_norm: bool = True
    attention_dropout_rate: float | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        tokens: Tokens,
        positions: Positions,
        token_mask: TokenMask,
        memory: Factored | Float[Array, "B X h"],
        memory_positions: Float[Array, "X k"] | None,
        memory_mask: Bool[Array, "B X"],
        dropout_rng: Seeds | None = None,
    ) -> Float[Array, "B M E"]:
        """Maps tokens to `out_dim` channels.

        Args:
          tokens: of the videos.
          positions: added to queries and keys of the self-attention and to queries of the cross-attention.
          token_mask: tokens that are no padding.
          memory: what the cross-attention reads; memory_positions are added to its keys.
          memory_mask: elements of the memory that are no padding.
          dropout_rng: see fact_jax/layers/dropout.py.
        """
        rate = self.attention_dropout_rate
        layers = _stack(SelfCrossLayer, self.num_layers, 2, 7)(
            self.num_heads,
            self.ff_dim,
            self.dropout_rate,
            self.dropout_rate if rate is None else rate,
            self.dtype,
            name="layers",
        )
        memory = factored(memory)
        memory_key = memory.with_positions(memory_positions)
        index = jnp.arange(self.num_layers)
        zero_start = jnp.asarray(self.zero_start)
        projected = None if self.is_initializing() else self._project(memory_key, memory)
        tokens, _ = layers(
            tokens,
            index,
            projected,
            positions,
            token_mask,
            memory_key.value,
            memory.value,
            memory_mask,
            dropout_rng,
            zero_start,
        )
        if self.output_norm:
            tokens = LayerNorm(name="norm")(tokens)
        return Dense(self.out_dim, name="output")(tokens)

    def _project(self, memory_key: Factored, memory: Factored) -> tuple[Float[Array, "layers B X H head"], ...]:
        """Keys and values of the memory for all layers, in one product each."""
        weights = self.get_variable("params", "layers")["cross_attention"]
        # The bias of the keys is inert, see `MultiHeadAttention`.
        key, value = dict(weights["key"], bias=jax.lax.stop_gradient(weights["key"]["bias"])), weights["value"]
        # In the shape in which the layers use them, so that no layer keeps a copy of its own for the gradient.
        shape = self.num_layers, *memory.value.shape[:2], self.num_heads, -1

        def project(features, part):
            x, kernel = features.operands(part["kernel"])
            return (product("lha,bkh->lbka", kernel, x, self.dtype) + part["bias"][:, None, None]).reshape(shape)

        return project(memory_key, key), project(memory, value)


class SelfDecoder(nn.Module):
    """Decoder of self-attention layers (published action branch `sa`) and a linear map, without a final norm."""

    num_layers: int
    num_heads: int
    ff_dim: int
    dropout_rate: float
    out_dim: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: Tokens, positions: Positions, token_mask: TokenMask, dropout_rng: Seeds | None = None):
        """Maps tokens to `out_dim` channels; arguments as in `SelfCrossDecoder`."""
        layers = _stack(SelfLayer, self.num_layers, 1, 3)(
            self.num_heads, self.ff_dim, self.dropout_rate, self.dtype, name="layers"
        )
        tokens, _ = layers(tokens, jnp.arange(self.num_layers), positions, token_mask, dropout_rng)
        return Dense(self.out_dim, name="output")(tokens)


class RecurrentBranch(nn.Module):
    """Bidirectional GRU along the transcript, LayerNorm and, if wanted, a linear map (published `gru`, `gru_om`).

    Attributes:
      dim: channels of the GRU, half of them per direction.
      num_layers, dropout_rate: of the GRU.
      out_dim: channels of the output map; None for none.
      dtype: of the products with the input of the GRU.
    """

    dim: int
    num_layers: int
    dropout_rate: float
    out_dim: int | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, tokens: Tokens, token_mask: TokenMask, dropout_rng: Seeds | None = None
    ) -> Float[Array, "B M E"]:
        """Maps tokens to `out_dim`, or else `dim`, channels; `token_mask` is a prefix."""
        gru = BidirectionalGRU(self.dim // 2, self.num_layers, self.dropout_rate, self.dtype, name="gru")
        tokens = LayerNorm(name="norm")(gru(tokens, token_mask, dropout_rng))
        return tokens if self.out_dim is None else Dense(self.out_dim, name="output")(tokens)
