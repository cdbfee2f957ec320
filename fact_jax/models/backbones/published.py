"""ResNets by the names that torchvision gives them: of torchvision, BYOL, SimCLR and MoCo, and inside other networks.

The links lead to the variables of `fact_jax.models.backbones.resnet.ResNet` as a part "resnet" of a network: below
"params/resnet" and "batch_stats/resnet".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fact_jax.models.backbones.resnet import EXPANSION
from fact_jax.models.weights.layer_links import norm_links
from fact_jax.models.weights.shape_reader import ShapeReader
from fact_jax.models.weights.state_dict import Link
from fact_jax.types import UserError

PART = "resnet"
COUNTER = "num_batches_tracked"  # beside running statistics; nothing depends on it
STEM, STEM_NORM, STAGES = "conv1", "bn1", tuple(f"layer{number}" for number in range(1, 5))
# In the names of the second network of a file, which follows the first: MoCo's, BYOL's and DINO's averages.
_FOLLOWERS = ("encoder_k", "momentum", "target", "teacher", "ema")


def norm_with_statistics(theirs, ours):
    """Links of a batch normalisation, which has running statistics."""
    statistics = (("running_mean", "mean"), ("running_var", "variance"))
    running = [Link(f"{theirs}.{there}", f"batch_stats/{ours}/{here}") for there, here in statistics]
    return norm_links(theirs, f"params/{ours}") + running


def resnet_links(
    stem_dim: int, stage_dims: Sequence[int], stage_blocks: Sequence[int], conv=STEM, norm=STEM_NORM, stages=STAGES
) -> list[Link]:
    """All links of a ResNet without classifier, whose stem and stages have these names; sizes as of `ResNet`."""
    result = _conv_norm(conv, norm, f"{PART}/stem")
    width = stem_dim
    for stage, (there, dim, count) in enumerate(zip(stages, stage_dims, stage_blocks, strict=True)):
        for block in range(count):
            theirs, ours = f"{there}.{block}", f"{PART}/stages_{stage}_{block}"
            for number in (1, 2, 3):
                result += _conv_norm(f"{theirs}.conv{number}", f"{theirs}.bn{number}", f"{ours}/conv_{number}")
            if block == 0 and (stage > 0 or width != EXPANSION * dim):
                result += _conv_norm(f"{theirs}.downsample.0", f"{theirs}.downsample.1", f"{ours}/skip")
            width = EXPANSION * dim
    return result


def _conv_norm(conv, norm, ours):
    kernel = Link(f"{conv}.weight", f"params/{ours}/kernel", axes=(2, 3, 1, 0))
    return [kernel, *norm_with_statistics(norm, f"{ours}/norm")]


def read_sizes(reader: ShapeReader, path, conv=STEM, stages: Sequence[str] = STAGES) -> dict[str, Any]:
    """The sizes of a ResNet, as of `ResNet`, off the shapes of its tensors.

    Raises UserError if it is not one of plain bottlenecks.
    """
    if reader.has(f"{stages[0]}.0.conv2.weight") and not reader.has(f"{stages[0]}.0.conv3.weight"):
        found = "blocks of two convolutions, as ResNet-18 and ResNet-34 have"
        raise UserError(f"{path} holds a ResNet with {found}; expected three, as ResNet-50 has.")
    dims = [reader.shape(f"{stage}.0.conv1.weight", 4)[0] for stage in stages]
    for stage, dim in zip(stages, dims, strict=True):
        inside = reader.shape(f"{stage}.0.conv2.weight", 4)[1]
        out = reader.shape(f"{stage}.0.conv3.weight", 4)[0]
        if (inside, out) != (dim, EXPANSION * dim):
            found = f"{stage}.0 has {dim} channels, {inside} in a group, and gives {out}"
            expected = f"expected {dim} in one group and {EXPANSION * dim}, as in ResNet-50, -101 and -152"
            raise UserError(f"{path} holds a wide or grouped ResNet: {found}; {expected}.")
    return {
        "stem_dim": reader.shape(f"{conv}.weight", 4)[0],
        "stage_dims": tuple(dims),
        "stage_blocks": tuple(reader.count(f"{stage}.{{}}.conv1.weight") for stage in stages),
    }


def find_resnet(tensors: Mapping[str, np.ndarray], path) -> tuple[dict[str, np.ndarray], list[str]] | None:
    """(tensors of the ResNet of a file by torchvision's names, lines about what was left out); None: it has none.

    Of a network and its moving average, as MoCo's and BYOL's, the network. Tensors that look like a part of the ResNet
    and are none are in the result.

    Raises UserError if there are several.
    """
    beginning = re.compile(r"(.*?)layer1\.0\.conv1\.weight")
    prefixes = [match[1] for match in map(beginning.fullmatch, tensors) if match]
    if not prefixes:
        return None
    leading = [prefix for prefix in prefixes if not any(word in prefix for word in _FOLLOWERS)] or prefixes
    if len(leading) > 1:
        listed = ", ".join(f"{prefix}{STEM}.weight" for prefix in leading)
        raise UserError(f"{path} holds several ResNets: {listed}. Expected one; save the one that you want by itself.")
    prefix = leading[0]
    inside = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    counters = [name for name in inside if name.endswith(f".{COUNTER}")]
    ours = (STEM, STEM_NORM)
    found = {
        name: tensor
        for name, tensor in inside.items()
        if name not in counters and (name.split(".")[0] in ours or re.match(r"layer\d", name))
    }
    placed = {prefix + name for name in (*found, *counters)}
    others = [name for name in tensors if name not in placed]
    where = f", below {prefix!r}" if prefix else ""
    notes = [f"took the {len(found)} tensors of the ResNet{where}"]
    if counters:
        notes.append(counter_note(counters))
    if others:
        groups = sorted({_group(name, prefix) for name in others})
        notes.append(f"left out {len(others)} tensors that are no part of it: {', '.join(groups)}")
    return found, notes


def counter_note(counters: Sequence[str]) -> str:
    """A line about tensors that are counters of batches."""
    return f"not needed: numbers of batches, {COUNTER} ({len(counters)})"


def _group(name, prefix):
    """The beginning of a name that says what it is of."""
    return prefix + name.removeprefix(prefix).split(".")[0] if name.startswith(prefix) else name.split(".")[0]
