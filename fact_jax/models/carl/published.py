"""State dicts of CARL and of ResNets in its place: what they tell, and where their tensors live."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fact_jax.models.backbones.published import (
    COUNTER,
    counter_note,
    find_resnet,
    norm_with_statistics,
    read_sizes,
    resnet_links,
)
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.weights import state_dict
from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.layer_links import dense_links, norm_links
from fact_jax.models.weights.shape_reader import ShapeReader
from fact_jax.models.weights.state_dict import Link
from fact_jax.types import UserError

# Where the published code looks for weights in a PyTorch file.
LAYOUT = {"below": ("model_state",)}
# What no file tells.
OF_ALL = {
    "model.l2_normalize": "whether embeddings have unit length",
    "data.augmentation.size": "pixels of a side of a frame",
    "data.augmentation.evaluation_crop": "what of a picture the network sees",
    "eval.frames_per_chunk": "most frames that are embedded together",
}
OF_CLIPS = {
    "model.num_heads": "heads of the attention",
    "data.clip.num_frames": "frames of a training clip, to which positions are stretched",
}
OF_CONTEXTS = {
    "data.clip.num_contexts": "images of every frame",
    "data.clip.context_stride": "frames from one of them to the next",
}
RESNET = "resnet"  # the part of the network


def links(config: CARLConfig) -> list[Link]:
    """All links of a state dict to the variables {"params", "batch_stats"}, in the order of the published modules."""
    stages = [f"backbone.{4 + stage}" for stage in range(config.backbone_stages)]
    behind = len(config.stage_dims) - config.backbone_stages
    stages += ["res_finetune"] if behind == 1 else [f"res_finetune.{index}" for index in range(behind)]
    result = resnet_links(config.stem_dim, config.stage_dims, config.stage_blocks, "backbone.0", "backbone.1", stages)
    result += _transformer_links(config) if config.uses_clips else _context_links(config)
    result += dense_links("embed.embedding_layer", "params/embedder/output")
    if config.projection_dim:
        result += dense_links("ssl_projection.net.0", "params/head/hidden")
        result += norm_with_statistics("ssl_projection.net.1", "head/norm")
        result += dense_links("ssl_projection.net.3", "params/head/output")
    if config.num_classes:
        result += dense_links("classifier.fc_layers.1", "params/classifier/output")
    return result


def _transformer_links(config):
    result = []
    for index in range(len(config.fc_dims)):
        result += dense_links(f"embed.fc_layers.{4 * index + 1}", f"params/embedder/fc_{index}")
        result += norm_with_statistics(f"embed.fc_layers.{4 * index + 2}", f"embedder/norm_{index}")
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
        result += norm_with_statistics(f"embed.conv_layers.{3 * index + 1}", f"embedder/conv_norm_{index}")
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


class InferredResNet(InferredNetwork):
    """See the base: the ResNet alone."""

    @property
    def contents(self):
        return "the ResNet of CARL"


class InferredCARL(InferredNetwork):
    """See the base."""

    def consequences(self):
        """The loss that trains all of the network."""
        if self.has_classes:
            return {"loss.objective": "classification"}
        return {"loss.objective": "scl"} if self.model_settings["projection_dim"] else {}


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict of CARL or of a ResNet in its place tells; None for one of another system."""
    reader = ShapeReader(tensors, path, "CARL")
    if not (reader.has("backbone.0.weight") and reader.has("embed.embedding_layer.weight")):
        return _infer_resnet(tensors, path)
    settings = {"name": "carl", **_resnet_settings(reader, path), **_embedder_settings(reader)}
    settings["embedding_dim"] = reader.shape("embed.embedding_layer.weight", 2)[0]
    head = "ssl_projection.net.0.weight"
    settings["projection_dim"] = reader.shape(head, 2)[0] if reader.has(head) else 0
    classifier = "classifier.fc_layers.1.weight"
    num_classes = reader.shape(classifier, 2)[0] if reader.has(classifier) else None
    counters = [name for name in tensors if name.endswith(f".{COUNTER}")]
    return InferredCARL(
        title="CARL",
        model_settings=settings,
        feature_dim=reader.shape("backbone.0.weight", 4)[1],
        num_classes=num_classes,
        has_classes=num_classes is not None,
        tensors={name: tensor for name, tensor in tensors.items() if name not in counters},
        open_settings=OF_ALL | (OF_CLIPS if settings["embedder"] == "transformer" else OF_CONTEXTS),
        notes=[counter_note(counters)] if counters else [],
    )


def _infer_resnet(tensors, path):
    found = find_resnet(tensors, path)
    if found is None:
        return None
    tensors, notes = found
    reader = ShapeReader(tensors, path, "a ResNet")
    sizes = read_sizes(reader, path)
    return InferredResNet(
        title="CARL",
        model_settings={"name": "carl", **sizes},
        feature_dim=reader.shape("conv1.weight", 4)[1],
        tensors=tensors,
        open_settings=OF_ALL | OF_CLIPS,
        has_classes=False,
        part=RESNET,
        links=resnet_links(**sizes),
        notes=notes,
    )


def _resnet_settings(reader, path):
    numbered = [*(f"backbone.{4 + stage}" for stage in range(4)), *(f"res_finetune.{stage}" for stage in range(4))]
    possible = [*numbered[:4], "res_finetune", *numbered[4:]]
    found = [stage for stage in possible if reader.has(f"{stage}.0.conv1.weight")]
    backbone = sum(stage in found for stage in numbered[:4])
    behind = ["res_finetune"] if "res_finetune" in found else numbered[4 : 8 - backbone]
    stages = numbered[:backbone] + behind
    if found != stages or len(stages) != 4:
        raise UserError(
            f"{path}: the ResNet of the file has blocks in {len(found)} of its stages ({', '.join(found) or 'none'}); "
            "expected four in a row. One without blocks has no tensors, and the file does not tell its width."
        )
    return read_sizes(reader, path, "backbone.0", stages) | {"backbone_stages": backbone}


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
