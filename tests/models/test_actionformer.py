"""ActionFormer's settings, network and candidates on a tiny network. Its numbers are compared in tests/parity."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.models.actionformer.backbone import positions
from fact_jax.models.actionformer.candidates import CandidateConfig, candidates
from fact_jax.models.actionformer.config import from_settings
from fact_jax.models.actionformer.heads import Head, Heads, Levels
from fact_jax.models.actionformer.network import Outputs
from fact_jax.types import UserError
from tests.models.actionformer_cases import FRAMES, NUM_CLASSES, make_batch, tiny_config, tiny_params, tiny_task


@pytest.fixture(scope="module")
def network():
    """(task, parameters, compiled outputs of a batch of two)."""
    task = tiny_task()
    return task, tiny_params(task), jax.jit(task.outputs)


def test_shapes_and_masks_of_all_levels(network):
    task, params, run = network
    outputs = run(params, make_batch([FRAMES, 9]))
    assert outputs.logits.shape == (2, 28, NUM_CLASSES) and outputs.offsets.shape == (2, 28, 2)
    assert [x.shape for x in outputs.backbone] == [x.shape for x in outputs.neck] == [(2, 16, 8), (2, 8, 8), (2, 4, 8)]
    assert outputs.mask.sum(1).tolist() == [28, 9 + 5 + 3]
    np.testing.assert_array_equal(np.asarray(outputs.logits)[~np.asarray(outputs.mask)], 0.0)
    assert float(outputs.offsets.min()) == 0.0


def test_what_padding_holds_and_who_shares_the_batch_changes_nothing(network):
    task, params, run = network
    plain = run(params, make_batch([11, 9]))
    other = make_batch([11, 9], garbage=np.nan)
    other["features"][1, :9] = 5.0
    np.testing.assert_array_equal(run(params, other).logits[0], plain.logits[0])
    np.testing.assert_array_equal(run(params, other).offsets[0], plain.offsets[0])


def test_a_row_without_a_video_is_finite(network):
    _, params, run = network
    outputs = run(params, make_batch([11], rows=2, garbage=np.nan))
    assert all(np.all(np.isfinite(part)) for part in jax.tree.leaves(outputs))
    assert not outputs.mask[1].any()


def test_one_convolution_over_all_levels_equals_one_for_each():
    config = tiny_config(head_layers=3)
    rng = np.random.default_rng(3)
    levels = [rng.normal(size=(2, length, 8)).astype(np.float32) for length in (8, 4, 2)]
    masks = [np.arange(length) < np.array([[length], [length - 1]]) for length in (8, 4, 2)]
    head, joint = Head(config, 4, bias=0.5), Levels([8, 4, 2], 1)
    shapes = jax.eval_shape(head.init, jax.random.key(0), levels[0], masks[0], np.ones(8, bool))
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)

    @jax.jit
    def both(params):
        together = joint.points(head.apply(params, joint.join(levels), joint.join(masks), joint.inside))
        apart = [head.apply(params, x, m, np.ones(x.shape[1], bool)) for x, m in zip(levels, masks, strict=True)]
        return together, jnp.concatenate(apart, axis=1)

    together, apart = both(params)
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-5)


def test_positions_are_stretched_for_longer_videos():
    table = positions(6, 6, 5)
    angle = 2 / 10000 ** (2 / 5)
    np.testing.assert_allclose(
        table[2, :4] * np.sqrt(5), [np.sin(2), np.cos(2), np.sin(angle), np.cos(angle)], rtol=1e-6
    )
    np.testing.assert_array_equal(positions(4, 6, 5), table[:4])
    longer = positions(12, 6, 5)
    np.testing.assert_array_equal(longer[[0, 11]], table[[0, 5]])
    np.testing.assert_allclose(longer[3], 0.75 * table[1] + 0.25 * table[2], rtol=1e-6, atol=1e-7)


def test_padded_lengths_are_the_published_ones():
    with pytest.raises(UserError, match="max_frames is 32, which must be a multiple of 12"):
        tiny_config(max_frames=32, window_sizes=(5, 7, -1))
    config = tiny_config(max_frames=24, window_sizes=(5, 7, -1))
    assert config.length_terms == (4, 12, 4)
    assert [config.padded_length(length) for length in (1, 24, 25, 36, 37)] == [24, 24, 36, 36, 48]
    assert config.level_lengths(36) == (36, 18, 9)
    with pytest.raises(ValueError, match="34 frames"):
        config.level_lengths(34)


def test_windows_may_move_by_what_the_coarsest_stride_does_not_divide():
    """The paper's variant for ActivityNet: windows of 11 on four levels, 160 features, levels to a stride of 32."""
    config = tiny_config(max_frames=48, window_sizes=(7, -1, -1))
    assert config.length_terms == (6, 2, 4)
    assert [config.padded_length(length) for length in (1, 48, 49, 61)] == [48, 48, 60, 72]
    assert config.level_lengths(60) == (60, 30, 15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window_sizes": (5, 5)}, "has 2 entries; expected one, or one per level: 3"),
        ({"num_heads": 3}, "no multiple of model.num_heads 3"),
        ({"neck_dim": 4}, "keeps the 8 channels"),
        ({"neck": "fp"}, "Did you mean 'fpn'"),
        ({"stream_dims": (2, 3)}, "one each per feature stream"),
        ({"stream_dims": (2, 3), "stream_widths": (4, 5)}, "add up to 9, model.dim is 8"),
        ({"first_level": 3}, "expected 0 to 2"),
        ({"first_level": 1}, "one per level with predictions: 2"),
        ({"relative_positions": True, "window_sizes": (4, 5, -1)}, "need odd windows"),
        ({"head_kernel": 2}, "head_kernel is 2; expected an odd number"),
    ],
)
def test_settings_that_contradict_each_other(changes, message):
    with pytest.raises(UserError, match=message):
        tiny_config(**changes)


def test_one_window_size_serves_all_levels():
    fields = {field.name: getattr(tiny_config(), field.name) for field in dataclasses.fields(tiny_config())}
    fields |= {"window_sizes": (5,), "regression_from": (0, 2, 5), "regression_to": (3, 6, 1000)}
    config = from_settings(fields, num_classes=3, max_frames=16, dtype="float32")
    assert config.window_sizes == (5, 5, 5) and config.regression_ranges == ((0, 3), (2, 6), (5, 1000))
    with pytest.raises(UserError, match="has 3 entries and model.regression_to 2"):
        from_settings(fields | {"regression_to": (3, 6)}, num_classes=3, max_frames=16, dtype="float32")


def test_classes_start_at_their_prior():
    config = tiny_config(class_prior=0.01, head_layers=1)
    levels, masks = [np.zeros((1, 4, 8), np.float32)] * 3, [np.ones((1, 4), bool)] * 3
    params = jax.jit(Heads(config).init)(jax.random.key(0), levels, masks)["params"]
    np.testing.assert_allclose(params["classification"]["output"]["bias"], [-4.59512] * 3, rtol=1e-5)
    np.testing.assert_array_equal(params["level_scale"], 1.0)
    np.testing.assert_array_equal(params["regression"]["output"]["bias"], 0.0)


def test_candidates_are_the_best_of_every_level():
    config = tiny_config(max_frames=4, window_sizes=(-1, -1, -1))
    logits = np.full((1, 7, NUM_CLASSES), -9.0, np.float32)
    logits[0, 1, 2], logits[0, 3, 0], logits[0, 2, 1], logits[0, 5, 1], logits[0, 6, 0] = 3.0, 1.0, 2.0, 0.5, 4.0
    offsets = np.ones((1, 7, 2), np.float32)
    offsets[0, 2] = 0.0  # too short
    mask = np.ones((1, 7), bool)
    mask[0, 6] = False
    outputs = Outputs(logits, offsets, mask, [], [])
    found = jax.jit(lambda outputs: candidates(config, CandidateConfig(0.2, 3, 0.5), outputs, 4))(outputs)
    assert found["segments"].shape == (1, 9, 2)  # three of each level
    valid = np.asarray(found["valid"][0])
    assert valid.tolist() == [True, False, True, True] + [False] * 5
    np.testing.assert_array_equal(np.asarray(found["labels"][0])[valid], [2, 0, 1])
    np.testing.assert_array_equal(np.asarray(found["segments"][0])[valid], [[0, 2], [2, 4], [0, 4]])
    np.testing.assert_allclose(np.asarray(found["scores"][0])[valid], 1 / (1 + np.exp([-3.0, -1.0, -0.5])), rtol=1e-6)
