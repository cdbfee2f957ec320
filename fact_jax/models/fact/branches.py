"""The branches a block is made of, chosen by its settings."""

from fact_jax.layers.action_branches import RecurrentBranch, SelfCrossDecoder, SelfDecoder
from fact_jax.layers.frame_branches import MSTCN, MSTCNPlusPlus
from fact_jax.models.fact.config import RECURRENT_BRANCHES, BlockConfig


def frame_branch(config: BlockConfig, map_input, dtype, name):
    """Builds the frame branch that the settings name."""
    shared = dict(
        dim=config.frame_dim,
        num_layers=config.frame_layers,
        out_dim=config.hidden_dim,
        dropout_rate=config.dropout_rate,
        groups=config.frame_groups,
        map_input=map_input,
        dtype=dtype,
        name=name,
    )
    if config.frame_branch == "m":
        return MSTCN(use_norm=config.frame_norm, **shared)
    return MSTCNPlusPlus(**shared)


def action_branch(config: BlockConfig, dtype, name, *, zero_start=False):
    """Builds the action branch that the settings name.

    Returns a function (tokens, positions, token_mask, noise, memory, memory_positions, memory_mask) -> [B, M, h]; the
    memory is read by "sca" alone, and a GRU ignores positions as well. `zero_start`: the tokens come in as zeros.
    """
    if config.action_branch in RECURRENT_BRANCHES:
        out_dim = config.hidden_dim if config.action_branch == "gru_om" else None
        branch = RecurrentBranch(
            config.action_dim, config.action_layers, config.dropout_rate, out_dim, dtype, name=name
        )
        return lambda tokens, positions, token_mask, noise, *memory: branch(tokens, token_mask, noise)
    shared = dict(
        num_layers=config.action_layers,
        num_heads=config.action_heads,
        ff_dim=config.action_ff_dim,
        dropout_rate=config.dropout_rate,
        out_dim=config.hidden_dim,
        dtype=dtype,
        name=name,
    )
    if config.action_branch == "sa":
        branch = SelfDecoder(**shared)
        return lambda tokens, positions, token_mask, noise, *memory: branch(tokens, positions, token_mask, noise)
    branch = SelfCrossDecoder(zero_start=zero_start, **shared)
    return lambda tokens, positions, token_mask, noise, *memory: branch(tokens, positions, token_mask, *memory, noise)
