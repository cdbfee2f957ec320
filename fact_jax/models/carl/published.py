"""State dicts of CARL and of ResNets in its place: what they tell, and where their tensors live."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.weights import state_dict
from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.layer_links import dense_links, norm_links
from fact_jax.models.weights.shape_reader import ShapeReader
from fact_jax.models.weights.state_dict import Link
from fact_jax.types import UserError

COUNTER = "num_batches_tracked"  # beside running statistics; nothing depends on it
# Where the published code looks for weights in a PyTorch file.
LAYOUT = {"below": ("model_state",)}
OPEN_SETTINGS = {
    "model.num_frames": "positions are stretched to it",
    "model.num_heads": "heads of the attention",
    "model.l2_normalize": "whether embeddings have unit length",
    "model.num_contexts": "images of every frame",
}
# Put before the names of a ResNet by the codes that trained it: torchvision, BYOL and SimCLR, MoCo.
RESNET_PREFIXES = ("", "encoder.", "encoder_q.", "module.encoder.", "module.encoder_q.")


def links(config: CARLConfig) -> list[Link]:
    """All links of a state dict to the variables {"params", "batch_stats"}, in the order of the published modules."""
    stages = [f"backbone.{4 + stage}" for stage in range(config.backbone_stages)]
    behind = len(config.stage_dims) - config.backbone_stages
    stages += ["res_finetune"] if behind == 1 else [f"res_finetune.{index}" for index in range(behind)]
    result = _resnet_links(config, "backbone.0", "backbone.1", stages)
    result += _transformer_links(config) if config.uses_clips else _context_links(config)
    result += dense_links("embed.embedding_layer", "params/embedder/output")
    if config.projection_dim:
        result += dense_links("ssl_projection.net.0", "params/head/hidden")
        result += _norm("ssl_projection.net.1", "head/norm")
        result += dense_links("ssl_projection.net.3", "params/head/output")
    if config.num_classes:
        result += dense_links("classifier.fc_layers.1", "params/classifier/output")
    return result


def resnet_links(config: CARLConfig) -> list[Link]:
    """Links of torchvision's state dict of a ResNet to the same variables, without its classifier."""
    return _resnet_links(config, "conv1", "bn1", [f"layer{1 + stage}" for stage in range(len(config.stage_dims))])


def _norm(theirs, ours):
    statistics = (("running_mean", "mean"), ("running_var", "variance"))
    running = [Link(f"{theirs}.{there}", f"batch_stats/{ours}/{here}") for there, here in statistics]
    return norm_links(theirs, f"params/{ours}") + running


def _conv_norm(conv, norm, ours):
    kernel = Link(f"{conv}.weight", f"params/{ours}/kernel", axes=(2, 3, 1, 0))
    return [kernel, *_norm(norm, f"{ours}/norm")]


def _resnet_links(config, conv, norm, stages):
    result = _conv_norm(conv, norm, "resnet/stem")
    width = config.stem_dim
    for stage, (there, dim, count) in enumerate(zip(stages, config.stage_dims, config.stage_blocks, strict=True)):
        for block in range(count):
            theirs, ours = f"{there}.{block}", f"resnet/stages_{stage}_{block}"
            for number in (1, 2, 3):
                result += _conv_norm(f"{theirs}.conv{number}", f"{theirs}.bn{number}", f"{ours}/conv_{number}")
            if block == 0 and (stage > 0 or width != 4 * dim):
                result += _conv_norm(f"{theirs}.downsample.0", f"{theirs}.downsample.1", f"{ours}/skip")
            width = 4 * dim
    return result


def _transformer_links(config):
    result = []
    for index in range(len(config.fc_dims)):
        result += dense_links(f"embed.fc_layers.{4 * index + 1}", f"params/embedder/fc_{index}")
        result += _norm(f"embed.fc_layers.{4 * index + 2}", f"embedder/norm_{index}")
    result += dense_links("embed.video_emb", "params/embedder/input")
    for index in range(config.num_layers):
        theirs, ours = f"embed.video_encoder.enc_layers.{index}", f"params/embedder/layer_{index}"
        result += norm_links(f"{theirs}.res_layer0.norm", f"{ours}/norm_attention")
        result += norm_links(f"{theirs}.res_layer1.norm", f"{ours}/norm_feed_forward")
        for there, here in (("Q2d", "query"), ("K2d", "key"), ("V2d", "value"), ("d2Q", "out")):
            result += dense_links(f"{theirs}.self_att.linear_{there}", f"{ours}/attention/{here}")
        result += dense_links(f"{theirs}.feed_forward.fc1", f"{ours}/inner")
        result += dense_links(f"{theirs}.feed_forward.fc2", f"{ours}/outer")
    return result


def _context_links(config):
    result = []
    for index in range(len(config.conv_dims) if config.embedder == "conv" else 0):
        theirs, ours = f"embed.conv_layers.{3 * index}", f"embedder/conv_{index}"
        result.append(Link(f"{theirs}.weight", f"params/{ours}/kernel", axes=(2, 3, 4, 1, 0)))
        result.append(Link(f"{theirs}.bias", f"params/{ours}/bias"))
        result += _norm(f"embed.conv_layers.{3 * index + 1}", f"embedder/conv_norm_{index}")
    for index in range(len(config.fc_dims)):
        result += dense_links(f"embed.fc_layers.{3 * index + 1}", f"params/embedder/fc_{index}")
    return result


def from_state_dict(config: CARLConfig, tensors: Mapping[str, np.ndarray], variables) -> dict[str, Any]:
    """The variables of a published state dict, all of which is used.

    `variables` are those of the network, or their shapes. Raises UserError that lists whatever is left over.
    """
    counters = [name for name in tensors if name.endswith(f".{COUNTER}")]
    return state_dict.to_flax(links(config), tensors, variables, ignore=counters)


def to_state_dict(config: CARLConfig, variables) -> dict[str, np.ndarray]:
    """The published state dict of a network, all of which is used."""
    tensors = {}
    for name, tensor in state_dict.to_torch(links(config), variables).items():
        tensors[name] = tensor
        if name.endswith(".running_var"):
            tensors[name.replace("running_var", COUNTER)] = np.zeros((), np.int64)
    return tensors


def with_resnet(config: CARLConfig, tensors: Mapping[str, np.ndarray], variables, path) -> tuple[dict, list[str]]:
    """Variables whose ResNet is that of a file, and a line for everything of the file that was left out.

    Takes torchvision's names, and those of BYOL, SimCLR and MoCo before them; of a network with its average, as MoCo's,
    the network. All of the ResNet comes from the file.

    Raises:
      UserError: the file has no ResNet, or not one of these sizes.
    """
    prefix = next((prefix for prefix in RESNET_PREFIXES if f"{prefix}conv1.weight" in tensors), None)
    if prefix is None:
        known = ", ".join(f"{prefix}conv1.weight" for prefix in RESNET_PREFIXES)
        raise UserError(f"{path} holds no ResNet: it has none of {known}.")
    inside = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    found = {name: tensor for name, tensor in inside.items() if not name.endswith(f".{COUNTER}")}
    places = {link.torch for link in resnet_links(config)}
    # Below no prefix, the averages and queues of a MoCo file lie beside the names of the network.
    extra = [name for name in found if name not in places and name.split(".")[0].rstrip("0123456789") != "layer"]
    found = {name: tensor for name, tensor in found.items() if name not in extra}
    shapes = {group: {"resnet": tree["resnet"]} for group, tree in variables.items()}
    try:
        filled = state_dict.to_flax(resnet_links(config), found, shapes)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    outside = [name for name in tensors if not name.startswith(prefix)]
    groups = sorted({name.split(".")[0] for name in outside} | {prefix + name.split(".")[0] for name in extra})
    notes = [f"took the {len(found)} tensors of the ResNet" + (f" below {prefix!r}" if prefix else "")]
    if groups:
        notes.append(f"left out {len(outside) + len(extra)} tensors that are no part of it: {', '.join(groups)}")
    return {group: {**tree, **filled[group]} for group, tree in variables.items()}, notes


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict of CARL tells; None for one of another system."""
    reader = ShapeReader(tensors, path, "CARL")
    if not (reader.has("backbone.0.weight") and reader.has("embed.embedding_layer.weight")):
        return None
    settings = {"name": "carl", **_resnet_settings(reader), **_embedder_settings(reader)}
    settings["embedding_dim"] = reader.shape("embed.embedding_layer.weight", 2)[0]
    head = "ssl_projection.net.0.weight"
    settings["projection_dim"] = reader.shape(head, 2)[0] if reader.has(head) else 0
    classifier = "classifier.fc_layers.1.weight"
    return InferredNetwork(
        title="CARL",
        model_settings=settings,
        feature_dim=reader.shape("backbone.0.weight", 4)[1],
        num_classes=reader.shape(classifier, 2)[0] if reader.has(classifier) else None,
        tensors={name: tensor for name, tensor in tensors.items() if not name.endswith(f".{COUNTER}")},
        open_settings=OPEN_SETTINGS,
    )


def _resnet_settings(reader):
    backbone = sum(reader.has(f"backbone.{4 + stage}.0.conv1.weight") for stage in range(4))
    single = reader.has("res_finetune.0.conv1.weight")
    behind: Sequence[str] = ["res_finetune"] if single else [f"res_finetune.{index}" for index in range(4 - backbone)]
    stages = [f"backbone.{4 + stage}" for stage in range(backbone)] + list(behind)
    if len(stages) != 4:
        raise UserError(f"{reader.system}: the ResNet of the file has {len(stages)} stages; expected 4.")
    return {
        "stem_dim": reader.shape("backbone.0.weight", 4)[0],
        "stage_dims": tuple(reader.shape(f"{stage}.0.conv1.weight", 4)[0] for stage in stages),
        "stage_blocks": tuple(reader.count(f"{stage}.{{}}.conv1.weight") for stage in stages),
        "backbone_stages": backbone,
    }


def _embedder_settings(reader):
    if reader.has("embed.video_emb.weight"):
        kind, step = "transformer", 4
    else:
        kind, step = ("conv" if reader.has("embed.conv_layers.0.weight") else "vanilla"), 3
    dims, index = [], 1
    while reader.has(name := f"embed.fc_layers.{index}.weight"):
        dims.append(reader.shape(name, 2)[0])
        index += step
    settings: dict[str, Any] = {"embedder": kind, "fc_dims": tuple(dims)}
    if kind == "transformer":
        settings["hidden_dim"] = reader.shape("embed.video_emb.weight", 2)[0]
        settings["num_layers"] = reader.count("embed.video_encoder.enc_layers.{}.feed_forward.fc1.weight")
        first = "embed.video_encoder.enc_layers.0.feed_forward.fc1.weight"
        if settings["num_layers"]:
            settings["ff_dim"] = reader.shape(first, 2)[0]
    if kind == "conv":
        dims, index = [], 0
        while reader.has(name := f"embed.conv_layers.{index}.weight"):
            dims.append(reader.shape(name, 5)[0])
            index += 3
        settings["conv_dims"] = tuple(dims)
    return settings
