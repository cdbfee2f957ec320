"""The PyTorch renderings of networks with stages compute what ours compute: logits, loss and gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.models.weights import state_dict
from fact_jax.tasks.segmentation import systems
from fact_jax.tasks.segmentation.frame_models import FrameTask, StageLossConfig
from tests.models import fact_cases as cases
from tests.models.frame_cases import MODELS, random_params

torch = pytest.importorskip("torch")

from fact_jax.benchmark import kinds
from fact_jax.benchmark.torch_reference import segmentation as rendered

NAMES = {model: name for name, model in systems.FRAME_MODELS.items()}
LENGTH = 13


@pytest.mark.parametrize("case", MODELS, ids=lambda name: name.replace(" ", "_"))
def test_logits_loss_and_gradients(case):
    rates = ("dropout_rate", "channel_dropout_rate")
    model = dataclasses.replace(MODELS[case], **{name: 0.0 for name in rates if hasattr(MODELS[case], name)})
    task = FrameTask(model, StageLossConfig(0.15, 4.0))
    batch = cases.ragged_batch((LENGTH,), LENGTH)
    # Residual layers with attention need no more to reach logits whose changes are cut.
    scale = 1 if case == "asformer" else 2
    params = jax.tree.map(lambda leaf: leaf * scale, random_params(task, batch))

    @jax.jit
    def run(params):
        def total(params):
            terms = task.loss(params, {}, batch, jax.random.key(0)).terms
            return terms["loss"][0], task.network_outputs(params, batch)

        return jax.value_and_grad(total, has_aux=True)(params)

    (loss, logits), gradients = jax.device_get(run(params))
    assert np.abs(np.diff(jax.device_get(jax.nn.log_softmax(jnp.asarray(logits))), axis=2)).max() > 4  # some are cut
    description = {"system": NAMES[type(model)], "model": dataclasses.asdict(model)}
    rendering = rendered.render(
        description | {"loss": dataclasses.asdict(task.loss_config)}, cases.FEATURE_DIM, cases.NUM_CLASSES
    )
    tensors = state_dict.to_torch(task.links(), params)
    rendering.network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    outputs = rendering.network(torch.from_numpy(batch["features"][0]))
    np.testing.assert_allclose(logits[:, 0], outputs.detach(), atol=2e-4, rtol=1e-4)
    np.testing.assert_allclose(logits[-1, 0], rendering.logits(outputs).detach(), atol=2e-4, rtol=1e-4)
    np.testing.assert_array_equal(logits[-1, 0].argmax(-1), rendering.labels(outputs))
    truth = rendering.truth(torch.from_numpy(batch["labels"][0]).long(), torch.device("cpu"))
    theirs = rendering.loss(outputs, truth)
    np.testing.assert_allclose(loss, theirs.detach(), rtol=1e-4)
    theirs.backward()
    wanted = state_dict.to_torch(task.links(), gradients)
    for name, parameter in rendering.network.named_parameters():
        scale = np.abs(wanted[name]).max()
        np.testing.assert_allclose(parameter.grad, wanted[name], atol=1e-3 * scale + 1e-6, rtol=1e-3, err_msg=name)


def test_every_rendering_may_be_asked_for():
    segmentation, *others = kinds.KINDS
    assert set(segmentation.systems) == {"fact", "faformer", *rendered.STAGES}
    assert [kind.systems for kind in others] == [("actionformer",), ("carl",), ("cast",)]
