"""CAST in PyTorch computes what ours computes: logits, and gradients of what is trained."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.models.cast import published
from tests.models.test_cast_network import TINY, clips, random_params, run

torch = pytest.importorskip("torch")

from fact_jax.benchmark.torch_reference.cast import TorchCast

CONFIGS = {
    "single": dataclasses.replace(TINY, drop_path=0.0),
    # More patches than the plain attention is for.
    "composition": dataclasses.replace(TINY, drop_path=0.0, num_classes=(5, 3), image_size=96, num_frames=6),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_logits_and_gradients(config):
    params, frames = random_params(config), clips(config)
    tensors = published.to_state_dict(config, params)

    def loss(params):
        logits = run(config, params, frames)
        return sum(jnp.sum(jnp.square(array)) for array in logits.values()), logits

    (_, logits), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    wanted = published.to_state_dict(config, gradients)
    for fused in (False, True):
        network = TorchCast(dataclasses.asdict(config), fused)
        network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
        found = network(torch.from_numpy(np.moveaxis(frames, -1, 1).copy()))
        for theirs, ours in zip(found, logits.values(), strict=True):
            np.testing.assert_allclose(ours, theirs.detach(), atol=2e-5 * np.max(np.abs(ours)))
        sum(array.square().sum() for array in found).backward()
        for name, parameter in network.named_parameters():
            if parameter.grad is None:
                assert not parameter.requires_grad and not np.any(wanted[name])
            else:
                largest = float(parameter.grad.abs().max())
                keys = len(wanted[name]) // 2 if name.endswith("kv_bias") else 0  # rounding, which ours leaves out
                np.testing.assert_allclose(
                    wanted[name][keys:], parameter.grad[keys:], atol=2e-4 * largest, err_msg=name
                )
