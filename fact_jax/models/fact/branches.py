"""The branches a block is made of, chosen by its settings."""

import jax
import jax.numpy as jnp

from fact_jax.layers.action_branches import SelfCrossDecoder, SelfDecoder
from fact_jax.layers.frame_branches import MSTCN, MSTCNPlusPlus
from fact_jax.models.fact.config import BlockConfig


def read_classes(features, num_classes):
    """Reads logits off the last channels and replaces them by their softmax (published `process_feature`)."""
    logits = features[..., -num_classes:]
    return jnp.concatenate([features[..., :-num_classes], jax.nn.softmax(logits)], axis=-1), logits


def frame_branch(config: BlockConfig, map_input, name):
    """Builds the frame branch that the settings name."""
    shared = dict(
        dim=config.frame_dim,
        num_layers=config.frame_layers,
        out_dim=config.hidden_dim,
        dropout_rate=config.dropout_rate,
        groups=config.frame_groups,
        map_input=map_input,
        name=name,
    )
    if config.frame_branch == "m":
        return MSTCN(use_norm=config.frame_norm, **shared)
    return MSTCNPlusPlus(**shared)


def action_branch(config: BlockConfig, name, *, zero_start=False):
    """Builds the action branch that the settings name; `zero_start`: its tokens come in as zeros."""
    shared = dict(
        num_layers=config.action_layers,
        num_heads=config.action_heads,
        ff_dim=config.action_ff_dim,
        dropout_rate=config.dropout_rate,
        out_dim=config.hidden_dim,
        name=name,
    )
    if config.action_branch == "sca":
        return SelfCrossDecoder(zero_start=zero_start, **shared)
    return SelfDecoder(**shared)
