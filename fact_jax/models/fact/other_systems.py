"""Recognises state dicts of other systems for temporal action understanding by the names of their tensors."""

import re
from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]


def describe(shapes: Shapes) -> str:
    """Says in words which known system a state dict belongs to and how large it is, or returns "".

    Args:
      shapes: name -> shape of every tensor.
    """
    for recognise in (_ms_tcn_plus, _ms_tcn, _asformer, _actionformer):
        found = recognise(shapes)
        if found:
            return found
    return ""


def _count(shapes, pattern):
    """Number of different values of the first group of `pattern` among the names."""
    return len({match[1] for match in (re.match(pattern, name) for name in shapes) if match})


def _plural(count, noun):
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count} {noun}{ending}"


def _classes(shapes, layer):
    """The number of classes in words, of the 1x1 convolution that ends a stage, or "" if it is not one."""
    shape = shapes.get(f"{layer}.weight", ())
    return _plural(shape[0], "class") if len(shape) == 3 else ""


def _input_map(shapes, prefix):
    """(channels, input channels) of the 1x1 convolution that opens a stage, or None."""
    names = (f"{prefix}{name}.weight" for name in ("conv_1x1", "conv_in", "conv_1x1_in"))
    return next((shapes[name][:2] for name in names if len(shapes.get(name, ())) == 3), None)


def _ms_tcn(shapes):
    stage = r"(?:(?:stage\d+|stages\.\d+)\.)?"
    first = next((prefix for prefix in ("stage1.", "stages.0.", "") if _input_map(shapes, prefix)), None)
    layers = 0 if first is None else _count(shapes, rf"{re.escape(first)}layers\.(\d+)\.conv_dilated\.weight")
    if not layers or not _classes(shapes, f"{first}conv_out"):
        return ""
    channels, inputs = _input_map(shapes, first)
    stages = _count(shapes, rf"({stage})conv_out\.weight")
    return (
        f"MS-TCN with {_plural(stages, 'stage')} of {_plural(layers, 'layer')} and {channels} channels each, "
        f"{_classes(shapes, f'{first}conv_out')}, {inputs} input channels"
    )


def _ms_tcn_plus(shapes):
    if not _input_map(shapes, "PG.") or not _classes(shapes, "PG.conv_out"):
        return ""
    channels, inputs = _input_map(shapes, "PG.")
    layers = _count(shapes, r"PG\.conv_dilated_1\.(\d+)\.weight")
    refinements = _count(shapes, r"Rs\.(\d+)\.")
    return (
        f"MS-TCN++ with {_plural(layers, 'layer')} of {channels} channels in the prediction stage, "
        f"{_plural(refinements, 'refinement stage')}, {_classes(shapes, 'PG.conv_out')}, {inputs} input channels"
    )


def _asformer(shapes):
    layers = _count(shapes, r"encoder\.layers\.(\d+)\.att_layer\.")
    if not layers or not _input_map(shapes, "encoder.") or not _classes(shapes, "encoder.conv_out"):
        return ""
    channels, inputs = _input_map(shapes, "encoder.")
    decoders = _count(shapes, r"decoders\.(\d+)\.")
    return (
        f"ASFormer with an encoder and {_plural(decoders, 'decoder')}, "
        f"{_plural(layers, 'layer')} of {channels} channels in the encoder, "
        f"{_classes(shapes, 'encoder.conv_out')}, {inputs} input channels"
    )


def _actionformer(shapes):
    first, head = shapes.get("backbone.embd.0.conv.weight", ()), shapes.get("cls_head.cls_head.conv.weight", ())
    if len(first) != 3 or len(head) != 3:
        return ""
    blocks = _count(shapes, r"backbone\.stem\.(\d+)\.") + _count(shapes, r"backbone\.branch\.(\d+)\.")
    return (
        f"ActionFormer, which finds segments with a pyramid, with {_plural(blocks, 'block')} of {first[0]} channels, "
        f"{_plural(head[0], 'class')}, {first[1]} input channels"
    )
