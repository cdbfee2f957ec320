"""The task of ActionFormer: its loss does not depend on devices, micro-batches or padding, and steps keep its state."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from fact_jax.models.actionformer.network import Outputs
from fact_jax.models.actionformer.objective import ActionFormerLossConfig
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.base import BATCH_AXIS
from fact_jax.tasks.localization.actionformer import loss_config
from fact_jax.training import start
from fact_jax.types import Batch, UserError
from tests.models.actionformer_cases import make_batch, tiny_params, tiny_task
from tests.training import toy

LENGTHS = (16, 11, 7, 13)


@functools.cache
def compiled(task, num_devices):
    """Compiled (terms, gradients of the loss sum, state) of a batch over so many devices, added up."""

    def compute(params, state, batch, seed):
        def loss(params):
            output = task.loss(params, state, batch, jax.random.key(seed))
            return output.terms["loss"][0], (dict(output.terms), output.state)

        gradients, (terms, new) = jax.grad(loss, has_aux=True)(params)
        return jax.lax.psum((terms, gradients), BATCH_AXIS), new

    return device_layout.parallel(compute, jax.local_devices()[:num_devices])


def totals(task, params, batch, num_devices, state=None, seed=9):
    """What `compiled` gives for host arrays."""
    devices = jax.local_devices()[:num_devices]
    state = jax.tree.map(np.asarray, task.first_state()) if state is None else state
    replicated = device_layout.replicate((params, state, np.uint32(seed)), devices)
    batch = device_layout.place(batch, devices)
    (terms, gradients), new = compiled(task, num_devices)(*replicated[:2], batch, replicated[2])
    return device_layout.unreplicate((terms, gradients, new))


def only(batch, rows):
    """The batch with these videos alone, the other rows being padding."""
    video_mask = np.isin(np.arange(len(batch["video_mask"])), rows)
    return batch | {"video_mask": video_mask}


def close(first, second, rtol=2e-5):
    def check(one, other):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * max(float(np.max(np.abs(other))), 1e-3))

    jax.tree.map(check, first, second)


@pytest.fixture(scope="module")
def whole():
    """(task, parameters, what one device gives for four videos)."""
    task = tiny_task()
    params = tiny_params(task)
    return task, params, totals(task, params, make_batch(LENGTHS), 1)


def test_terms_are_the_published_ones(whole):
    task, params, (terms, _, state) = whole
    normalizer = 0.9 * 7.0 + 0.1 * max(terms["positives"][0], 1)
    assert terms["positives"][0] > 4 and terms["positives"][1] == 4
    np.testing.assert_allclose(terms["normalizer"], (normalizer, 1.0), rtol=1e-6)
    for name in ("loss", "loss_classification", "loss_regression"):
        np.testing.assert_allclose(terms[name][1], normalizer, rtol=1e-6)
    parts = terms["loss_classification"][0] + terms["loss_regression"][0]
    np.testing.assert_allclose(terms["loss"][0], parts, rtol=1e-6)
    np.testing.assert_allclose(state["normalizer"]["value"], normalizer, rtol=1e-6)


def test_devices_and_padded_rows_change_nothing(whole):
    task, params, one = whole
    batch = make_batch(LENGTHS, rows=6, garbage=1e3)
    batch["features"][4:] = np.nan
    close(totals(task, params, batch, 2), one)


def test_micro_batches_count_as_one_batch(whole):
    task, params, (terms, gradients, state) = whole
    pieces = [only(make_batch(LENGTHS), rows) for rows in ([0], [1, 2, 3])]
    first = totals(task, params, pieces[0], 1)
    second = totals(task, params, pieces[1], 1, first[2])
    close(jax.tree.map(np.add, first[:2], second[:2]), (terms, gradients))
    close(second[2]["normalizer"]["value"], state["normalizer"]["value"])
    # Another step goes on from there.
    third = totals(task, params, pieces[1], 1, second[2], seed=10)
    count = third[0]["positives"][0]
    np.testing.assert_allclose(
        third[2]["normalizer"]["value"], 0.9 * state["normalizer"]["value"] + 0.1 * count, rtol=1e-6
    )


def test_a_micro_batch_of_fewer_frames_gives_the_losses_and_gradients_of_all(whole):
    task, params, (terms, gradients, _) = whole
    batch, short = make_batch(LENGTHS), LENGTHS.index(7)
    length = task.model.exact_length(7)
    assert length < batch["mask"].shape[1]
    shortened = batch | {name: batch[name][:, :length] for name in ("features", "mask")}
    first = totals(task, params, only(shortened, [short]), 1)
    second = totals(task, params, only(batch, [row for row in range(4) if row != short]), 1, first[2])
    close(jax.tree.map(np.add, first[:2], second[:2]), (terms, gradients))


def test_a_batch_without_instances(whole):
    task, params, _ = whole
    batch = make_batch(LENGTHS)
    batch["segment_mask"][:] = False
    terms, gradients, _ = totals(task, params, batch, 1)
    assert terms["loss_regression"][0] == 0.0 and terms["positives"][0] == 0.0
    np.testing.assert_allclose(terms["loss"][1], 0.9 * 7.0 + 0.1, rtol=1e-6)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradients))
    np.testing.assert_array_equal(gradients["heads"]["regression"]["output"]["kernel"], 0.0)


@pytest.mark.slow
def test_a_weight_that_makes_both_parts_equal(whole):
    _, params, _ = whole
    task = tiny_task(ActionFormerLossConfig(first_normalizer=7.0, regression_weight=0.0))
    one = totals(task, params, make_batch(LENGTHS), 1)
    terms = one[0]
    np.testing.assert_allclose(terms["loss"][0], 2 * terms["loss_classification"][0], rtol=1e-5)
    close(totals(task, params, make_batch(LENGTHS), 2), one)


@pytest.mark.slow
def test_training_steps_on_one_device_two_and_in_micro_batches():
    task = tiny_task(dropout_rate=0.3)
    config = toy.toy_config(
        optimizer__name="adamw",
        optimizer__ema_decay=0.9,
        optimizer__schedule="cosine",
        optimizer__warmup_epochs=1,
        optimizer__cosine_epochs=2,
        optimizer__lowest_rate=1e-8,
    )

    class Batches:
        steps_per_epoch = 2

        def __init__(self, cut=None):
            self.cut = cut

        def iterate(self, step):
            while True:
                arrays = make_batch(LENGTHS, seed=step)
                parts = [slice(0, 4)] if self.cut is None else self.cut
                yield tuple(
                    Batch({key: array[part] for key, array in arrays.items()}, ("v",) * 4, tuple(range(4))[part])
                    for part in parts
                )
                step += 1

    results = [
        toy.some_steps(task, devices, 3, batches=Batches(cut), config=config)
        for devices, cut in ((1, None), (2, None), (1, [slice(0, 2), slice(2, 4)]))
    ]
    state, terms = results[0]
    for other_state, other_terms in results[1:]:
        close(other_terms, terms, 1e-4)
        close(other_state.params, state.params, 1e-3)
        close(other_state.ema_params, state.ema_params, 1e-3)
        close(other_state.state["normalizer"]["value"], state.state["normalizer"]["value"])
    moved = jax.tree.map(lambda now, average: float(np.abs(now - average).max()), state.params, state.ema_params)
    assert max(jax.tree.leaves(moved)) > 0


def test_predictions_are_candidates_of_every_row(whole):
    task, params, _ = whole
    batch = make_batch((16, 5), rows=3)
    found = jax.jit(task.predict)(params, {}, {key: batch[key] for key in task.predict_keys})
    assert {name: array.shape for name, array in found.items()} == {
        "segments": (3, 30, 2),
        "scores": (3, 30),
        "labels": (3, 30),
        "valid": (3, 30),
        "finite": (3,),
    }
    assert found["finite"].all()
    assert not found["valid"][2].any() and found["valid"][:2].any()


def test_only_weights_decay(whole):
    task, params, _ = whole
    mask = task.weight_decay_mask(params)
    branch = mask["backbone"]["branch_0"]
    assert branch["attention"]["key_conv"]["kernel"] and branch["inner"]["kernel"]
    assert not branch["attention_path"]["scale"] and not branch["norm_1"]["scale"] and not branch["inner"]["bias"]
    assert not mask["heads"]["level_scale"] and mask["heads"]["regression"]["output"]["kernel"]


def test_classes_without_an_example_start_at_less_than_the_others():
    task = dataclasses.replace(tiny_task(stem_layers=0, branch_layers=0, window_sizes=(5,), head_layers=1,
                                         regression_ranges=((0, 9),)), empty_classes=(2,))  # fmt: skip
    params = start.evaluate_needed(lambda key: task.init(key, make_batch([8]))["params"], jax.random.key(0))
    bias = params["heads"]["classification"]["output"]["bias"]
    np.testing.assert_allclose(bias, [-4.59512, -4.59512, -13.81551], rtol=1e-5)


def test_settings_of_the_loss():
    settings = {
        "center_sampling": "none",
        "center_radius": 1.5,
        "label_smoothing": 0.1,
        "regression_weight": 2.0,
        "first_normalizer": 200.0,
    }
    assert loss_config(settings) == ActionFormerLossConfig(None, 0.1, 2.0, 200.0)
    with pytest.raises(UserError, match="'radios'. Did you mean 'radius'"):
        loss_config(settings | {"center_sampling": "radios"})


def test_features_of_another_width_than_the_streams():
    task = tiny_task(stream_dims=(2, 2), stream_widths=(4, 4))
    with pytest.raises(UserError, match="the features have 5 channels"):
        task.init(jax.random.key(0), make_batch([8]))


@pytest.mark.parametrize("part", ["logits", "offsets"])
def test_scores_that_are_no_numbers_are_told_though_they_exceed_no_threshold(monkeypatch, part):
    task, batch = tiny_task(), make_batch(LENGTHS)
    points = sum(task.model.level_lengths(batch["features"].shape[1]))
    shapes = {"logits": (4, points, task.model.num_classes), "offsets": (4, points, 2)}
    arrays = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    mask = np.ones((4, points), bool)
    mask[1, 0] = False
    arrays[part][1:3, 0] = np.nan
    monkeypatch.setattr(type(task), "outputs", lambda *_: Outputs(**arrays, mask=mask, backbone=[], neck=[]))
    found = task.predict({}, {}, batch)
    assert found["finite"].tolist() == [True, True, False, True]
    # Those that are left look sound.
    if part == "logits":
        assert np.isfinite(found["scores"][2][found["valid"][2]]).all()
