"""Where the tensors of CAST, CLIP and VideoMAE live, by their published names."""

from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.weights.layer_links import dense_links, norm_links
from fact_jax.models.weights.state_dict import Link

# Names of a classifier by ours.
HEADS = {"label": "head", "noun": "head_noun", "verb": "head_verb"}
ADAPTERS = {"space": "S_Adapter", "time": "T_Adapter", "space_mlp": "S_MLP_Adapter", "time_mlp": "T_MLP_Adapter"}
FUSED = {"space_adapter": "noun_last_Adapter", "time_adapter": "verb_last_Adapter"}
# Of the exchange: part here -> (module there, its prefix, positions of CLIP, of VideoMAE).
CROSS = {
    "to_space": ("t2s_cross", "t2s", "clip_time_pos", "vmae_time_pos"),
    "to_time": ("s2t_cross", "s2t", "clip_space_pos", "vmae_space_pos"),
}


def links(config: CASTConfig) -> list[Link]:
    """All links of a state dict to the parameters, in the order of the published modules."""
    clip = clip_embedding_links("clip_", "clip_ln_pre") if config.has_clip else []
    result, behind = clip[:2], clip[2:]
    if config.experts == "clip" and config.adapters:
        result.append(Link("clip_temporal_embedding", "frame_positions", squeeze=0))
    if config.has_videomae:
        result += videomae_embedding_links()
    result += behind
    for index in range(config.num_layers):
        result += _block_links(config, f"blocks.{index}", index)
    if config.has_clip:
        result += norm_links("clip_ln_post", "clip/norm_post")
    if config.has_videomae:
        result += norm_links("vmae_fc_norm", "norm_time")
    if config.fuses:
        for here, there in FUSED.items():
            result += _adapter_links(there, here)
    for name in reversed(config.heads):
        result += dense_links(HEADS[name], f"classifiers_{name}/output")
    return result


def clip_links(depth: int) -> list[Link]:
    """All links of CLIP's image tower of so many blocks, by its own names."""
    result = clip_embedding_links("", "ln_pre")
    for index in range(depth):
        theirs = f"transformer.resblocks.{index}."
        result += clip_attention_links(theirs, index) + clip_feed_forward_links(theirs, index)
    return result + norm_links("ln_post", "clip/norm_post")


def videomae_links(depth: int) -> list[Link]:
    """All links of VideoMAE's encoder of so many blocks, but for its last normalisation."""
    result = videomae_embedding_links()
    for index in range(depth):
        theirs = f"blocks.{index}"
        result += videomae_attention_links(theirs, index) + videomae_feed_forward_links(theirs, index)
    return result


def clip_embedding_links(prefix: str, norm: str) -> list[Link]:
    """Of CLIP's embedding, whose tensors have a prefix."""
    return [
        Link(f"{prefix}class_embedding", "clip/class_embedding"),
        Link(f"{prefix}positional_embedding", "clip/positions"),
        Link(f"{prefix}conv1.weight", "clip/patch_kernel", axes=(2, 3, 1, 0)),
        *norm_links(norm, "clip/norm_pre"),
    ]


def clip_attention_links(prefix: str, index: int) -> list[Link]:
    """Of attention and its normalisation in a block of CLIP."""
    ours = "clip/blocks"
    return [
        *norm_links(f"{prefix}ln_1", f"{ours}/norm_1", index),
        Link(f"{prefix}attn.in_proj_weight", f"{ours}/qkv/kernel", index, transpose=True),
        Link(f"{prefix}attn.in_proj_bias", f"{ours}/qkv/bias", index),
        *dense_links(f"{prefix}attn.out_proj", f"{ours}/out", index=index),
    ]


def clip_feed_forward_links(prefix: str, index: int) -> list[Link]:
    """Of the feed-forward layer and its normalisation in a block of CLIP."""
    ours = "clip/blocks"
    return [
        *norm_links(f"{prefix}ln_2", f"{ours}/norm_2", index),
        *dense_links(f"{prefix}mlp.c_fc", f"{ours}/up", index=index),
        *dense_links(f"{prefix}mlp.c_proj", f"{ours}/down", index=index),
    ]


def videomae_embedding_links() -> list[Link]:
    """Of VideoMAE's embedding."""
    kernel = Link("patch_embed.proj.weight", "videomae/patches/kernel", axes=(2, 3, 4, 1, 0))
    return [kernel, Link("patch_embed.proj.bias", "videomae/patches/bias")]


def videomae_attention_links(theirs: str, index: int) -> list[Link]:
    """Of attention and its normalisation in a block of VideoMAE."""
    ours = "videomae/blocks"
    return [
        *norm_links(f"{theirs}.norm1", f"{ours}/norm_1", index),
        Link(f"{theirs}.attn.q_bias", f"{ours}/query_bias", index),
        Link(f"{theirs}.attn.v_bias", f"{ours}/value_bias", index),
        Link(f"{theirs}.attn.qkv.weight", f"{ours}/qkv_kernel", index, transpose=True),
        *dense_links(f"{theirs}.attn.proj", f"{ours}/out", index=index),
    ]


def videomae_feed_forward_links(theirs: str, index: int) -> list[Link]:
    """Of the feed-forward layer and its normalisation in a block of VideoMAE."""
    ours = "videomae/blocks"
    return [
        *norm_links(f"{theirs}.norm2", f"{ours}/norm_2", index),
        *dense_links(f"{theirs}.mlp.fc1", f"{ours}/up", index=index),
        *dense_links(f"{theirs}.mlp.fc2", f"{ours}/down", index=index),
    ]


def _adapter_links(theirs, ours, index=None):
    inner = dense_links(f"{theirs}.D_fc1", f"{ours}/inner", index=index)
    return inner + dense_links(f"{theirs}.D_fc2", f"{ours}/outer", index=index)


def _block_links(config, theirs, index):
    result, clip = [], f"{theirs}.clip_"

    def adapter(name):
        return _adapter_links(f"{theirs}.{ADAPTERS[name]}", f"adapters/{name}", index) if config.adapters else []

    if config.has_clip:
        result += clip_attention_links(clip, index) + adapter("space")
    if config.has_videomae:
        result += videomae_attention_links(theirs, index)
    result += adapter("time")
    if config.has_both:
        result += _exchange_links(theirs, index)
    if config.has_clip:
        result += clip_feed_forward_links(clip, index) + adapter("space_mlp")
    if config.has_videomae:
        result += videomae_feed_forward_links(theirs, index) + adapter("time_mlp")
    return result


def _exchange_links(theirs, index):
    result = []
    for stream in ("s", "t"):
        result += dense_links(f"{theirs}.cross_{stream}_down", f"exchange/down_{stream}", index=index)
    for stream in ("s", "t"):
        result += norm_links(f"{theirs}.ln_{stream}_cross", f"exchange/norm_{stream}", index)
    for name, (module, prefix, first, second) in CROSS.items():
        there, here = f"{theirs}.{module}", f"exchange/{name}"
        sides = ("query", "key") if name == "to_space" else ("key", "query")
        result += [
            Link(f"{there}.{table}", f"{here}/{side}_positions", index)
            for table, side in zip((first, second), sides, strict=True)
        ]
        parts = (("q", "query"), ("kv", "key_value"))
        result += [Link(f"{there}.{prefix}_{ending}_bias", f"{here}/{part}/bias", index) for ending, part in parts]
        result += [
            Link(f"{there}.{prefix}_{ending}.weight", f"{here}/{part}/kernel", index, transpose=True)
            for ending, part in parts
        ]
        # Both ways the published output map has the name of one.
        result += dense_links(f"{there}.t2s_proj", f"{here}/out", index=index)
    for stream in ("s", "t"):
        result += dense_links(f"{theirs}.cross_{stream}_up", f"exchange/up_{stream}", index=index)
    return result
