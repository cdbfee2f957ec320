"""Names of the published state dict, and where its tensors live."""

from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.weights.layer_links import dense_links
from fact_jax.models.weights.state_dict import Link

NORM_AXES = (0, 2)  # of length 1 in (1, C, 1), as published norms and scales have them


def links(config: ActionFormerConfig) -> list[Link]:
    """All links between the published state dict and our parameters, in the order of the published modules."""
    result = []
    for index in range(len(config.stream_dims)):
        result += _conv(f"backbone.proj.{index}", f"backbone/projection_{index}")
    embeddings = range(config.embedding_layers)
    for index in embeddings:
        result += _conv(f"backbone.embd.{index}", f"backbone/embedding_{index}", use_bias=not config.embedding_norm)
    for index in embeddings if config.embedding_norm else ():
        result += _norm(f"backbone.embd_norm.{index}", f"backbone/embedding_norm_{index}")
    block = _conv_block if config.backbone == "conv" else _transformer_block
    for index in range(config.stem_layers):
        result += block(f"backbone.stem.{index}", f"backbone/stem_{index}", config, 0, strided=False)
    for index in range(config.branch_layers):
        result += block(f"backbone.branch.{index}", f"backbone/branch_{index}", config, index + 1, strided=True)
    result += _neck(config)
    result += _head("cls_head", "heads/classification", "cls_head", config)
    outputs = _head("reg_head", "heads/regression", "offset_head", config)
    scales = [
        Link(f"reg_head.scale.{level}.scale", "heads/level_scale", index=level) for level in range(len(config.strides))
    ]
    return result + outputs[:-2] + scales + outputs[-2:]


def _conv(theirs, ours, use_bias=True):
    """A masked convolution; ours keeps the axis of its taps, also of one alone."""
    weight = Link(f"{theirs}.conv.weight", f"{ours}/kernel", transpose=True)
    return [weight, Link(f"{theirs}.conv.bias", f"{ours}/bias")] if use_bias else [weight]


def _norm(theirs, ours):
    return [
        Link(f"{theirs}.weight", f"{ours}/scale", squeeze=NORM_AXES),
        Link(f"{theirs}.bias", f"{ours}/bias", squeeze=NORM_AXES),
    ]


def _transformer_block(theirs, ours, config, level, strided):
    del strided
    result = _norm(f"{theirs}.ln1", f"{ours}/norm_1") + _norm(f"{theirs}.ln2", f"{ours}/norm_2")
    there, here = f"{theirs}.attn", f"{ours}/attention"
    if config.relative_positions and config.window_sizes[level] > 1:
        result.append(Link(f"{there}.rel_pe", f"{here}/relative_positions", squeeze=(0, 1)))
    for name in ("query", "key", "value"):
        result += _conv(f"{there}.{name}_conv", f"{here}/{name}_conv", use_bias=False)
        result += _norm(f"{there}.{name}_norm", f"{here}/{name}_norm")
    for name in ("key", "query", "value"):
        result += dense_links(f"{there}.{name}", f"{here}/{name}", squeeze=2)
    result += dense_links(f"{there}.proj", f"{here}/output", squeeze=2)
    result += dense_links(f"{theirs}.mlp.0", f"{ours}/inner", squeeze=2)
    result += dense_links(f"{theirs}.mlp.3", f"{ours}/outer", squeeze=2)
    if config.drop_path_rate > 0:
        for name, path in (("attn", "attention_path"), ("mlp", "feed_forward_path")):
            result.append(Link(f"{theirs}.drop_path_{name}.scale", f"{ours}/{path}/scale", squeeze=NORM_AXES))
    return result


def _conv_block(theirs, ours, config, level, strided):
    del config, level
    result = _conv(f"{theirs}.conv1", f"{ours}/conv_1") + _conv(f"{theirs}.conv2", f"{ours}/conv_2")
    return result + (_conv(f"{theirs}.downsample", f"{ours}/skip") if strided else [])


def _neck(config):
    result, levels = [], range(len(config.strides))
    if config.neck == "fpn":
        for names in (("lateral_convs", "lateral"), ("fpn_convs", "smooth")):
            for level in levels:
                result += _conv(f"neck.{names[0]}.{level}", f"neck/{names[1]}_{level}", use_bias=not config.neck_norm)
    for level in levels if config.neck_norm else ():
        result += _norm(f"neck.fpn_norms.{level}", f"neck/norm_{level}")
    return result


def _head(theirs, ours, output, config):
    layers, result = range(config.head_layers - 1), []
    for index in layers:
        result += _conv(f"{theirs}.head.{index}", f"{ours}/conv_{index}", use_bias=not config.head_norm)
    for index in layers if config.head_norm else ():
        result += _norm(f"{theirs}.norm.{index}", f"{ours}/norm_{index}")
    return result + _conv(f"{theirs}.{output}", f"{ours}/output")
