"""The shipped ActionFormer configs: parameters and products of the published table, and the published names."""

import importlib
import math

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fact_jax.benchmark import costs
from fact_jax.models.actionformer import architecture, published
from fact_jax.models.actionformer.config import from_settings
from fact_jax.models.weights import state_dict
from fact_jax.tasks.localization.actionformer import ActionFormerTask

# Published networks: input channels, parameters, GFLOP of max_frames, multiple that longer videos are padded to.
TABLE = {
    "thumos14": (2048, 29_251_612, "90.5", 576),
    "anet_i3d": (2048, 8_123_145, "2.18", 96),
    "anet_tsp": (512, 6_943_497, "1.73", 96),
    "epic_verb": (2304, 29_763_177, "93.1", 256),
    "epic_noun": (2304, 30_075_188, "96.0", 256),
    "ego4d_s": (2304, 32_945_271, "41.7", 512),
    "ego4d_o": (1536, 34_927_736, "39.4", 1024),
    "ego4d_e": (256, 18_675_576, "20.2", 1024),
    "ego4d_oe": (1792, 77_164_152, "85.6", 1024),
    "ego4d_se": (2560, 78_933_624, "89.2", 1024),
    "ego4d_soe": (4096, 134_048_888, "145.6", 1024),
}


def shipped(name):
    """(ActionFormerConfig, path -> shape of every parameter) of a config."""
    config = importlib.import_module(f"configs.actionformer_{name}").get_config()
    model = from_settings(
        config.model, num_classes=config.data.num_classes, max_frames=config.data.max_frames, dtype=config.dtype
    )
    task = ActionFormerTask(model)
    features = {"features": jax.ShapeDtypeStruct((1, 1, TABLE[name][0]), np.float32)}
    shapes = jax.eval_shape(lambda key: task.init(key, features), jax.random.key(0))["params"]
    return model, {path: leaf.shape for path, leaf in flatten_dict(shapes, sep="/").items()}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ("thumos14", "ego4d_soe") else pytest.mark.slow) for n in TABLE]
)
def test_size_is_that_of_the_table(name):
    model, shapes = shipped(name)
    _, count, products, multiple = TABLE[name]
    assert sum(math.prod(shape) for shape in shapes.values()) == count
    decimals = len(products.partition(".")[2])
    assert f"{costs.pyramid_flops(model, shapes, model.max_frames) / 1e9:.{decimals}f}" == products
    assert model.padded_length(model.max_frames + 1) == model.max_frames + multiple
    # Every parameter has a published name and the other way round, and a state dict tells the same settings.
    links = published.links(model)
    assert {link.flax for link in links} == shapes.keys()
    tensors = {link.torch: tensor_like(link, shapes) for link in links}
    found = architecture.infer(tensors, "file")
    assert found.num_classes == model.num_classes and found.feature_dim == TABLE[name][0]
    told = {key: value for key, value in found.model_settings.items() if key != "name"}
    assert told == {key: getattr(model, key) for key in told}
    assert {"model.num_heads", "model.window_sizes", "model.absolute_positions"} <= found.untold().keys()


def tensor_like(link, shapes):
    """An array without memory of the shape of a published tensor."""
    shape = shapes[link.flax]
    return link.to_torch(np.broadcast_to(np.float32(0), shape if link.index is None else shape[1:]))


def test_parameters_travel_both_ways():
    rng = np.random.default_rng(0)
    model = from_settings(
        {
            "branch_layers": 2,
            "stem_layers": 1,
            "embedding_layers": 1,
            "dim": 8,
            "num_heads": 2,
            "window_sizes": (5,),
            "relative_positions": True,
            "neck": "fpn",
            "neck_dim": 6,
            "head_dim": 4,
            "regression_from": (0, 1, 2),
            "regression_to": (1, 2, 9),
            "stream_dims": (3, 2),
            "stream_widths": (2, 6),
        },
        num_classes=3,
        max_frames=16,
        dtype="float32",
    )
    task = ActionFormerTask(model)
    features = {"features": jax.ShapeDtypeStruct((1, 1, 5), np.float32)}
    shapes = jax.eval_shape(lambda key: task.init(key, features), jax.random.key(0))["params"]
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    tensors = state_dict.to_torch(published.links(model), params)
    assert tensors["reg_head.scale.1.scale"].shape == ()
    assert tensors["backbone.stem.0.attn.rel_pe"].shape == (1, 1, 2, 5)
    back = state_dict.to_flax(published.links(model), tensors, shapes)
    jax.tree.map(np.testing.assert_array_equal, back, params)
    told = architecture.infer(tensors, "file").model_settings
    assert told["window_sizes"] == (5, 5, 5) and told["num_heads"] == 2 and told["neck"] == "fpn"
    assert {key: getattr(model, key) for key in told if key != "name"} == {k: v for k, v in told.items() if k != "name"}


def test_other_systems_are_not_taken_for_it():
    assert architecture.infer({"block_list.0.x": np.zeros(3)}, "file") is None
