"""Links of layers that several systems have, by the names which the published codes share."""

from fact_jax.models.weights.state_dict import Link


def dense_links(theirs, ours, squeeze=None, index=None):
    """Of a linear map or a convolution; `squeeze` 2 for a convolution of one tap that is a linear map here."""
    return [
        Link(f"{theirs}.weight", f"{ours}/kernel", index, transpose=True, squeeze=squeeze),
        Link(f"{theirs}.bias", f"{ours}/bias", index),
    ]


def norm_links(theirs, ours, index=None):
    """Of a normalisation with scale and bias."""
    return [Link(f"{theirs}.weight", f"{ours}/scale", index), Link(f"{theirs}.bias", f"{ours}/bias", index)]


def mstcn_links(theirs, ours, num_layers, *, map_input=True, use_norm=False):
    """Of `fact_jax.layers.frame_branches.DilatedStage`."""
    result = dense_links(f"{theirs}.conv_1x1", f"{ours}/input", squeeze=2) if map_input else []
    for layer in range(num_layers):
        there = f"{theirs}.layers.{layer}"
        result += dense_links(f"{there}.conv_dilated", f"{ours}/dilated_{layer}")
        result += dense_links(f"{there}.conv_1x1", f"{ours}/mix_{layer}", squeeze=2)
        if use_norm:
            result += norm_links(f"{there}.norm", f"{ours}/norm_{layer}")
    return result + dense_links(f"{theirs}.conv_out", f"{ours}/output", squeeze=2)


def encoder_links(theirs, ours, num_layers):
    """Of `fact_jax.layers.encoder.Encoder`, without its output map."""
    result = dense_links(f"{theirs}.conv_1x1", f"{ours}/input", squeeze=2)
    for layer in range(num_layers):
        there, here = f"{theirs}.layers.{layer}", f"{ours}/layer_{layer}"
        result += dense_links(f"{there}.feed_forward.layer.0", f"{here}/dilated")
        for name in ("query", "key", "value"):
            result += dense_links(f"{there}.att_layer.{name}_conv", f"{here}/attention/{name}", squeeze=2)
        result += dense_links(f"{there}.att_layer.conv_out", f"{here}/attention/out", squeeze=2)
        result += dense_links(f"{there}.conv_1x1", f"{here}/mix", squeeze=2)
    return result


def mstcn_plus_plus_links(theirs, ours, num_layers, *, map_input=True):
    """Of `fact_jax.layers.frame_branches.DualDilatedStage`."""
    result = dense_links(f"{theirs}.conv_1x1_in", f"{ours}/input", squeeze=2) if map_input else []
    parts = ("conv_dilated_1", "falling", None), ("conv_dilated_2", "rising", None), ("conv_fusion", "fuse", 2)
    for key, name, squeeze in parts:
        for layer in range(num_layers):
            result += dense_links(f"{theirs}.{key}.{layer}", f"{ours}/{name}_{layer}", squeeze)
    return result + dense_links(f"{theirs}.conv_out", f"{ours}/output", squeeze=2)
