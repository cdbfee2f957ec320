"""The published code's names of the parameters: the state dicts of FACT and FAFormer."""

from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.models.fact.config import RECURRENT_BRANCHES, FactConfig
from fact_jax.models.fact.segment_update import INPUT_SEGMENT_LAYERS
from fact_jax.models.weights.layer_links import dense_links as _dense
from fact_jax.models.weights.layer_links import encoder_links, mstcn_links, mstcn_plus_plus_links
from fact_jax.models.weights.layer_links import norm_links as _norm
from fact_jax.models.weights.state_dict import Link

BUFFERS = ("frame_pe.pe", "action_pe.pe")


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
