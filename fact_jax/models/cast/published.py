"""State dicts of CAST, in and out, and what weight files tell: those of CAST, and of CLIP and VideoMAE for one part."""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.links import HEADS, clip_links, links, videomae_links
from fact_jax.models.weights import state_dict
from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.shape_reader import ShapeReader, check_count
from fact_jax.models.weights.state_dict import Link
from fact_jax.types import UserError, VerbNouns

# Where the published code looks for weights in a PyTorch file.
LAYOUT = {"below": ("model",)}
# Before names in files of CAST and VideoMAE, removed as published: of wrappers, and of a pretraining.
PREFIXES = ("module.", "backbone.", "encoder.")
# What no file tells.
UNTOLD = {
    "model.num_heads": "heads of the attention",
    "data.augmentation.size": "pixels of a side of a frame",
    "data.sampling.num_frames": "frames of a clip",
    "data.sampling.strategy": "which frames of a clip are seen",
}
# Fields of `CASTConfig` that are settings of the data.
OF_DATA = {"num_frames": "data.sampling.num_frames", "image_size": "data.augmentation.size"}


def from_state_dict(config: CASTConfig, tensors: Mapping[str, np.ndarray], params):
    """The parameters of a published state dict, all of which is used.

    `params` are those of the network, or their shapes. Raises UserError that lists whatever is left over.
    """
    return state_dict.to_flax(links(config), tensors, params)


def to_state_dict(config: CASTConfig, params) -> dict[str, np.ndarray]:
    """The published state dict of a network, all of which is used, as float32."""
    return state_dict.to_torch(links(config), jax.tree.map(lambda array: np.asarray(array, np.float32), params))


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferredCAST(InferredNetwork):
    """See the base; `heads`: classes of every classifier, `data_settings`: settings of the data that the file tells."""

    heads: tuple[int, ...]
    data_settings: Mapping[str, Any]

    def check_classes(self, class_names, verb_nouns, path):
        """Compares every classifier with its classes."""
        wanted = {"classes": class_names} if verb_nouns is None else _nouns_and_verbs(verb_nouns)
        if len(wanted) != len(self.heads):
            found = "one classifier" if len(self.heads) == 1 else "a classifier of nouns and one of verbs"
            asked = "one label" if verb_nouns is None else "a noun and a verb"
            raise UserError(f"{path} is of a network with {found}, and every clip of the dataset has {asked}.")
        for (what, listed), count in zip(wanted.items(), self.heads, strict=True):
            check_count(path, what, count, listed)

    def example_verb_nouns(self):
        """Nameless nouns and verbs, where there are classifiers of both."""
        if len(self.heads) == 1:
            return None
        nouns, verbs = (
            tuple(f"{what} {k}" for k in range(count)) for what, count in zip(("noun", "verb"), self.heads, strict=True)
        )
        return VerbNouns(verbs, nouns, (), ())

    def consequences(self):
        """Frames of a clip and their size."""
        return self.data_settings


def _nouns_and_verbs(verb_nouns):
    return {"nouns": verb_nouns.nouns, "verbs": verb_nouns.verbs}


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferredExpert(InferredNetwork):
    """See the base; one expert alone, whose name is `expert`."""

    expert: str

    @property
    def contents(self):
        return self.expert


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict of CAST or of one of its experts tells; None for one of another system."""
    for prefix in ("visual.", ""):
        if {f"{prefix}class_embedding", f"{prefix}conv1.weight", f"{prefix}ln_pre.weight"} <= tensors.keys():
            return _infer_clip(tensors, prefix, path)
    tensors, notes = _without_prefixes(tensors, path)
    if tensors.keys() & {"clip_ln_post.weight", "vmae_fc_norm.weight"}:
        return _infer_network(tensors, notes, path)
    if np.ndim(tensors.get("patch_embed.proj.weight")) == 5:
        return _infer_videomae(tensors, notes, path)
    return None


def _without_prefixes(tensors, path):
    """(tensors without the prefixes of their names, notes)."""
    short = {name: next((p for p in PREFIXES if name.startswith(p)), "") for name in tensors}
    removed = Counter(filter(None, short.values()))
    found = {name.removeprefix(short[name]): tensor for name, tensor in tensors.items()}
    if len(found) < len(tensors):
        raise UserError(f"{path} holds tensors twice, with and without {', '.join(removed)} before the name.")
    return found, [f"removed {prefix!r} from {count} names" for prefix, count in removed.items()]


def _infer_network(tensors, notes, path):
    settings = read_settings(ShapeReader(tensors, path, "CAST"))
    heads = settings.pop("num_classes")
    data = {OF_DATA[name]: settings.pop(name) for name in OF_DATA if name in settings}
    return InferredCAST(
        title="CAST",
        model_settings={"name": "cast", **settings},
        feature_dim=3,
        num_classes=sum(heads),
        tensors=tensors,
        open_settings={key: what for key, what in UNTOLD.items() if key not in data},
        heads=heads,
        data_settings=data,
        notes=notes,
    )


def _infer_clip(tensors, prefix, path):
    """Of a file of CLIP the image tower, without the map of its output to that of texts."""
    inside = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    beginnings = ("class_embedding", "positional_embedding", "conv1.", "ln_pre.", "ln_post.", "transformer.resblocks.")
    found = {name: tensor for name, tensor in inside.items() if name.startswith(beginnings)}
    reader = ShapeReader(found, path, "CLIP")
    dim, _, size, _ = reader.shape("conv1.weight", 4)
    depth = reader.count("transformer.resblocks.{}.ln_1.weight")
    hidden = reader.shape("transformer.resblocks.0.mlp.c_fc.weight", 2)[0]
    notes = _left_out("CLIP's image tower", found, {name.removeprefix(prefix): None for name in tensors})
    return _expert(
        "clip", "CLIP", found, clip_links(depth), notes, dim=dim, num_layers=depth, patch_size=size, hidden=hidden
    )


def _infer_videomae(tensors, notes, path):
    """Of a file of VideoMAE the embedding and the blocks of its encoder."""
    found = {name: tensor for name, tensor in tensors.items() if name.startswith(("patch_embed.", "blocks."))}
    reader = ShapeReader(found, path, "VideoMAE")
    dim, _, tubelet, size, _ = reader.shape("patch_embed.proj.weight", 5)
    depth = reader.count("blocks.{}.norm1.weight")
    hidden = reader.shape("blocks.0.mlp.fc1.weight", 2)[0]
    notes = [*notes, *_left_out("VideoMAE's encoder", found, tensors)]
    sizes = {"dim": dim, "num_layers": depth, "patch_size": size, "hidden": hidden}
    return _expert("videomae", "VideoMAE", found, videomae_links(depth), notes, tubelet=tubelet, **sizes)


def _expert(part, expert, tensors, links: list[Link], notes, *, dim, hidden, **sizes):
    return InferredExpert(
        title="CAST",
        model_settings={"name": "cast", "dim": dim, "mlp_ratio": hidden // dim, **sizes},
        feature_dim=3,
        tensors=tensors,
        open_settings=UNTOLD,
        has_classes=False,
        part=part,
        links=links,
        notes=notes,
        expert=expert,
    )


def _left_out(what, found, names):
    """Lines about what of a file was taken and what was not."""
    lines = [f"took the {len(found)} tensors of {what}"]
    others = [name for name in names if name not in found]
    if others:
        groups = sorted({name.split(".")[0] for name in others})
        lines.append(f"left out {len(others)} tensors that are no part of it: {', '.join(groups)}")
    return lines


def read_settings(reader: ShapeReader) -> dict[str, Any]:
    """Fields of `CASTConfig` that the tensors of a CAST network tell: all sizes but for the heads of the attention.

    Raises UserError where a tensor is missing or its shape is none of a network.
    """
    has_clip, has_videomae = reader.has("clip_conv1.weight"), reader.has("patch_embed.proj.weight")
    experts = "both" if has_clip and has_videomae else "clip" if has_clip else "videomae"
    settings: dict[str, Any] = {"experts": experts, "adapters": reader.has("blocks.0.T_Adapter.D_fc1.weight")}
    pattern = "blocks.{}.clip_ln_1.weight" if has_clip else "blocks.{}.norm1.weight"
    settings["num_layers"] = reader.count(pattern)
    if has_videomae:
        dim, _, tubelet, size, _ = reader.shape("patch_embed.proj.weight", 5)
        settings |= {"tubelet": tubelet}
    else:
        dim, _, size, _ = reader.shape("clip_conv1.weight", 4)
    settings |= {"dim": dim, "patch_size": size}
    hidden = reader.shape(f"blocks.0.{'clip_mlp.c_fc' if has_clip else 'mlp.fc1'}.weight", 2)[0]
    settings["mlp_ratio"] = hidden // dim
    if settings["adapters"]:
        settings["adapter_ratio"] = dim // reader.shape("blocks.0.T_Adapter.D_fc1.weight", 2)[0]
    if experts == "both":
        settings["down_ratio"] = dim // reader.shape("blocks.0.cross_s_down.weight", 2)[0]
        settings["num_frames"] = tubelet * reader.shape("blocks.0.t2s_cross.clip_time_pos", 2)[0]
    elif reader.has("clip_temporal_embedding"):
        settings["num_frames"] = reader.shape("clip_temporal_embedding", 3)[1]
    if has_clip:
        settings["image_size"] = size * math.isqrt(reader.shape("clip_positional_embedding", 2)[0] - 1)
    heads = ("label",) if reader.has("head.weight") else ("noun", "verb")
    settings["num_classes"] = tuple(reader.shape(f"{HEADS[name]}.weight", 2)[0] for name in heads)
    return settings
