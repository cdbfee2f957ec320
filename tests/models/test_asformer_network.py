"""ASFormer: sizes, dropout and settings. Its numbers are compared in tests/parity."""

import dataclasses

import jax
import numpy as np
import pytest

from fact_jax.models.asformer.model import ASFormerConfig
from fact_jax.ops import dropout_rng
from fact_jax.types import UserError
from tests.models.frame_cases import MODELS

MODEL = MODELS["asformer"]
PUBLISHED = {"num_decoders": 3, "num_layers": 10, "dim": 64, "query_reduction": 2, "value_reduction": 2}


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
    inputs = np.zeros((2, 11, 5), np.float32), np.ones((2, 11), bool), np.zeros((2, 2), np.uint32)
    jax.eval_shape(MODEL.network.init, jax.random.key(0), *inputs)
    channels = [draw for draw in draws if len(draw[1]) == 2]
    assert [draw[1:] for draw in channels] == [((2, 5), MODEL.channel_dropout_rate)]
    assert len(draws) == 1 + 3 * MODEL.num_layers == len({salt for salt, _, _ in draws})


def test_settings_that_leave_no_channel_are_refused():
    with pytest.raises(UserError, match="value_reduction is 7.*dim 6"):
        dataclasses.replace(MODEL, value_reduction=7)
    with pytest.raises(UserError, match="'realeased'. Did you mean 'released'"):
        dataclasses.replace(MODEL, windows="realeased")
