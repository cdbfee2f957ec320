"""What a published state dict of ActionFormer tells about its network, from the names and shapes of its tensors.

Some settings leave no trace in it: the attention heads and windows without relative positions, absolute positions, the
lengths that the levels regress, and everything about training and about what becomes of its outputs.
"""

from collections.abc import Mapping

import numpy as np

from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.shape_reader import ShapeReader

MARKS = ("cls_head.cls_head.conv.weight", "reg_head.offset_head.conv.weight")


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict tells; None for one of another system. Errors as of `ShapeReader`."""
    if not all(mark in tensors for mark in MARKS):
        return None
    reader = ShapeReader(tensors, path, "ActionFormer")
    transformer = reader.count("backbone.branch.{}.ln1.weight") > 0 or reader.count("backbone.stem.{}.ln1.weight") > 0
    num_streams = reader.count("backbone.proj.{}.conv.weight")
    streams = [reader.shape(f"backbone.proj.{k}.conv.weight", 3) for k in range(num_streams)]
    dim, width, embedding_kernel = reader.shape("backbone.embd.0.conv.weight", 3)
    mark = "ln1.weight" if transformer else "conv1.conv.weight"
    branches = reader.count(f"backbone.branch.{{}}.{mark}")
    settings = {
        "name": "actionformer",
        "backbone": "transformer" if transformer else "conv",
        "embedding_layers": reader.count("backbone.embd.{}.conv.weight"),
        "stem_layers": reader.count(f"backbone.stem.{{}}.{mark}"),
        "branch_layers": branches,
        "stream_dims": tuple(shape[1] for shape in streams),
        "stream_widths": tuple(shape[0] for shape in streams),
        "dim": dim,
        "embedding_kernel": embedding_kernel,
        "embedding_norm": "backbone.embd_norm.0.weight" in tensors,
        "first_level": branches + 1 - reader.count("reg_head.scale.{}.scale"),
        "neck": "fpn" if "neck.lateral_convs.0.conv.weight" in tensors else "identity",
        "neck_norm": "neck.fpn_norms.0.weight" in tensors,
    }
    settings |= _head(reader, tensors)
    if transformer:
        settings |= _attention(reader, tensors, branches)
    feature_dim = sum(settings["stream_dims"]) or width
    return InferredNetwork(
        title="ActionFormer",
        model_settings=settings,
        feature_dim=feature_dim,
        num_classes=reader.shape(MARKS[0], 3)[0],
        tensors=tensors,
        open_settings=_open(settings, transformer),
        advice="See config.data.num_classes.",
    )


def _head(reader, tensors):
    layers = reader.count("cls_head.head.{}.conv.weight")
    _, head_dim, kernel = reader.shape(MARKS[0], 3)
    inputs = reader.shape("cls_head.head.0.conv.weight", 3)[1] if layers else head_dim
    settings = {"head_layers": layers + 1, "head_kernel": kernel, "neck_dim": inputs}
    if layers:
        settings |= {"head_dim": head_dim, "head_norm": "cls_head.norm.0.weight" in tensors}
    return settings


def _attention(reader, tensors, branches):
    blocks = [f"backbone.branch.{index}" for index in range(branches)]
    settings = {}
    if branches:
        settings["scale_factor"] = reader.shape("backbone.branch.0.attn.query_conv.conv.weight", 3)[2] - 1
    if not any(name.endswith("drop_path_attn.scale") for name in tensors):
        settings["drop_path_rate"] = 0.0  # with paths there are scales
    first = ["backbone.stem.0"] if "backbone.stem.0.ln1.weight" in tensors else []
    found = [tensors.get(f"{block}.attn.rel_pe") for block in first + blocks]
    settings["relative_positions"] = any(table is not None for table in found)
    if settings["relative_positions"] and first:
        settings["window_sizes"] = tuple(-1 if table is None else table.shape[-1] for table in found)
        settings["num_heads"] = next(table.shape[-2] for table in found if table is not None)
    return settings


def _open(settings, transformer):
    unknown = {
        "model.num_heads": "attention heads",
        "model.window_sizes": "frames that a query attends to",
        "model.absolute_positions": "sinusoids behind the embedding",
        "model.scale_factor": "frames of a level for one of the next",
        "data.max_frames": "least length that videos are padded to",
        "detection.candidate_threshold": "least score of a candidate",
        "detection.candidates_per_level": "most candidates of a level",
    }
    if not transformer:
        del unknown["model.num_heads"], unknown["model.absolute_positions"]
    return {key: what for key, what in unknown.items() if key.removeprefix("model.") not in settings}
