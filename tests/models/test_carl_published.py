"""CARL's weights by their published names: all in, all out, and ResNets of others."""

import dataclasses

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fact_jax.models.backbones.published import resnet_links
from fact_jax.models.carl import published
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.network import initial_variables
from fact_jax.models.weights import state_dict
from fact_jax.types import UserError
from tests.models.carl_cases import TINY, tiny_variables

CONFIGS = (
    TINY,
    CARLConfig(**{**vars(TINY), "num_classes": 4, "projection_dim": 0, "num_layers": 1, "backbone_stages": 2}),
    CARLConfig(**{**vars(TINY), "embedder": "conv", "conv_dims": (6,), "num_contexts": 2}),
    CARLConfig(**{**vars(TINY), "embedder": "vanilla", "fc_dims": (9,), "backbone_stages": 4}),
)
TOLD = ("embedder", "stem_dim", "stage_dims", "stage_blocks", "backbone_stages", "fc_dims", "embedding_dim")
TOLD_OF_TRANSFORMERS = ("hidden_dim", "ff_dim", "num_layers")


def resnet_tensors(config=TINY, prefix=""):
    """A state dict of a whole ResNet as torchvision writes it, with its classifier."""
    tensors = state_dict.to_torch(
        resnet_links(config.stem_dim, config.stage_dims, config.stage_blocks),
        {group: {"resnet": tree["resnet"]} for group, tree in tiny_variables(config).items()},
    )
    tensors = {name: 2.0 * tensor for name, tensor in tensors.items()}
    tensors["bn1.num_batches_tracked"] = np.zeros((), np.int64)
    tensors |= {"fc.weight": np.zeros((1000, 28), np.float32), "fc.bias": np.zeros(1000, np.float32)}
    return {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.embedder}_{config.backbone_stages}")
def test_all_goes_out_and_comes_back(config):
    variables = tiny_variables(config)
    tensors = published.to_state_dict(config, variables)
    back = published.from_state_dict(config, tensors, variables)
    for path, array in flatten_dict(variables, sep="/").items():
        np.testing.assert_array_equal(flatten_dict(back, sep="/")[path], array, err_msg=path)
    found = published.infer(tensors, "file.pth")
    told = TOLD + TOLD_OF_TRANSFORMERS * config.uses_clips + ("conv_dims",) * (config.embedder == "conv")
    assert {name: found.model_settings[name] for name in told} == {name: getattr(config, name) for name in told}
    assert found.model_settings["projection_dim"] == config.projection_dim
    assert (found.num_classes, found.has_classes) == (config.num_classes or None, config.num_classes > 0)


@pytest.mark.parametrize(("layers", "count"), [(2, 377), (3, 393)])
def test_published_names_and_shapes(layers, count):
    config = CARLConfig(num_layers=layers)
    frames = jax.ShapeDtypeStruct((1, 2, 64, 64, 3), np.float32)
    shapes = jax.eval_shape(lambda key: initial_variables(config, key, frames), jax.random.key(0))
    # Views of one number: the sizes are those of the whole network.
    variables = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), shapes)
    tensors = published.to_state_dict(config, variables)
    assert len(tensors) == count
    wanted = {
        "backbone.0.weight": (64, 3, 7, 7),
        "backbone.6.5.conv2.weight": (256, 256, 3, 3),
        "res_finetune.0.downsample.0.weight": (2048, 1024, 1, 1),
        "res_finetune.2.bn3.num_batches_tracked": (),
        "embed.fc_layers.1.weight": (512, 2048),
        "embed.fc_layers.6.running_var": (512,),
        f"embed.video_encoder.enc_layers.{layers - 1}.feed_forward.fc2.weight": (256, 1024),
        "embed.video_encoder.enc_layers.0.self_att.linear_d2Q.bias": (256,),
        "embed.embedding_layer.weight": (128, 256),
        "ssl_projection.net.3.weight": (128, 128),
    }
    assert {name: tensors[name].shape for name in wanted} == wanted


def test_what_is_missing_or_left_over_is_listed():
    tensors = published.to_state_dict(TINY, tiny_variables(TINY))
    del tensors["embed.video_emb.bias"]
    tensors["embed.extra.weight"] = np.zeros(3)
    with pytest.raises(UserError) as error:
        published.from_state_dict(TINY, tensors, tiny_variables(TINY))
    assert "embed.video_emb.bias" in str(error.value) and "embed.extra.weight" in str(error.value)


PREFIXES = [
    ("", ()),  # torchvision
    ("encoder.", ("projection.0.weight",)),  # BYOL, SimCLR
    ("module.encoder.", ("module.encoder_k.conv1.weight", "module.encoder_k.layer1.0.conv1.weight")),
    ("encoder_q.", ("encoder_k.layer1.0.conv1.weight", "queue")),  # MoCo
]


@pytest.mark.parametrize(("prefix", "others"), PREFIXES)
def test_resnets_of_others(prefix, others):
    variables = tiny_variables(TINY)
    tensors = resnet_tensors(prefix=prefix) | dict.fromkeys(others, np.zeros(2, np.float32))
    found = published.infer(tensors, "file.pth")
    sizes = {"stem_dim": 4, "stage_dims": (2, 3, 5, 7), "stage_blocks": (1, 1, 2, 1)}
    assert (found.part, found.has_classes, found.model_settings) == ("resnet", False, {"name": "carl", **sizes})
    shapes = {group: {"resnet": tree["resnet"]} for group, tree in variables.items()}
    filled = flatten_dict(state_dict.to_flax(found.links, found.tensors, shapes), sep="/")
    expected = flatten_dict(shapes, sep="/")
    assert filled.keys() == expected.keys()
    for path, array in expected.items():
        np.testing.assert_array_equal(filled[path], 2.0 * array, err_msg=path)
    assert f"took the {len(found.tensors)} tensors of the ResNet" in found.notes[0]
    assert f"left out {2 + len(others)} tensors" in found.notes[2] and f"{prefix}fc" in found.notes[2]


def _drop(name):
    return lambda tensors: tensors.pop(name)


def _set(name, *shape):
    return lambda tensors: tensors.update({name: np.zeros(shape, np.float32)})


def _shallow(tensors):
    for name in [name for name in tensors if ".conv3." in name or ".bn3." in name]:
        del tensors[name]


def _half(tensors):
    for name in [name for name in tensors if name.startswith(("layer3", "layer4", "fc"))]:
        del tensors[name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop("layer3.1.bn2.bias"), "layer3.1.bn2.bias, the file lacks it"),
        (_set("layer4.0.extra.weight", 3), "the file has layer4.0.extra.weight"),
        (_set("bn1.weight", 5), r"expected \(4,\)"),
        (_shallow, "file.pth holds a ResNet with blocks of two convolutions, as ResNet-18"),
        (_half, "file.pth: layer3.0.conv1.weight is missing, which every state dict of a ResNet has"),
        (_set("layer2.0.conv2.weight", 3, 1, 3, 3), "wide or grouped ResNet: layer2.0 has 3 channels, 1 in a group"),
        (_set("layer2.0.conv3.weight", 6, 3, 1, 1), "wide or grouped ResNet: .* and gives 6"),
        (_set("layer3.4.conv1.weight", 5, 20, 1, 1), r"has the numbers \[0, 1, 4\]"),
        (_set("other.layer1.0.conv1.weight", 2, 4, 1, 1), "several ResNets: conv1.weight, other.conv1.weight"),
    ],
)
def test_resnets_that_do_not_fit_are_refused(change, words):
    tensors = resnet_tensors()
    change(tensors)
    variables = tiny_variables(TINY)
    with pytest.raises(UserError, match=words):
        found = published.infer(tensors, "file.pth")
        state_dict.to_flax(
            found.links, found.tensors, {group: {"resnet": tree["resnet"]} for group, tree in variables.items()}
        )


@pytest.mark.parametrize(
    "backbone, blocks, words",
    [
        (2, (0, 0, 2, 1), r"blocks in 2 of its stages \(res_finetune\.0, res_finetune\.1\)"),
        (3, (0, 0, 2, 1), r"blocks in 2 of its stages \(backbone\.6, res_finetune\)"),
        (3, (0, 1, 1, 1), r"blocks in 3 of its stages \(backbone\.5, backbone\.6, res_finetune\)"),
        (3, (1, 1, 1, 0), r"blocks in 3 of its stages \(backbone\.4, backbone\.5, backbone\.6\)"),
        (4, (0, 0, 0, 0), r"blocks in 0 of its stages \(none\)"),
    ],
)
def test_stages_without_blocks_are_refused(backbone, blocks, words):
    config = dataclasses.replace(TINY, backbone_stages=backbone, stage_blocks=blocks)
    tensors = published.to_state_dict(config, tiny_variables(config))
    with pytest.raises(UserError, match=f"file.pth: the ResNet of the file has {words}; expected four in a row"):
        published.infer(tensors, "file.pth")


def test_other_state_dicts_are_of_another_system():
    assert published.infer({"stem.weight": np.zeros(3), "conv1.weight": np.zeros(3)}, "file.pth") is None
