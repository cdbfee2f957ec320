"""CAST: sizes, work, the start, what is trained, dropped paths, single experts."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.network import CAST, clip_shape, initial_variables
from fact_jax.models.cast.paths import draw_paths
from fact_jax.models.cast.scales import trained
from fact_jax.training.start import evaluate_needed
from fact_jax.types import UserError

TINY = CASTConfig(
    num_classes=(5,), num_frames=4, image_size=32, patch_size=16, dim=16, num_layers=2, num_heads=2, drop_path=0.5
)
# Total and trained, of the published code where it has such a network.
SIZES = {
    ("both", True, (174,)): (217_228_590, 45_205_038),
    ("both", True, (400,)): (217_402_384, 45_378_832),
    ("both", True, (300, 97)): (216_808_333, 44_784_781),
    ("clip", True, (174,)): (96_596_910, 10_799_022),
    ("videomae", False, (400,)): (86_534_800, 309_136),
}


def shapes_of(config):
    return jax.eval_shape(lambda key: initial_variables(config, key), jax.random.key(0))["params"]


def random_params(config, seed=0):
    """Parameters none of which is 0, so that every path counts."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: 0.3 * rng.standard_normal(leaf.shape, np.float32), shapes_of(config))


def clips(config, batch=2):
    return np.random.default_rng(1).standard_normal(clip_shape(config, batch).shape, np.float32)


def run(config, params, frames, *args):
    return CAST(config).apply({"params": params}, frames, *args)


@pytest.mark.parametrize(("form", "sizes"), SIZES.items())
def test_numbers_of_parameters(form, sizes):
    experts, adapters, num_classes = form
    config = CASTConfig(experts=experts, adapters=adapters, num_classes=num_classes)
    params = shapes_of(config)
    counts = jax.tree.map(lambda leaf, scale: (leaf.size, leaf.size * scale), params, trained(config, params))
    pairs = jax.tree.leaves(counts, is_leaf=lambda leaf: isinstance(leaf, tuple))
    assert tuple(int(sum(column)) for column in zip(*pairs, strict=True)) == sizes


def multiply_adds(jaxpr):
    """Products of a traced function, those of loops as often as they run."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            total += equation.outvars[0].aval.size * math.prod(shape[axis] for axis in contracted)
        inner = [value for value in equation.params.values() if hasattr(value, "eqns") or hasattr(value, "jaxpr")]
        times = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        total += times * sum(multiply_adds(getattr(value, "jaxpr", value)) for value in inner)
    return total


def test_work_of_one_clip():
    config = CASTConfig()
    traced = jax.make_jaxpr(lambda params, frames: run(config, params, frames))(shapes_of(config), clip_shape(config))
    # The 384.8 G that were measured of the published code leave out the attention of its torch.nn.MultiheadAttention.
    unseen = 12 * 2 * 8 * 197**2 * 768
    assert (multiply_adds(traced.jaxpr) - unseen) / 1e9 == pytest.approx(384.8, abs=0.05)


def test_the_start_is_that_of_the_experts_alone():
    config = dataclasses.replace(TINY, num_classes=(5, 3))
    params = jax.jit(lambda key: initial_variables(config, key))(jax.random.key(3))["params"]
    frames = clips(config)
    both = run(config, params, frames)
    # Every second frame is what the spatial expert sees.
    alone = dataclasses.replace(config, experts="clip", adapters=False, num_frames=2)
    clip = run(alone, {name: params[name] for name in shapes_of(alone)}, frames[:, 1::2])
    alone = dataclasses.replace(config, experts="videomae", adapters=False)
    videomae = run(alone, {name: params[name] for name in shapes_of(alone)}, frames)
    np.testing.assert_allclose(both["noun"], clip["noun"], atol=1e-5)
    np.testing.assert_allclose(both["verb"], videomae["verb"], atol=1e-5)
    assert np.std(both["noun"]) > 1e-3


def test_small_experts_trained_from_scratch_start_with_larger_weights():
    scratch = dataclasses.replace(TINY, train_experts=True)
    plain, larger, published = (
        flatten_dict(
            evaluate_needed(lambda key, c=config: initial_variables(c, key), jax.random.key(0))["params"], sep="/"
        )
        for config in (scratch, dataclasses.replace(scratch, start_scale=7.0), TINY)
    )
    for path, array in larger.items():
        # Linear maps but for classifiers, patches, and the packed map of CLIP, which starts by Xavier.
        grows = path.endswith("kernel") and not any(part in path for part in ("output", "patch", "clip/blocks/qkv"))
        np.testing.assert_allclose(array, plain[path] * (7.0 if grows else 1.0), rtol=1e-6, err_msg=path)
        silent = path in ("space_adapter/outer/kernel", "time_adapter/outer/kernel")
        assert bool(np.any(plain[path] != published[path])) == silent, path
        assert not silent or not published[path].any()
    assert np.std(larger["clip/blocks/up/kernel"]) == pytest.approx(0.14, rel=0.1)


def test_logits_of_one_classifier_start_at_zero():
    params = jax.jit(lambda key: initial_variables(TINY, key))(jax.random.key(3))["params"]
    assert np.all(np.asarray(run(TINY, params, clips(TINY))["label"]) == 0.0)


@pytest.fixture(scope="module")
def gradients():
    """Of every parameter, with random seeds; of the network as published and with trained experts."""
    found = {}
    for train_experts in (False, True):
        config = dataclasses.replace(TINY, train_experts=train_experts, drop_path=0.0)

        def loss(params, config=config):
            return jnp.sum(run(config, params, clips(config))["label"] ** 2)

        found[train_experts] = jax.jit(jax.grad(loss))(random_params(config))
    return found


def test_what_is_trained_gets_a_gradient_and_nothing_else(gradients):
    for train_experts, tree in gradients.items():
        scales = trained(dataclasses.replace(TINY, train_experts=train_experts), tree)
        moved = jax.tree.map(lambda leaf: float(np.any(np.asarray(leaf) != 0)), tree)
        assert moved == scales


def test_the_exchange_to_space_of_the_last_block_changes_nothing(gradients):
    to_space = gradients[False]["exchange"]["to_space"]
    assert all(np.all(np.asarray(leaf)[-1] == 0) for leaf in jax.tree.leaves(to_space))
    assert np.all(np.any(np.asarray(gradients[False]["exchange"]["to_time"]["query"]["kernel"]) != 0, axis=(1, 2)))


def test_keeping_less_for_the_gradient_changes_no_gradient(gradients):
    config = dataclasses.replace(TINY, remat=True, drop_path=0.0)
    found = jax.jit(jax.grad(lambda params: jnp.sum(run(config, params, clips(config))["label"] ** 2)))(
        random_params(config)
    )
    jax.tree.map(
        lambda ours, wanted: np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5), found, gradients[False]
    )


@pytest.mark.parametrize("axis", ["sample", "token"])
def test_a_clip_trains_alike_beside_any_others(axis):
    config = dataclasses.replace(TINY, drop_path_axis=axis, head_dropout_rate=0.5, dropout_rate=0.2)
    params, frames = random_params(config), clips(config, 3)
    seeds = np.random.default_rng(2).integers(0, 2**32, (3, 2), np.uint32)
    train = jax.jit(lambda frames, seeds: run(config, params, frames, seeds)["label"])
    together = train(frames, seeds)
    np.testing.assert_allclose(train(frames[[2, 0, 1]], seeds[[2, 0, 1]])[0], together[2], rtol=1e-5, atol=1e-5)
    assert np.max(np.abs(together - train(frames, seeds + np.uint32(1)))) > 1e-3


def test_paths_are_left_out_as_often_as_they_should_be():
    config = dataclasses.replace(TINY, num_layers=3, drop_path=0.4)
    seeds = np.random.default_rng(4).integers(0, 2**32, (4000, 2), np.uint32)
    paths = draw_paths(config, seeds)
    for factor in paths:
        found = np.asarray(factor)
        assert found.shape == (3, 4000, 1)
        np.testing.assert_allclose(np.mean(found == 0, axis=(1, 2)), [0.0, 0.2, 0.4], atol=0.03)
        np.testing.assert_allclose(np.max(found, axis=(1, 2)), [1.0, 1 / 0.8, 1 / 0.6], rtol=1e-6)
    assert np.mean(np.asarray(paths.cross_s[2] == 0) == np.asarray(paths.mlp_adapter_s[2] == 0)) < 0.7
    tokens = draw_paths(dataclasses.replace(config, drop_path_axis="token"), seeds[:2])
    assert tokens.cross_s.shape == (3, 2, 5) and tokens.cross_t.shape == (3, 2, 1)
    assert draw_paths(dataclasses.replace(config, drop_path=0.0), seeds) is None


@pytest.mark.parametrize("stored", ["bfloat16", "float16"])
def test_frozen_weights_in_half_precision(stored):
    exact = dataclasses.replace(TINY, num_classes=(5, 3))
    config = dataclasses.replace(exact, frozen_dtype=stored)
    drawn = random_params(exact)
    wanted = jax.tree.map(lambda shape: shape.dtype, shapes_of(config))
    assert {str(dtype) for dtype in jax.tree.leaves(wanted["clip"])} == {stored, "float32"}
    assert {str(dtype) for dtype in jax.tree.leaves(wanted["videomae"])} == {stored}
    assert {str(dtype) for dtype in jax.tree.leaves(wanted["exchange"])} == {"float32"}
    params = jax.tree.map(lambda array, dtype: jnp.asarray(array, dtype), drawn, wanted)
    found, full = run(config, params, clips(config)), run(exact, drawn, clips(config))
    for name, logits in found.items():
        assert logits.dtype == np.float32
        deviation = np.max(np.abs(logits - full[name])) / np.max(np.abs(full[name]))
        assert 0 < deviation < {"bfloat16": 0.05, "float16": 0.005}[stored]


@pytest.mark.parametrize(("experts", "adapters"), [("clip", True), ("clip", False), ("videomae", True)])
def test_single_experts_learn_and_see_their_frames(experts, adapters):
    config = dataclasses.replace(TINY, experts=experts, adapters=adapters)
    params, frames = random_params(config), clips(config)
    seeds = np.zeros((2, 2), np.uint32)
    logits = jax.jit(lambda frames, seeds: run(config, params, frames, seeds)["label"])
    assert logits(frames, seeds).shape == (2, 5)
    swapped = frames[:, ::-1]
    difference = np.max(np.abs(logits(frames, seeds) - logits(swapped, seeds)))
    # Without adapters the spatial expert does not know the order of frames.
    assert (difference > 1e-4) == (experts == "videomae" or adapters)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_size": 30}, ["30", "patch_size"]),
        ({"num_frames": 5}, ["5", "tubelet"]),
        ({"num_heads": 3}, ["num_heads", "3"]),
        ({"adapters": False}, ["adapters"]),
        ({"num_classes": (1, 2, 3)}, ["one or two"]),
        ({"train_experts": True, "frozen_dtype": "float16"}, ["frozen_dtype", "train_experts"]),
        ({"experts": "none"}, ["experts", "both"]),
        ({"tubelet": 4}, ["tubelet is 4"]),
    ],
)
def test_settings_that_contradict_each_other(changes, words):
    with pytest.raises(UserError) as caught:
        dataclasses.replace(TINY, **changes)
    assert all(word in str(caught.value) for word in words)
