"""State dicts of ASFormer: what they tell about a network, and their names of its parameters."""

from collections.abc import Mapping

import numpy as np

from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.layer_links import dense_links, encoder_links
from fact_jax.models.weights.shape_reader import ShapeReader
from fact_jax.models.weights.state_dict import Link

_DECODERS = "decoders.{}"
_FIRST = "encoder.layers.0"


def links(model) -> list[Link]:
    """Links of an ASFormerConfig."""
    stages = {"encoder": "encoder"}
    stages |= {_DECODERS.format(number): f"decoder_{number}" for number in range(model.num_decoders)}
    result = []
    for theirs, ours in stages.items():
        result += encoder_links(theirs, ours, model.num_layers)
        result += dense_links(f"{theirs}.conv_out", f"{ours}/output", squeeze=2)
    return result


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a state dict of ASFormer tells; None for one of another system."""
    reader = ShapeReader(tensors, path, "ASFormer")
    if not (reader.has("encoder.conv_1x1.weight") and reader.has(f"{_FIRST}.att_layer.query_conv.weight")):
        return None
    dim, feature_dim, _ = reader.shape("encoder.conv_1x1.weight", 3)
    settings = {
        "name": "asformer",
        "num_decoders": reader.count(f"{_DECODERS}."),
        "num_layers": reader.count("encoder.layers.{}."),
        "dim": dim,
        # Published as divisors, rounded down: of several that give such a width, the largest.
        "query_reduction": max(1, dim // reader.shape(f"{_FIRST}.att_layer.query_conv.weight", 3)[0]),
        "value_reduction": max(1, dim // reader.shape(f"{_FIRST}.att_layer.value_conv.weight", 3)[0]),
    }
    return InferredNetwork(
        title="ASFormer",
        model_settings=settings,
        feature_dim=feature_dim,
        num_classes=reader.shape("encoder.conv_out.weight", 3)[0],
        tensors=tensors,
        open_settings={"model.windows": "which frames a frame attends to"},
    )
