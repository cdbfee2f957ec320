"""The published code's names of the parameters: the state dicts of FACT and FAFormer, read and written."""

import re

import numpy as np

from fact_jax.layers.positions import sinusoidal_positions
from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.models.fact.config import RECURRENT_BRANCHES, FactConfig
from fact_jax.models.fact.segment_update import INPUT_SEGMENT_LAYERS
from fact_jax.models.weights import state_dict
from fact_jax.models.weights.layer_links import dense_links as _dense
from fact_jax.models.weights.layer_links import encoder_links, mstcn_links, mstcn_plus_plus_links
from fact_jax.models.weights.layer_links import norm_links as _norm
from fact_jax.models.weights.state_dict import Link

BUFFERS = ("frame_pe.pe", "action_pe.pe")
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


def links(config: FactConfig) -> list[Link]:
    """All links between the published state dict and our parameters."""
    result = _tokens(config)
    if config.faformer:
        result += _dense("input_proj", "input_projection")
    for index, (letter, block) in enumerate(zip(config.blocks, config.block_configs, strict=True)):
        theirs, ours = f"block_list.{index}", f"block_{index}"
        result += _frame_branch(f"{theirs}.frame_branch", f"{ours}/frame_branch", block, index == 0)
        inner = f"{ours}/segment_update" if letter in "IU" else ours
        norm = not config.faformer
        result += _action_branch(f"{theirs}.action_branch", f"{inner}/action_branch", block, norm)
        if index > 0:
            result += _cross_attention(f"{theirs}.f2a_layer", f"{inner}/f2a")
            result += _cross_attention(f"{theirs}.a2f_layer", f"{inner}/a2f")
        if letter in "IU":
            num_layers = INPUT_SEGMENT_LAYERS if letter == "I" else block.segment_layers
            result += _gru(f"{theirs}.seg_update", f"{inner}/gru", num_layers)
            result += _dense(f"{theirs}.seg_combine", f"{inner}/combine")
        if letter == "U":
            result += _dense(f"{theirs}.sf_merge.0", f"{ours}/merge")
    return result


def _tokens(config):
    if not config.use_transcript:
        return [Link("action_query", "action_query", squeeze=1)]
    names = ("verb_embed", "noun_embed") if isinstance(config.classes, VerbNounClasses) else ("action_embed",)
    return [Link(f"{name}.weight", name) for name in names]


def _frame_branch(theirs, ours, block, map_input):
    if block.frame_branch == "t":
        encoder = encoder_links(f"{theirs}.encoder", ours, block.encoder_layers)
        return _dense(f"{theirs}.conv_out", f"{ours}/output", squeeze=2) + encoder
    if block.frame_branch == "m":
        return mstcn_links(theirs, ours, block.frame_layers, map_input=map_input, use_norm=block.frame_norm)
    return mstcn_plus_plus_links(theirs, ours, block.frame_layers, map_input=map_input)


def _attention(theirs, ours, layer, packed):
    result = _dense(f"{theirs}.out_proj", f"{ours}/out", index=layer)
    for k, name in enumerate(("query", "key", "value")):
        if packed:
            result.append(Link(f"{theirs}.in_proj_weight", f"{ours}/{name}/kernel", layer, True, part=(k, 3)))
        else:
            result.append(Link(f"{theirs}.{name[0]}_proj_weight", f"{ours}/{name}/kernel", layer, True))
        result.append(Link(f"{theirs}.in_proj_bias", f"{ours}/{name}/bias", layer, part=(k, 3)))
    return result


def _action_branch(theirs, ours, block, output_norm):
    if block.action_branch in RECURRENT_BRANCHES:
        result = _gru(f"{theirs}.gru", f"{ours}/gru", block.action_layers)
        result += _norm(f"{theirs}.layernorm", f"{ours}/norm")
        return result + (_dense(f"{theirs}.out_map", f"{ours}/output") if block.action_branch == "gru_om" else [])
    result = _dense(f"{theirs}.out_linear", f"{ours}/output")
    reads_memory = block.action_branch == "sca"
    if reads_memory and output_norm:
        result += _norm(f"{theirs}.norm", f"{ours}/norm")
    for layer in range(block.action_layers):
        there, here = f"{theirs}.layers.{layer}", f"{ours}/layers"
        # A layer without memory calls its only attention `multihead_attn`, which is the cross-attention elsewhere.
        own = "self_attn" if reads_memory else "multihead_attn"
        result += _attention(f"{there}.{own}", f"{here}/self_attention", layer, packed=True)
        if reads_memory:
            packed = block.action_dim == block.hidden_dim
            result += _attention(f"{there}.multihead_attn", f"{here}/cross_attention", layer, packed)
        result += _dense(f"{there}.linear1", f"{here}/feed_forward/inner", index=layer)
        result += _dense(f"{there}.linear2", f"{here}/feed_forward/outer", index=layer)
        for k in (1, 2, 3) if reads_memory else (1, 2):
            result += _norm(f"{there}.norm{k}", f"{here}/norm_{k}", layer)
    return result


def _cross_attention(theirs, ours):
    names = {"X_K": "key", "X_V": "value", "Y_Q": "query", "Y_W": "out"}
    return [link for key, name in names.items() for link in _dense(f"{theirs}.{key}", f"{ours}/{name}")]


def _gru(theirs, ours, num_layers):
    result = []
    for layer in range(num_layers):
        for direction, suffix in enumerate(("", "_reverse")):
            for key, name in (("ih", "input"), ("hh", "hidden")):
                result += [
                    Link(f"{theirs}.weight_{key}_l{layer}{suffix}", f"{ours}/{name}_kernel_{layer}", direction, True),
                    Link(f"{theirs}.bias_{key}_l{layer}{suffix}", f"{ours}/{name}_bias_{layer}", direction),
                ]
    return result


def published_state_dict(config: FactConfig, params) -> dict[str, np.ndarray]:
    """Returns the state dict that the published code loads strictly, positional buffers included."""
    tensors = state_dict.to_torch(links(config), params)
    first = config.block_configs[0]
    rows = FRAME_ROWS, first.hidden_dim
    frames = sinusoidal_positions(*rows) if config.frame_positions else np.zeros(rows, np.float32)
    tensors["frame_pe.pe"] = frames[:, None]
    if config.use_transcript:
        tensors["action_pe.pe"] = sinusoidal_positions(TOKEN_ROWS, first.action_dim)[:, None]
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
