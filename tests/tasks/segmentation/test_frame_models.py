"""Every network that labels frames, as the training loop sees it: losses, padding, padded rows, gradients, updates."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from configs import mstcn_gtea
from configs._base import frame_model_base
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.segmentation import systems
from fact_jax.tasks.segmentation.frame_models import FrameTask, StageLossConfig, stage_losses
from fact_jax.training import optimizers, state
from fact_jax.training.steps import TrainStep
from fact_jax.types import Batch, UserError
from tests.models import fact_cases as cases
from tests.models.frame_cases import MODELS, random_params
from tests.ragged import host_jit
from tests.reference import losses as reference

LOSS = StageLossConfig(smoothing_weight=0.15, smoothing_clip=4.0)
LENGTHS, SIZE = (9, 4, 1), 11
BATCH = cases.ragged_batch(LENGTHS, SIZE, garbage=1e3)
# Padded rows hold frames: nothing but `video_mask` tells that they are none.
BATCH["video_mask"][2] = False


@pytest.fixture(scope="module", params=MODELS, ids=lambda name: name.replace(" ", "_"))
def task(request):
    return FrameTask(MODELS[request.param], LOSS)


@pytest.fixture(scope="module")
def params(task):
    return random_params(task, BATCH)


@pytest.fixture(scope="module")
def results(task, params):
    """Gives (terms, gradients) of a batch, with dropout."""

    @host_jit
    def compute(params, batch):
        def total(params):
            terms = task.loss(params, {}, batch, jax.random.key(3)).terms
            return terms["loss"][0], terms

        gradients, terms = jax.grad(total, has_aux=True)(params)
        return terms, gradients

    return functools.partial(compute, params)


def close(first, second):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5), first, second)


def test_padding_changes_neither_losses_nor_gradients(results):
    """The longest video without padding, the other before it, in two rows; dropouts included."""
    terms, gradients = results(BATCH)
    shorter = {name: x[1::-1, : LENGTHS[0]] if x.ndim > 1 else x[1::-1] for name, x in BATCH.items()}
    close((terms, gradients), results(shorter))
    assert terms["loss"][1] == 2 and terms["accuracy"][1] == 13


def has_no_effect(path):
    """Queries and keys of a window of one frame, and the bias of keys in a softmax."""
    return re.search("layer_0/attention/(query|key)|attention/key/bias", path)


def test_every_parameter_has_a_gradient(results):
    for path, gradient in flatten_dict(results(BATCH)[1], sep="/").items():
        assert np.isfinite(gradient).all() and bool(np.any(gradient)) == (not has_no_effect(path)), path


def test_composed_parameters_give_the_same_predictions(task, params):
    predict = host_jit(lambda params: task.predict_scores(params, {}, BATCH))
    plain, composed = predict(params), predict(task.compose(params, None))
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(
            plain["probabilities"][row, :length], composed["probabilities"][row, :length], atol=1e-5
        )
    assert {name: plain[name].shape for name in ("labels", "first_stage_labels")} == {
        "labels": (3, SIZE),
        "first_stage_labels": (3, SIZE),
    }
    np.testing.assert_array_equal(plain["labels"], plain["probabilities"].argmax(-1))
    np.testing.assert_array_equal(plain["confidence"], plain["probabilities"].max(-1))
    assert plain["finite"].tolist() == [True] * 3
    # The most likely class of NaN is the first one.
    broken = predict(jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), params))
    assert broken["finite"].tolist() == [False] * 3 and not broken["labels"].any()


def test_stage_losses_are_those_of_the_loops():
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(2, 3, SIZE, cases.NUM_CLASSES)).astype(np.float32) * 5
    frame, smooth = jax.device_get(
        jax.jit(functools.partial(stage_losses, LOSS))(logits, BATCH["labels"], BATCH["mask"])
    )
    for stage in range(2):
        for row, length in enumerate(LENGTHS):
            log_probs = np.asarray(jax.nn.log_softmax(logits[stage, row, :length]), np.float64)
            expected = -np.mean([log_probs[t, BATCH["labels"][row, t]] for t in range(length)])
            np.testing.assert_allclose(frame[stage, row], expected, rtol=1e-5)
            expected = reference.smoothness(log_probs, 4.0) if length > 1 else 0.0
            np.testing.assert_allclose(smooth[stage, row], expected, rtol=1e-5)


@pytest.mark.slow
def test_devices_train_alike(task, params):
    arrays = cases.ragged_batch((5, 8, 3, 7), 8, garbage=0.0)
    batch = Batch(arrays, [f"v{row}" for row in range(4)], list(range(4)))
    settings = mstcn_gtea.get_config().optimizer
    results = []
    for num_devices in (1, 4):
        devices = jax.local_devices()[:num_devices]
        optimizer = optimizers.make_optimizer(settings, 1)
        train_state = state.create({"params": params, "state": {}}, optimizer, use_ema=False)
        train_state = device_layout.replicate(train_state, devices)
        step = TrainStep(task, optimizer, devices, seed=0, say=lambda text: None)
        for _ in range(3):
            train_state, _ = step(train_state, (batch,))
        results.append(jax.tree.map(np.asarray, device_layout.unreplicate(train_state).params))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), *results)
    assert any(np.any(a != b) for a, b in zip(jax.tree.leaves(results[0]), jax.tree.leaves(params), strict=True))


def test_every_system_is_tested():
    assert {type(model) for model in MODELS.values()} == set(systems.FRAME_MODELS.values())


def test_settings_of_another_system_are_refused():
    model = mstcn_gtea.get_config().model.to_dict() | {"blocks": "iu"}
    del model["dim"]
    config = frame_model_base.base_config("mixed", mstcn_gtea.get_config().data, model)
    with pytest.raises(UserError, match="not those of MS-TCN: config.model lacks dim, config.model has blocks"):
        systems.build(config, class_names=("a", "b"), statistics=None, full_labels=None)
    config = frame_model_base.base_config("mixed", config.data, model | {"name": "mstcm"})
    with pytest.raises(UserError, match="Did you mean 'mstcn'"):
        systems.build(config, class_names=("a", "b"), statistics=None, full_labels=None)


def test_one_frame_has_labels(task, params):
    batch = cases.one_video(BATCH, 2, 1)
    labels = jax.device_get(jax.jit(lambda p: task.predict(p, {}, batch)["labels"])(params))
    assert labels.shape == (1, 1) and jnp.issubdtype(labels.dtype, jnp.integer)
