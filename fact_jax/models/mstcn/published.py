"""State dicts of MS-TCN and MS-TCN++: what they tell about a network, and their names of its parameters.

MS-TCN goes by two spellings: the 1x1 convolutions at the start of a stage and in its layers are called conv_1x1 in the
authors' code and conv_in in another one (github.com/yiskw713/asrf and what came of it). Both are read; the first is
written.
"""

from collections.abc import Mapping

import numpy as np

from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.layer_links import mstcn_links, mstcn_plus_plus_links
from fact_jax.models.weights.shape_reader import ShapeReader
from fact_jax.types import UserError

_FIRST, _OTHERS = "stage1", "stages.{}"
_PREDICTION, _REFINEMENTS = "PG", "Rs.{}"


def links(model):
    """Links of an MSTCNConfig."""
    result = mstcn_links(_FIRST, "stage_0", model.num_layers)
    for stage in range(1, model.num_stages):
        result += mstcn_links(_OTHERS.format(stage - 1), f"stage_{stage}", model.num_layers)
    return result


def links_plus_plus(model):
    """Links of an MSTCNPlusPlusConfig; refinements that share their parameters have one name each all the same."""
    result = mstcn_plus_plus_links(_PREDICTION, "prediction", model.num_layers)
    for number in range(model.num_refinements):
        ours = f"refinement_{0 if model.share_refinements else number}"
        result += mstcn_links(_REFINEMENTS.format(number), ours, model.num_refinement_layers)
    return result


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict of MS-TCN tells; None for one of another system.

    Raises UserError for a variant that calls all stages alike: its layers may do something else with the same shapes.
    """
    respelled = {name.replace(".conv_in.", ".conv_1x1."): tensor for name, tensor in tensors.items()}
    reader = ShapeReader(respelled, path, "MS-TCN")
    variant = _OTHERS.format(0)
    if not any(name.startswith(f"{_FIRST}.") for name in respelled) and reader.has(
        f"{variant}.layers.0.conv_dilated.weight"
    ):
        raise UserError(
            f"{path} is of a variant of MS-TCN: its first stage is called {variant}, where the published code has "
            f"{_FIRST}, then {variant}, {_OTHERS.format(1)}, ... Whether its layers are the published ones (not causal "
            f"ones, for instance) no file tells. If they are, rename {variant} to {_FIRST} and every stages.N to "
            "stages.N-1, and convert that."
        )
    if not (reader.has(f"{_FIRST}.conv_1x1.weight") and reader.has(f"{_FIRST}.layers.0.conv_dilated.weight")):
        return None
    dim, feature_dim, _ = reader.shape(f"{_FIRST}.conv_1x1.weight", 3)
    settings = {
        "name": "mstcn",
        "num_stages": 1 + reader.count(f"{_OTHERS}."),
        "num_layers": reader.count(f"{_FIRST}.layers.{{}}."),
        "dim": dim,
    }
    return _inferred(reader, settings, feature_dim, f"{_FIRST}.conv_out.weight", respelled)


def infer_plus_plus(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict of MS-TCN++ tells; None for one of another system."""
    reader = ShapeReader(tensors, path, "MS-TCN++")
    if not reader.has(f"{_PREDICTION}.conv_1x1_in.weight"):
        return None
    dim, feature_dim, _ = reader.shape(f"{_PREDICTION}.conv_1x1_in.weight", 3)
    settings = {
        "name": "mstcn++",
        "num_layers": reader.count(f"{_PREDICTION}.conv_dilated_1.{{}}."),
        "num_refinements": reader.count(f"{_REFINEMENTS}."),
        "num_refinement_layers": reader.count(f"{_REFINEMENTS.format(0)}.layers.{{}}."),
        "share_refinements": _are_equal(tensors),
        "dim": dim,
    }
    if not settings["num_refinements"]:
        del settings["num_refinement_layers"]
    return _inferred(reader, settings, feature_dim, f"{_PREDICTION}.conv_out.weight", tensors)


def _inferred(reader, settings, feature_dim, output, tensors):
    return InferredNetwork(
        title=reader.system,
        model_settings=settings,
        feature_dim=feature_dim,
        num_classes=reader.shape(output, 3)[0],
        tensors=tensors,
    )


def _are_equal(tensors):
    """Whether there are several refinements, and they have the same parameters."""
    stages: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in tensors.items():
        if name.startswith("Rs."):
            _, number, rest = name.split(".", 2)
            stages.setdefault(number, {})[rest] = tensor
    first, *others = stages.values() or [{}]
    return bool(others) and all(
        stage.keys() == first.keys() and all(np.array_equal(first[name], stage[name]) for name in first)
        for stage in others
    )
