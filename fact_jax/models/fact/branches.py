"""The branches a block is made of, chosen by its resolved settings (BlockConfig)."""

from typing import NamedTuple

from fact_jax.layers.action_branches import Decoder, RecurrentBranch
from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.encoder import Encoder
from fact_jax.layers.frame_branches import DilatedStage, DualDilatedStage
from fact_jax.models.fact.config import RECURRENT_BRANCHES, FactConfig

# Of the attentions in the first decoder of FAFormer, whatever the block's dropout: the default of PyTorch's layers.
FAFORMER_ATTENTION_DROPOUT = 0.1


class DecoderForm(NamedTuple):
    """What distinguishes the decoder of the first block beside its settings: see `Decoder`."""

    zero_start: bool = False
    output_norm: bool = True
    attention_dropout_rate: float | None = None


def decoder_form(config: FactConfig) -> DecoderForm:
    """The DecoderForm of a network."""
    attention_dropout_rate = FAFORMER_ATTENTION_DROPOUT if config.faformer else None
    return DecoderForm(not config.use_transcript, not config.faformer, attention_dropout_rate)


def frame_branch(config, map_input, dtype, name):
    """Builds the frame branch that the settings name."""
    if config.frame_branch == "t":
        width = config.encoder_dim, config.encoder_layers, config.hidden_dim, config.encoder_reduction
        rates = config.encoder_attention, config.encoder_channel_dropout_rate
        return Encoder(*width, *rates, dtype=dtype, name=name)
    width = config.frame_dim, config.frame_layers, config.hidden_dim, config.dropout_rate, config.frame_groups
    shared = {"map_input": map_input, "dtype": dtype, "name": name}
    if config.frame_branch == "m":
        return DilatedStage(*width, use_norm=config.frame_norm, **shared)
    return DualDilatedStage(*width, **shared)


def action_branch(config, dtype, name, form=None):
    """Builds the action branch that the settings name; with a `form` it may read a memory, see `Decoder`."""
    if config.action_branch in RECURRENT_BRANCHES:
        out_dim = config.hidden_dim if config.action_branch == "gru_om" else None
        return RecurrentBranch(config.action_dim, config.action_layers, config.dropout_rate, out_dim, dtype, name=name)
    width = config.action_layers, config.action_heads, config.action_ff_dim, config.dropout_rate, config.hidden_dim
    return Decoder(*width, **(form._asdict() if form else {}), dtype=dtype, name=name)  # "sca"; others are "sa"


def cross_attention(config, dim, dtype, name, inert_key_bias=True):
    """Builds an exchange between frames or segments and actions, with `dim` output channels."""
    return CrossAttention(dim, config.dropout_rate, inert_key_bias, dtype, name=name)
