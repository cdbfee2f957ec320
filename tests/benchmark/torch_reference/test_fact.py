"""The PyTorch rendering computes what our network computes: labels, logits, losses, gradients and an update."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from fact_jax.models.fact import published
from fact_jax.models.fact.config import TimeMaskConfig
from fact_jax.models.fact.decode import decode
from fact_jax.models.fact.network import Fact
from fact_jax.models.fact.objective import FactLossConfig, fact_loss, ground_truth_of
from fact_jax.models.weights import state_dict
from fact_jax.training import optimizers
from tests.models import fact_cases as cases

torch = pytest.importorskip("torch")

from fact_jax.benchmark.torch_reference import fact as torch_fact
from fact_jax.benchmark.torch_reference import objective as torch_objective
from fact_jax.benchmark.torch_reference import subject as torch_subject

LENGTHS = (23, 9)
LOSS = FactLossConfig(
    match="o2o", prob_cost=0.2, background_weight=0.5, null_weight=0.2, smoothing_weight=2.0, background_ids=(0,)
)
CONFIGS = {
    "one to one": (cases.small_config("iU", update_branch="m2", frame_positions=True), LOSS),
    "one to many": (cases.small_config("iu"), dataclasses.replace(LOSS, match="o2m")),
}
FAFORMER = cases.small_config("iuU", "t", faformer=True, frame_positions=True), LOSS


@pytest.fixture(
    scope="module",
    params=[*CONFIGS, pytest.param("faformer", marks=pytest.mark.slow)],
    ids=lambda name: name.replace(" ", "_"),
)
def both(request):
    """Config, loss settings, our parameters, (gradients, (losses, outputs, labels)), torch's network, its outputs."""
    config, loss_config = (CONFIGS | {"faformer": FAFORMER})[request.param]
    params = cases.init_params(config)
    batch = cases.ragged_batch(LENGTHS, max(LENGTHS), garbage=0.0)

    @jax.jit
    def run(params):
        def total(params):
            outputs = Fact(config).apply({"params": params}, batch["features"], batch["mask"], None)
            truth = ground_truth_of(
                *(jnp.asarray(batch[key]) for key in ("labels", "mask", "segment_labels", "segment_mask"))
            )
            tokens = jnp.ones(outputs[-1].action_logits.shape[:2], bool)
            losses = fact_loss(loss_config, config.classes, outputs, truth, tokens)[0]
            return jnp.mean(losses), (losses, outputs, decode(config, outputs[-1])["labels"])

        return jax.grad(total, has_aux=True)(params)

    network = torch_fact.TorchFact(dataclasses.asdict(config), cases.FEATURE_DIM)
    tensors = state_dict.to_torch(published.links(config), params)
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    network.eval()
    videos = []
    for row, length in enumerate(LENGTHS):
        outputs = network(torch.from_numpy(batch["features"][row, :length]))
        labels = torch.from_numpy(batch["labels"][row, :length]).long()
        videos.append((outputs, torch_objective.truth_of(labels, cases.NUM_CLASSES)))
    return config, dataclasses.asdict(loss_config), params, run(params), network, videos


def test_outputs_and_labels(both):
    config, _, _, (_, (_, ours, labels)), _, videos = both
    for row, (outputs, truth) in enumerate(videos):
        length = len(truth.labels)
        for block, theirs in zip(ours, outputs, strict=True):
            pairs = [(block.frame_logits[row, :length], theirs.frame_logits)]
            pairs.append((block.action_logits[row], theirs.token_logits))
            if theirs.counts is not None:
                count = int(block.segments.segmentation.count[row])
                assert count == len(theirs.counts)
                pairs.append((block.segments.logits[row, :count], theirs.segment_logits))
            for found, wanted in pairs:
                np.testing.assert_allclose(found, wanted.detach(), atol=2e-6)
        found = torch_objective.decode(outputs[-1], config.frame_weight)
        np.testing.assert_array_equal(labels[row, :length], found)


def test_losses_gradients_and_update(both):
    config, loss, params, (gradients, (losses, _, _)), network, videos = both
    theirs = torch.stack([torch_objective.video_loss(loss, outputs, truth) for outputs, truth in videos])
    np.testing.assert_allclose(losses, theirs.detach(), rtol=3e-6)
    theirs.mean().backward()
    links = published.links(config)
    wanted = state_dict.to_torch(links, gradients)
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(parameter.grad, wanted[name], atol=3e-6, rtol=1e-4, err_msg=name)
    settings = {"name": "adam", "learning_rate": 1e-2, "momentum": 0.0, "weight_decay": 0.0, "clip_norm": 0.1}
    torch.nn.utils.clip_grad_norm_(network.parameters(), settings["clip_norm"])
    large = {name: np.abs(parameter.grad.numpy()) > 1e-5 for name, parameter in network.named_parameters()}
    torch_subject.make_optimizer(settings, network).step()
    optimizer = optimizers.make_optimizer(_settings(settings), 1)

    @jax.jit
    def update(params, gradients):
        updates, _ = optimizer.update(gradients, optimizer.init(params), params)
        return jax.tree.map(jnp.add, params, updates)

    wanted = state_dict.to_torch(links, update(params, gradients))
    for name, parameter in network.named_parameters():
        chosen = large[name]
        np.testing.assert_allclose(parameter.detach().numpy()[chosen], wanted[name][chosen], atol=2e-5, err_msg=name)


def _settings(values):
    return ConfigDict(values | {"decay_epoch": -1, "decay_factor": 0.1})


def test_training_masks_whole_channels_and_stretches_of_frames():
    config = cases.small_config("iu", channel_dropout_rate=0.5, time_mask=TimeMaskConfig(3, 4, 0.5))
    network = torch_fact.TorchFact(dataclasses.asdict(config), 400)
    x = torch.ones(20, 400)
    torch.manual_seed(0)
    masked = torch.stack([network._augment(x) for _ in range(50)])
    assert torch.equal(x, torch.ones_like(x))
    assert set(masked.unique().tolist()) == {0.0, 2.0}
    channels, frames = (masked != 0).any(1), (masked != 0).any(2)
    assert torch.equal(masked, 2.0 * (frames[:, :, None] & channels[:, None, :]))
    assert abs(float(channels.float().mean()) - 0.5) < 0.02
    assert frames[:, -1].all() and 0.6 < float(frames.float().mean()) < 0.95


def test_positions_reach_the_first_channels():
    x, positions = torch.zeros(2, 4), torch.ones(2, 3)
    assert torch_fact.add_positions(x, positions).tolist() == [[1, 1, 1, 0]] * 2
    assert torch_fact.add_positions(x, None) is x
