"""CARL in PyTorch computes what ours computes: a step's loss, gradients and running statistics, and embeddings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.models.carl.objective import loss_terms
from fact_jax.models.weights import state_dict
from fact_jax.runtime import devices as device_layout
from tests.tasks.representation import carl_runs as cases

torch = pytest.importorskip("torch")

from fact_jax.benchmark.torch_reference.carl import TorchCarl, contrastive_loss

TASK = cases.tiny_task(dropout_rate=0.0, chunk_frames=4)  # of 6 frames: a chunk is shorter
BATCH = cases.clips(2, 2)


@pytest.fixture
def network():
    """The same weights in PyTorch."""
    variables = cases.started(TASK)
    tensors = state_dict.to_torch(TASK.links(), {"params": variables["params"], **variables["state"]})
    found = TorchCarl(dataclasses.asdict(TASK.model))
    found.load_state_dict({name: torch.from_numpy(np.array(tensor)) for name, tensor in tensors.items()})
    return found


def clips_of(arrays):
    """(frames [B, T, 3, H, W], steps [B, T], lengths [B], mask [B, T]) of the views of all videos."""
    steps = arrays["steps"]
    frames = arrays["frames"].reshape(-1, steps.shape[-1], *arrays["frames"].shape[2:])
    rest = (steps.reshape(-1, steps.shape[-1]), np.repeat(arrays["length"], 2), arrays["mask"].reshape(len(frames), -1))
    return tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in (np.moveaxis(frames, -1, 2), *rest))


def test_loss_gradients_and_statistics_of_a_step(network):
    variables, arrays = cases.started(TASK), dict(BATCH.arrays)

    def compute(params, state, batch):
        def loss(params):
            output = TASK.loss(params, state, batch, jax.random.key(0))
            total, share = output.terms["loss"]
            return total / share, output.state

        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        return value, {"params": gradients, **state}

    devices = jax.local_devices()[:1]
    given = device_layout.replicate((variables["params"], variables["state"], arrays), devices)
    value, found = device_layout.unreplicate(device_layout.parallel(compute, devices)(*given))
    wanted = state_dict.to_torch(TASK.links(), found)
    frames, steps, lengths, mask = clips_of(arrays)
    settings = dataclasses.asdict(TASK.loss_config)
    loss = contrastive_loss(settings, network.train()(frames, mask, project=True), steps, lengths, mask)
    loss.backward()
    np.testing.assert_allclose(value, loss.detach(), rtol=1e-5)
    trained = {name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert not any(name.startswith("backbone.") for name in trained) and len(trained) > 40
    for name, gradient in trained.items():
        scale = float(np.abs(wanted[name]).max())  # statistics of 8 numbers enlarge the rounding of what they are of
        np.testing.assert_allclose(gradient, wanted[name], atol=3e-3 * scale + 2e-6, err_msg=name)
    running = {name: tensor for name, tensor in network.named_buffers() if "running" in name}
    for name, tensor in running.items():
        np.testing.assert_allclose(tensor, wanted[name], atol=2e-5, err_msg=name)


@pytest.mark.parametrize("negatives", ["batch", "single", "batch_noself"])
def test_losses_with_other_negatives(negatives):
    rng, clips = np.random.default_rng(0), clips_of(dict(BATCH.arrays))[1:]
    task = cases.tiny_task({"negatives": negatives, "label_variance": 3.0})
    vectors = rng.normal(size=(*clips[0].shape, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    named = zip(("steps", "lengths", "mask"), clips, strict=True)
    compared = {name: jnp.asarray(array.numpy()) for name, array in named}
    total, count = loss_terms(task.loss_config, vectors, compared, np.ones(2, bool))["loss"]
    found = contrastive_loss(dataclasses.asdict(task.loss_config), torch.from_numpy(vectors), *clips)
    np.testing.assert_allclose(found, total / count, rtol=1e-5)


def test_embeddings_of_a_longer_video(network):
    chunks = np.random.default_rng(0).normal(size=(1, 9, cases.SIZE, cases.SIZE, 3)).astype(np.float32)
    variables = cases.started(TASK)
    batch = {"frames": chunks, "mask": np.ones((1, 9), bool)}
    ours = jax.jit(TASK.predict)(variables["params"], variables["state"], batch)
    with torch.no_grad():
        found = network.eval()(torch.from_numpy(np.moveaxis(chunks, -1, 2).copy()))
    np.testing.assert_allclose(found, ours["embeddings"], atol=2e-6)
