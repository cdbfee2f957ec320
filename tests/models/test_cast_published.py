"""CAST's weights by their published names: all in, all out, and files of its two experts."""

import dataclasses

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fact_jax.app import published_weights
from fact_jax.models.cast import links, published
from fact_jax.models.weights import state_dict
from fact_jax.types import UserError, VerbNouns
from tests.models.test_cast_network import TINY, random_params, shapes_of

CONFIGS = {
    "single": TINY,
    "composition": dataclasses.replace(TINY, num_classes=(5, 3), num_layers=3, down_ratio=4, adapter_ratio=8),
    "clip": dataclasses.replace(TINY, experts="clip"),
    "clip without adapters": dataclasses.replace(TINY, experts="clip", adapters=False, num_classes=(4, 4)),
    "videomae": dataclasses.replace(TINY, experts="videomae", mlp_ratio=2, patch_size=8),
    "videomae without adapters": dataclasses.replace(TINY, experts="videomae", adapters=False),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_all_goes_out_and_comes_back(config, prefix):
    params = random_params(config)
    tensors = published.to_state_dict(config, params)
    back = published.from_state_dict(config, tensors, params)
    jax.tree.map(np.testing.assert_array_equal, back, params)
    found = published.infer({prefix + name: tensor for name, tensor in tensors.items()}, "file.pth")
    assert (found.heads, found.num_classes) == (config.num_classes, sum(config.num_classes))
    told = found.model_settings | {name.split(".")[-1]: value for name, value in found.data_settings.items()}
    told["image_size"] = told.pop("size", config.image_size)
    assert told.pop("name") == "cast"
    assert told == {name: getattr(config, name) for name in told}
    assert {"experts", "dim", "num_layers", "mlp_ratio", "patch_size", "adapters"} <= told.keys()
    assert found.tensors.keys() == tensors.keys() and (found.notes != []) == (prefix != "")


def test_what_is_missing_or_left_over_is_listed():
    tensors = published.to_state_dict(TINY, random_params(TINY))
    del tensors["blocks.1.s2t_cross.t2s_proj.bias"]
    tensors["blocks.0.extra.weight"] = np.zeros(3)
    with pytest.raises(UserError) as error:
        published.from_state_dict(TINY, tensors, shapes_of(TINY))
    assert "blocks.1.s2t_cross.t2s_proj.bias" in str(error.value) and "blocks.0.extra.weight" in str(error.value)
    with pytest.raises(UserError, match="twice"):
        published.infer({"backbone.clip_ln_post.bias": np.zeros(1), "clip_ln_post.bias": np.zeros(1)}, "file.pth")


def expert_tensors(part, prefix=""):
    """A state dict of an expert in half precision."""
    expert = {"clip": links.clip_links, "videomae": links.videomae_links}[part](TINY.num_layers)
    tensors = state_dict.to_torch(expert, {part: random_params(TINY, 5)[part]})
    return {prefix + name: tensor.astype(np.float16) for name, tensor in tensors.items()}


FILES = {
    "CLIP": ("clip", "visual.", ("visual.proj", "logit_scale", "transformer.resblocks.0.ln_1.weight"), "proj"),
    "tower": ("clip", "", ("proj",), "proj"),
    "pretrained": (
        "videomae",
        "encoder.",
        ("encoder.norm.weight", "decoder.blocks.0.norm1.bias", "mask_token"),
        "mask",
    ),
    "fine-tuned": ("videomae", "module.", ("module.fc_norm.weight", "module.head.weight"), "fc_norm, head"),
}


@pytest.mark.parametrize(("part", "prefix", "others", "noted"), FILES.values(), ids=FILES.keys())
def test_files_of_one_expert_fill_its_part(part, prefix, others, noted):
    tensors = expert_tensors(part, prefix) | dict.fromkeys(others, np.zeros(2, np.float32))
    found = published.infer(tensors, "file.pt")
    assert found.part == part and not found.has_classes
    assert any("left out" in note and noted in note for note in found.notes)
    config = dataclasses.replace(TINY, frozen_dtype="float16")
    tree = published_weights.variables(None, shapes_of(config), found, "file.pt")
    wanted = {part: random_params(TINY, 5)[part]}
    for path, array in flatten_dict(tree, sep="/").items():
        expected = flatten_dict(wanted, sep="/")[path].astype(np.float16)
        assert array.dtype == (np.float32 if "norm_post" in path else np.float16)
        np.testing.assert_array_equal(array, expected, err_msg=path)
    assert jax.tree.structure(tree) == jax.tree.structure(wanted)
    with pytest.raises(UserError, match="no such part"):
        other = {"clip": "videomae", "videomae": "clip"}[part]
        published_weights.variables(None, shapes_of(dataclasses.replace(TINY, experts=other)), found, "file.pt")
    with pytest.raises(UserError, match="lacks it"):
        last = list(found.tensors)[-1]
        rest = dataclasses.replace(found, tensors={name: found.tensors[name] for name in found.tensors if name != last})
        published_weights.variables(None, shapes_of(config), rest, "file.pt")


def test_other_systems_are_none():
    assert published.infer({"conv1.weight": np.zeros((2, 3, 7, 7)), "bn1.weight": np.zeros(2)}, "file.pth") is None
    assert published.infer({"patch_embed.proj.weight": np.zeros((2, 3, 4, 4))}, "a ViT of images") is None


def test_classes_are_those_of_every_classifier():
    pairs = VerbNouns(("cut", "open", "take"), ("a", "b", "c", "d", "e"), (), ())
    two = published.infer(published.to_state_dict(CONFIGS["composition"], random_params(CONFIGS["composition"])), "f")
    one = published.infer(published.to_state_dict(TINY, random_params(TINY)), "f")
    two.check_classes(None, pairs, "f")
    one.check_classes(("1", "2", "3", "4", "5"), None, "f")
    example = two.example_verb_nouns()
    assert (len(example.nouns), len(example.verbs), one.example_verb_nouns()) == (5, 3, None)
    for found, names, given, words in (
        (two, None, VerbNouns(("cut",), pairs.nouns, (), ()), "3 verbs, the dataset has 1"),
        (two, ("a",), None, "one label"),
        (one, None, pairs, "a noun and a verb"),
        (one, ("a",), None, "5 classes, the dataset has 1"),
    ):
        with pytest.raises(UserError, match=words):
            found.check_classes(names, given, "f")
