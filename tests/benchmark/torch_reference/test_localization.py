"""ActionFormer in PyTorch computes what ours computes: outputs, loss, gradients, an update, candidates."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from fact_jax.models.actionformer.objective import ActionFormerLossConfig
from fact_jax.models.weights import state_dict
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.localization.actionformer import ActionFormerTask
from fact_jax.training import optimizers
from tests.models.actionformer_cases import FEATURE_DIM, make_batch, tiny_params, tiny_task

torch = pytest.importorskip("torch")

from fact_jax.benchmark.torch_reference import actionformer as torch_actionformer
from fact_jax.benchmark.torch_reference import localization_objective as torch_localization_objective
from fact_jax.benchmark.torch_reference import subject as torch_subject

LENGTHS = (16, 11)
OPTIMIZER = {
    "name": "adamw",
    "learning_rate": 1e-2,
    "momentum": 0.0,
    "weight_decay": 0.5,
    "clip_norm": 0.1,
    "decay_epoch": -1,
    "decay_factor": 0.1,
}
EMA_DECAY = 0.8
CASES = {
    "shipped": (ActionFormerLossConfig(first_normalizer=7.0), {}),
    "pyramid": (
        ActionFormerLossConfig(first_normalizer=7.0, center_radius=None, label_smoothing=0.2, regression_weight=0.0),
        {"neck": "fpn", "neck_dim": 6, "stream_dims": (2, 3), "stream_widths": (3, 5), "relative_positions": True,
         "embedding_norm": False, "drop_path_rate": 0.0, "first_level": 1, "regression_ranges": ((0, 4), (3, 1000))},
    ),
    "convolutions": (
        ActionFormerLossConfig(first_normalizer=7.0),
        {"backbone": "conv", "neck_norm": False, "head_norm": False, "head_layers": 3},
    ),
}  # fmt: skip


class Quiet(ActionFormerTask):
    """Leaves out nothing in training, so that both see the same network."""

    def dropout_rng(self, rng, batch):
        return None


@pytest.fixture(
    scope="module",
    params=["shipped", *(pytest.param(name, marks=pytest.mark.slow) for name in ("pyramid", "convolutions"))],
)
def both(request):
    """Task, batch, what ours gives for it, and torch's network with the same weights."""
    loss_config, changes = CASES[request.param]
    tiny = tiny_task(loss_config, **changes)
    task = Quiet(tiny.model, tiny.loss_config, tiny.candidate_config)
    batch, params = make_batch(LENGTHS), tiny_params(task)
    heads = params["heads"]
    heads["level_scale"] = 0.5 + np.abs(heads["level_scale"])
    heads["regression"]["output"]["bias"] += 1.5  # where the offsets are not 0 they tell something
    optimizer = optimizers.make_optimizer(ConfigDict(OPTIMIZER), 1, None, task.weight_decay_mask(params))

    def compute(params, state, batch):
        def loss(params):
            output = task.loss(params, state, batch, jax.random.key(0))
            total, share = output.terms["loss"]
            return total / share, (output, task.outputs(params, batch))

        (value, (output, outputs)), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        updates, _ = optimizer.update(gradients, optimizer.init(params), params)
        updated = jax.tree.map(jnp.add, params, updates)
        average = optimizers.update_ema(params, updated, EMA_DECAY)
        return {
            "loss": value,
            "outputs": outputs,
            "gradients": gradients,
            "updated": updated,
            "average": average,
            "normalizer": output.state["normalizer"]["value"],
            "candidates": task.predict(params, {}, batch),
        }

    devices = jax.local_devices()[:1]
    given = device_layout.replicate((params, task.first_state(), batch), devices)
    ours = device_layout.unreplicate(device_layout.parallel(compute, devices)(*given))
    network = torch_actionformer.TorchActionFormer(dataclasses.asdict(task.model), FEATURE_DIM)
    tensors = state_dict.to_torch(task.links(), params)
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    return task, batch, ours, network.eval()


def run(network, batch, rows=slice(None)):
    features, mask = (torch.from_numpy(batch[name][rows]) for name in ("features", "mask"))
    return network(features.mT, mask[:, None])


def test_outputs_of_all_levels(both):
    _, batch, ours, network = both
    logits, offsets, mask = (torch.cat(parts, 1).detach() for parts in zip(*run(network, batch), strict=True))
    np.testing.assert_array_equal(mask, ours["outputs"].mask)
    np.testing.assert_allclose(logits, ours["outputs"].logits, atol=5e-6, rtol=1e-5)
    np.testing.assert_allclose(offsets, ours["outputs"].offsets, atol=5e-6, rtol=1e-5)
    assert np.ptp(logits.numpy()) > 1 and np.mean(offsets.numpy() > 0) > 0.2


def test_loss_gradients_update_and_average(both):
    task, batch, ours, network = both
    objective = torch_localization_objective.Objective(*map(dataclasses.asdict, (task.model, task.loss_config)))
    truth = [
        tuple(torch.from_numpy(batch[name][row][batch["segment_mask"][row]]) for name in ("segments", "segment_labels"))
        for row in range(len(LENGTHS))
    ]
    average = torch_actionformer.TorchActionFormer(dataclasses.asdict(task.model), FEATURE_DIM)
    average.load_state_dict(network.state_dict())
    optimizer = torch_subject.make_optimizer(OPTIMIZER, network)
    loss = objective(run(network, batch), truth)
    loss.backward()
    np.testing.assert_allclose(loss.detach(), ours["loss"], rtol=1e-5)
    np.testing.assert_allclose(objective.normalizer, ours["normalizer"], rtol=1e-6)
    wanted, updated, averaged = (
        state_dict.to_torch(task.links(), ours[name]) for name in ("gradients", "updated", "average")
    )
    for name, parameter in network.named_parameters():
        scale = float(np.abs(wanted[name]).max())
        np.testing.assert_allclose(parameter.grad, wanted[name], atol=1e-4 * scale + 2e-6, err_msg=name)
    torch.nn.utils.clip_grad_norm_(network.parameters(), OPTIMIZER["clip_norm"])
    large = {name: np.abs(parameter.grad.numpy()) > 1e-4 for name, parameter in network.named_parameters()}
    optimizer.step()
    torch_subject.update_average(average, network, EMA_DECAY)
    for module, values in ((network, updated), (average, averaged)):
        for name, parameter in module.named_parameters():
            found = parameter.detach().numpy()[large[name]]
            np.testing.assert_allclose(found, values[name][large[name]], atol=3e-5, err_msg=name)
    assert sum(int(chosen.sum()) for chosen in large.values()) > 500


def test_candidates_of_every_video(both):
    task, batch, ours, _ = both
    settings = dataclasses.asdict(task.candidate_config)
    outputs = ours["outputs"]
    for row in range(len(LENGTHS)):
        cuts = np.cumsum(task.model.level_lengths(max(LENGTHS)))[:-1]
        parts = [np.split(part[row : row + 1], cuts, axis=1) for part in outputs[:3]]
        levels = [torch_actionformer.Level(*map(torch.from_numpy, level)) for level in zip(*parts, strict=True)]
        found = torch_localization_objective.candidates(dataclasses.asdict(task.model), settings, levels)
        valid = ours["candidates"]["valid"][row]
        assert 0 < valid.sum() == len(found.scores)
        np.testing.assert_array_equal(found.labels, ours["candidates"]["labels"][row][valid])
        for name in ("scores", "segments"):
            np.testing.assert_allclose(getattr(found, name), ours["candidates"][name][row][valid], atol=1e-5)


def test_training_leaves_out_whole_videos():
    path = torch_actionformer.AffineDropPath(3, 0.25)
    path.scale.data.fill_(0.75)
    torch.manual_seed(0)
    dropped = path.train()(torch.ones(2000, 3, 2)).detach()
    assert set(dropped.unique().tolist()) == {0.0, 1.0} and abs(float(dropped.mean()) - 0.75) < 0.05
    assert torch.equal(dropped, dropped[:, :1, :1].expand(-1, 3, 2))
    assert path.eval()(torch.ones(5, 3, 2)).unique().tolist() == [0.75]
