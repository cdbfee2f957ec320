"""The CARL task: the same numbers however videos lie on devices, what is trained, and embeddings of chunks."""

import dataclasses

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.base import FINITE
from fact_jax.tasks.representation.carl import clip_seeds
from fact_jax.training import optimizers
from fact_jax.training import state as train_states
from fact_jax.training.steps import EvalStep, TrainStep, fetch_terms
from fact_jax.types import Batch
from tests.tasks.representation.carl_runs import SIZE, clips, started, tiny_task
from tests.training import toy


def updated(task, batch, num_devices):
    """(state after an update, {term: (sum, normalizer)}) on so many devices."""
    devices = device_layout.choose(8)[:num_devices]
    variables = started(task)
    config = toy.toy_config(optimizer__name="sgd", optimizer__learning_rate=0.1, optimizer__clip_norm=0.0).optimizer
    optimizer = optimizers.make_optimizer(config, 1, task.learning_rate_scales(variables["params"]))
    state = device_layout.replicate(train_states.create(variables, optimizer, use_ema=False), devices)
    step = TrainStep(task, optimizer, devices, seed=3, say=lambda line: None)
    state, terms = step(state, (batch,))
    assert not device_layout.differing_leaves(state, devices)
    return device_layout.unreplicate(state), fetch_terms([terms])[0]


@pytest.mark.parametrize(
    "loss", [pytest.param({}, marks=pytest.mark.slow), {"negatives": "batch_noself"}], ids=["scl", "scl of a batch"]
)
def test_an_update_is_the_same_on_one_and_two_devices(loss):
    task = tiny_task(loss)
    whole, terms = updated(task, clips(3, 3), 1)
    split, other = updated(task, clips(3, 4), 2)  # with a row of padding
    assert terms.keys() == other.keys()
    for term, (total, count) in terms.items():
        assert other[term] == pytest.approx([total, count], rel=2e-4), term
    for one, two in zip(*(jax.tree.leaves((found.params, found.state)) for found in (whole, split)), strict=True):
        np.testing.assert_allclose(two, one, atol=1e-4 * np.max(np.abs(one), initial=1.0))
    # What is frozen has not moved, and all that is trained has.
    before, after = started(task), {"params": whole.params, "state": whole.state}
    scales = task.learning_rate_scales(before["params"])
    moved = jax.tree.map(lambda one, two: not np.array_equal(one, two), before["params"], after["params"])
    inert = [name for name, did in flatten_dict(moved, sep="/").items() if not did and not name.startswith("resnet")]
    assert all(name.endswith("bias") for name in inert)
    resnet = jax.tree.map(lambda did, scale: did == bool(scale), moved["resnet"], scales["resnet"])
    assert jax.tree.all(resnet)
    adam = optimizers.make_optimizer(toy.toy_config().optimizer, 1, scales)
    wanted = [leaf.size for leaf, scale in zip(*map(jax.tree.leaves, (before["params"], scales)), strict=True) if scale]
    assert sum(leaf.size for leaf in jax.tree.leaves(adam.init(before["params"])) if leaf.ndim) == 2 * sum(wanted)


def test_dropout_goes_by_the_row_of_a_video_and_the_view():
    rows = np.array([4, 0, 4])
    seeds = np.asarray(clip_seeds(jax.random.key(1), rows, 2))
    assert seeds.shape == (6, 2) and len(np.unique(seeds[:4], axis=0)) == 4
    np.testing.assert_array_equal(seeds[:2], seeds[4:])
    np.testing.assert_array_equal(seeds[2:4], clip_seeds(jax.random.key(1), rows[1:2], 2))


def test_an_embedding_depends_on_the_frames_of_its_chunk_alone():
    task, (device, *_) = tiny_task(), device_layout.choose(1)
    variables = started(task)
    frames = np.random.default_rng(0).normal(size=(3, 7, SIZE, SIZE, 3)).astype(np.float32)
    frames[1, :4] = frames[2, :4]
    mask = np.arange(7) < np.array([[7], [4], [4]])
    step = EvalStep(task, [device], say=lambda line: None)
    weights, state = (device_layout.replicate(variables[name], [device]) for name in ("params", "state"))

    def embedded():
        batch = Batch({"frames": frames, "mask": mask}, ("",) * 3, (0, 1, 2), heavy=("frames",))
        return device_layout.unshard(step(step.compose(weights), state, batch))

    found = embedded()
    assert found["embeddings"].shape == (3, 7, task.model.embedding_dim) and found[FINITE].all()
    np.testing.assert_allclose(found["embeddings"][1, :4], found["embeddings"][2, :4], atol=1e-5)
    assert not np.allclose(found["embeddings"][1, :4], found["embeddings"][0, :4], atol=1e-2)
    np.testing.assert_allclose(np.linalg.norm(found["embeddings"][0], axis=1), 1.0, rtol=1e-5)
    frames[0, 2] = np.nan
    assert embedded()[FINITE].tolist() == [False, True, True]


@pytest.mark.parametrize("embedder", ["transformer", "conv", "vanilla"])
def test_what_only_predicts_has_the_same_parameters(embedder):
    task = tiny_task(embedder=embedder, conv_dims=(4,))
    shapes = [
        jax.eval_shape(lambda key, task=task: task.init(key, {}), jax.random.key(0))
        for task in (task, dataclasses.replace(task, loss_config=None))
    ]
    assert shapes[0] == shapes[1]
    held = {f"params/{name}" for name in flatten_dict(shapes[0]["params"], sep="/")}
    held |= {f"batch_stats/{name}" for name in flatten_dict(shapes[0]["state"]["batch_stats"], sep="/")}
    assert {link.flax for link in task.links()} == held


def test_losses_that_compare_videos_are_known():
    compares = {name: tiny_task(loss).loss_config.compares_videos for name, loss in {
        "scl": {}, "batch": {"negatives": "batch"}, "tcc": {"objective": "tcc", "negatives": "single"},
        "tcn": {"objective": "tcn", "negatives": "batch"}}.items()}  # fmt: skip
    assert compares == {"scl": False, "batch": True, "tcc": True, "tcn": False}
