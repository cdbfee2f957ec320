"""ASFormer against loops: both kinds of windows, stages, sizes, channel masking."""

import dataclasses
import math

import jax
import numpy as np
import pytest

from fact_jax.models.asformer.model import ASFormerConfig
from fact_jax.ops import dropout_rng
from fact_jax.types import UserError
from tests.layers.parameters import numpy_tree, random_params
from tests.models.frame_cases import MODELS
from tests.ragged import host_jit, prefix_mask
from tests.reference import windows as reference
from tests.reference.layers import dense, softmax

MODEL = MODELS["asformer"]
LENGTHS = (11, 5)
MASK = prefix_mask(LENGTHS, 11)
X = np.where(MASK[..., None], np.random.default_rng(0).normal(size=(2, 11, 5)), 1e3).astype(np.float32)
PUBLISHED = {"num_decoders": 3, "num_layers": 10, "dim": 64, "query_reduction": 2, "value_reduction": 2}


@pytest.mark.parametrize("windows", ["released", "banded"])
def test_values_equal_the_loops(windows):
    model = dataclasses.replace(MODEL, windows=windows)
    variables = random_params(model.network, X, MASK)
    logits = host_jit(model.network.apply)(variables, X, MASK)
    assert logits.shape == (3, 2, 11, model.num_classes)
    for row, length in enumerate(LENGTHS):
        expected = _expected(X[row, :length].astype(np.float64), numpy_tree(variables["params"]), model)
        np.testing.assert_allclose(logits[:, row, :length], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(logits[:, ~MASK], 0.0)


def _expected(x, params, model):
    """Logits [stages, T, K] of one video."""
    x, last, stages = x, None, []
    for name, scale in (("encoder", 1.0), ("decoder_0", 1.0), ("decoder_1", math.exp(-3))):
        p = params[name]
        x = dense(x, p["input"])
        for layer in range(model.num_layers):
            x = reference.asformer_layer(x, last, p[f"layer_{layer}"], 2**layer, scale, model.windows == "banded")
        stages.append(dense(x, p["output"]))
        x, last = np.stack([softmax(frame) for frame in stages[-1]]), x
    return np.stack(stages)


@pytest.mark.parametrize(
    ("num_classes", "count"),
    [
        (11, 1_130_860),
        # Forty layers are long to trace.
        pytest.param(19, 1_134_476, marks=pytest.mark.slow),
        pytest.param(48, 1_147_584, marks=pytest.mark.slow),
    ],
)
def test_published_parameter_counts(num_classes, count):
    model = ASFormerConfig(
        num_classes=num_classes, windows="released", channel_dropout_rate=0.3, dropout_rate=0.5, **PUBLISHED
    )
    shapes = jax.ShapeDtypeStruct((1, 8, 2048), np.float32), jax.ShapeDtypeStruct((1, 8), bool)
    variables = jax.eval_shape(model.network.init, jax.random.key(0), *shapes)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == count


def test_the_encoder_alone_drops_channels_and_every_layer_draws_its_own_dropout(monkeypatch):
    draws, original = [], dropout_rng.random_keep

    def recording(seeds, salt, shape, rate):
        draws.append((int(salt), shape, rate))
        return original(seeds, salt, shape, rate)

    monkeypatch.setattr(dropout_rng, "random_keep", recording)
    shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (X, MASK, np.zeros((2, 2), np.uint32))]
    jax.eval_shape(MODEL.network.init, jax.random.key(0), *shapes)
    channels = [draw for draw in draws if len(draw[1]) == 2]
    assert [draw[1:] for draw in channels] == [((2, 5), MODEL.channel_dropout_rate)]
    assert len(draws) == 1 + 3 * MODEL.num_layers == len({salt for salt, _, _ in draws})


def test_settings_that_leave_no_channel_are_refused():
    with pytest.raises(UserError, match="value_reduction is 7.*dim 6"):
        dataclasses.replace(MODEL, value_reduction=7)
    with pytest.raises(UserError, match="'realeased'. Did you mean 'released'"):
        dataclasses.replace(MODEL, windows="realeased")
