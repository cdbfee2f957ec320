"""The CARL network: what padding, chunks and frozen parts change, its sizes, and how it starts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.batch_norm import Batch
from fact_jax.models.backbones import resnet
from fact_jax.models.carl import embedders
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.network import CARL, initial_variables, trained, unit_length
from fact_jax.models.carl.positions import stretched_positions
from fact_jax.types import UserError
from tests.models.carl_cases import TINY, tiny_frames, tiny_variables

NETWORK = CARL(TINY)


@jax.jit
def evaluated(variables, frames, mask, lengths):
    return NETWORK.apply(variables, frames, mask, lengths=lengths)


def test_padding_changes_no_embedding():
    frames, variables = tiny_frames(2, 6), tiny_variables(TINY)
    mask, lengths = np.arange(6) < np.array([[6], [4]]), np.array([6, 4], np.int32)
    found = evaluated(variables, frames, mask, lengths)
    garbage = np.where(mask[..., None, None, None], frames, 1e3)
    np.testing.assert_array_equal(evaluated(variables, garbage, mask, lengths)[1, :4], found[1, :4])
    alone = evaluated(variables, frames[1:, :4], np.ones((1, 4), bool), lengths[1:])
    np.testing.assert_allclose(found[1, :4], alone[0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1.0, rtol=1e-5)


def test_long_clips_attend_in_parts(monkeypatch):
    features = np.random.default_rng(0).normal(size=(2, 7, 1, 1, 28)).astype(np.float32)
    mask = np.arange(7) < np.array([[7], [5]])

    def run(features):
        return NETWORK.apply(tiny_variables(TINY), features, mask, method="embedded")

    whole = jax.jit(run)(features)
    monkeypatch.setattr(embedders, "QUERIES_AT_ONCE", 3)
    np.testing.assert_allclose(jax.jit(lambda features: run(features))(features), whole, atol=1e-6)


def test_the_frozen_part_gives_the_same_whatever_goes_through_at_once_and_has_no_gradient():
    frames, variables = tiny_frames(1, 5)[0], tiny_variables(TINY)

    def run(at_once):
        return jax.jit(lambda v, x: NETWORK.apply(v, x, method=lambda net, x: net.resnet.frozen(x, 3, at_once)))

    whole = run(5)(variables, frames)
    np.testing.assert_allclose(run(2)(variables, frames), whole, atol=1e-6)
    unfolded = jax.jit(lambda v, x: NETWORK.apply(v, x, method=lambda net, x: net.resnet(x, 3, None)))
    np.testing.assert_allclose(whole, unfolded(variables, frames[None])[0], atol=1e-5)
    gradients = jax.jit(jax.grad(lambda v, x: run(2)(v, x).sum()))({"params": variables["params"]} | variables, frames)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradients))


def test_an_evaluation_goes_through_the_last_stage_in_parts_too(monkeypatch):
    monkeypatch.setattr(resnet, "MAPS_AT_ONCE", 3)
    frames, variables = tiny_frames(1, 7), tiny_variables(TINY)

    @jax.jit
    def run(variables, frames):
        whole = NETWORK.apply(variables, frames, method=lambda net, x: net.resnet(x, 4, None))
        maps = NETWORK.apply(variables, frames, method="features")
        return whole, maps, NETWORK.apply(variables, frames, None, True, method="features")

    whole, maps, largest = jax.device_get(run(variables, frames))
    np.testing.assert_allclose(maps, whole, atol=1e-5)
    np.testing.assert_allclose(largest, whole.max((2, 3), keepdims=True), atol=1e-5)


@pytest.mark.parametrize("chunk", [2, 6])
def test_chunks_have_statistics_of_their_own_in_the_trained_stage_alone(chunk):
    frames, variables = tiny_frames(2, 6), tiny_variables(TINY)
    network = CARL(CARLConfig(**{**vars(TINY), "chunk_frames": chunk}))

    def run(frames):
        options = {"batch": Batch(), "method": "features", "mutable": "batch_stats"}
        return network.apply(variables, frames, **options)[0]

    found = jax.jit(run)(frames)
    changed = np.concatenate([frames[:, :3], frames[::-1, 3:] * 2.0], axis=1)
    other = jax.jit(run)(changed)
    same = np.isclose(found, other, atol=1e-5).all(axis=(0, 2, 3, 4))
    assert same.tolist() == [chunk == 2] * 2 + [False] * 4


def test_uint8_is_normalised():
    variables, pixels = tiny_variables(TINY), np.random.default_rng(0).integers(0, 256, (1, 2, 32, 32, 3), np.uint8)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    arguments = np.ones((1, 2), bool), np.array([2], np.int32)
    wanted = evaluated(variables, (pixels / np.float32(255) - mean) / std, *arguments)
    np.testing.assert_allclose(evaluated(variables, pixels, *arguments), wanted, atol=1e-5)


def test_gradients_are_finite_where_whole_clips_are_padding():
    variables = tiny_variables(TINY)
    mask = np.array([[True] * 4, [False] * 4])
    features = np.zeros((2, 4, 2, 2, 28), np.float32)

    def loss(params):
        options = {"batch": Batch(row_mask=mask.any(1)), "project": True, "mutable": "batch_stats"}
        found, _ = NETWORK.apply(variables | {"params": params}, features, mask, method="embedded", **options)
        return found.sum()

    gradients = jax.jit(jax.grad(loss))(variables["params"])
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradients))


def test_unit_length_of_nothing_is_nothing():
    value, gradient = jax.value_and_grad(lambda x: unit_length(x).sum())(jnp.zeros(3))
    assert value == 0 and np.all(np.isfinite(gradient))


@pytest.mark.parametrize("length", [1, 5, 9, 14])
def test_positions_are_stretched_to_the_range_of_training(length):
    found = stretched_positions(np.array([length]), 14, 9, 6)[0, :length]
    places = np.linspace(0, 8, length)
    wanted = [(np.sin if i % 2 == 0 else np.cos)(places / 10000 ** (i / 6)) for i in range(6)]
    np.testing.assert_allclose(found, np.stack(wanted, axis=1), atol=2e-7)


def test_long_clips_keep_their_positions():
    found = stretched_positions(np.array([6000]), 6000, 240, 4)[0]
    np.testing.assert_allclose(found[:, 0], np.sin(np.linspace(0, 239, 6000)), atol=2e-7)


# Of spec and of the published models: all, and those that an optimiser moves.
@pytest.mark.parametrize(
    ("settings", "total", "moved"),
    [
        ({}, 26_598_848, 18_055_552),
        ({"num_layers": 3}, 27_388_608, 18_845_312),
        ({"embedder": "conv", "train_backbone": "all"}, 45_369_024, 30_404_288),
        ({"num_classes": 5, "projection_dim": 0}, 26_566_213, 18_022_917),
    ],
)
def test_sizes(settings, total, moved):
    config = CARLConfig(**settings)
    frames = jax.ShapeDtypeStruct((1, 2, 96, 96, 3), np.float32)
    params = jax.eval_shape(lambda key: initial_variables(config, key, frames), jax.random.key(0))["params"]
    sizes = [leaf.size for leaf in jax.tree.leaves(params)]
    assert sum(sizes) == total
    scales = jax.tree.leaves(trained(config, params))
    assert sum(size for size, scale in zip(sizes, scales, strict=True) if scale) == moved


@pytest.mark.parametrize("embedder", ["conv", "vanilla"])
def test_the_embedders_of_few_frames(embedder):
    config = CARLConfig(
        **{**vars(TINY), "embedder": embedder, "num_contexts": 2, "conv_dims": (6,), "train_backbone": "all"}
    )
    variables, frames = tiny_variables(config), tiny_frames(1, 6, 48)

    def run(frames):
        return CARL(config).apply(variables, frames, batch=Batch(), mutable="batch_stats")

    embeddings, moved = jax.jit(run)(frames)
    assert embeddings.shape == (1, 3, TINY.embedding_dim)
    before, after = (tree["batch_stats"]["resnet"]["stem"]["norm"]["mean"] for tree in (variables, moved))
    assert not np.allclose(before, after)
    # In evaluation an embedding depends on the images of its frame alone.
    run_evaluated = jax.jit(lambda frames: CARL(config).apply(variables, frames))
    found = run_evaluated(frames)
    changed = np.concatenate([frames[:, :2], 2.0 * frames[:, 2:4], frames[:, 4:]], axis=1)
    np.testing.assert_array_equal(np.isclose(found, run_evaluated(changed), atol=1e-6).all(-1), [[True, False, True]])


def test_layers_start_alike_and_the_rest_as_pytorch():
    frames = jax.ShapeDtypeStruct((1, 2, 32, 32, 3), np.float32)
    draw = jax.jit(lambda key: initial_variables(TINY, key, frames)["params"]["embedder"])
    params = draw(jax.random.key(0))
    first, second = (jax.tree.leaves(params[f"layer_{index}"]) for index in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    kernel = params["layer_0"]["inner"]["kernel"]
    assert np.sqrt(6 / sum(kernel.shape)) * 0.8 < np.abs(kernel).max() <= np.sqrt(6 / sum(kernel.shape))
    bias = params["layer_0"]["inner"]["bias"]
    assert 0 < np.abs(bias).max() <= 1 / np.sqrt(TINY.hidden_dim)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stage_blocks": (3, 4, 6)}, "four numbers"),
        ({"backbone_stages": 1}, "2, 3 or 4"),
        ({"num_heads": 7}, "num_heads"),
        ({"num_contexts": 2}, "num_contexts"),
        ({"train_backbone": "all"}, "frozen"),
        ({"embedder": "transfomer"}, "transformer"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, words):
    with pytest.raises(UserError, match=words):
        CARLConfig(**settings)


def test_frames_too_small_for_the_convolutions_are_told():
    config = CARLConfig(**{**vars(TINY), "embedder": "conv", "conv_dims": (6, 6)})
    with pytest.raises(UserError, match="3 x 3 pixels, and the convolutions take 4 off"):
        jax.eval_shape(lambda key: initial_variables(config, key, tiny_frames(1, 1, 48)), jax.random.key(0))
