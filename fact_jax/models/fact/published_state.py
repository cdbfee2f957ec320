"""A network's parameters as the published code's state dict: its names, order and buffers."""

import re

import numpy as np

from fact_jax.layers.positions import sinusoidal_positions
from fact_jax.models.fact import published
from fact_jax.models.fact.config import FactConfig
from fact_jax.models.weights import state_dict

# Rows of the positional tables of the published code.
FRAME_ROWS, TOKEN_ROWS = 10000, 1000

# Parts of names in the order in which the published modules create them; one order serves every level.
_ORDER = (
    "action_query input_proj frame_pe action_pe action_embed verb_embed noun_embed block_list frame_branch "
    "input_action_branch seg_update seg_combine f2a_layer action_branch a2f_layer sf_merge encoder feed_forward "
    "att_layer query_conv key_conv value_conv layer conv_1x1_in conv_dilated_1 conv_dilated_2 conv_fusion conv_dilated "
    "conv_1x1 layers conv_out gru layernorm out_map self_attn multihead_attn in_proj_weight q_proj_weight "
    "k_proj_weight v_proj_weight in_proj_bias out_proj linear1 linear2 norm1 norm2 norm3 out_linear norm X_K X_V Y_Q "
    "Y_W weight bias pe"
).split()
_RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def published_state_dict(config: FactConfig, params) -> dict[str, np.ndarray]:
    """Returns the state dict that the published code loads strictly, positional buffers included.

    Args:
      config: of the network.
      params: its parameters.
    """
    tensors = state_dict.to_torch(published.links(config), params)
    first = config.block_configs[0]
    frames = np.zeros((FRAME_ROWS, first.hidden_dim), np.float32)
    if config.frame_positions:
        frames = sinusoidal_positions(FRAME_ROWS, first.hidden_dim)
    tensors["frame_pe.pe"] = np.asarray(frames, np.float32)[:, None]
    if config.use_transcript:
        table = sinusoidal_positions(TOKEN_ROWS, first.action_dim)
        tensors["action_pe.pe"] = np.asarray(table, np.float32)[:, None]
    return {name: tensors[name] for name in sorted(tensors, key=_rank)}


def _rank(name):
    """Sorts names as the published modules list them."""
    # The action branch of the first block comes before the segments, that of later blocks after them.
    parts = name.replace("block_list.0.action_branch", "block_list.0.input_action_branch").split(".")
    return tuple(_rank_of_part(part) for part in parts)


def _rank_of_part(part):
    if part.isdecimal():
        return (int(part),)
    recurrent = re.fullmatch(r"(\w+_[ih]h)_l(\d+)(_reverse)?", part)
    if recurrent:
        return (int(recurrent[2]), bool(recurrent[3]), _RECURRENT.index(recurrent[1]))
    return (_ORDER.index(part),)
