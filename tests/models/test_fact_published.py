"""Parameters to the published state dict and back, and the published null weights."""

import jax
import numpy as np
import pytest

from fact_jax.models.fact import published, published_config
from fact_jax.models.fact.objective import automatic_null_weight
from fact_jax.models.weights import state_dict
from tests.models import fact_cases as cases


@pytest.mark.parametrize(
    "config",
    [
        cases.small_config("iuUU", "m"),
        cases.small_config("iuUU", "m2"),
        cases.small_config("iuU", action_branch="gru_om", use_transcript=True),
        cases.small_config("IUU", classes=cases.VERB_NOUN),
        cases.small_config("IU", classes=cases.VERB_NOUN, use_transcript=True),
        cases.small_config("iuU", "t", faformer=True),
        cases.small_config("iU", "t", faformer=True, use_transcript=True, update_branch="m2"),
    ],
    ids=["m", "m2", "gru", "verb_noun", "verb_noun_transcript", "faformer", "faformer_transcript"],
)
def test_state_dict_and_back_is_the_identity(config):
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), cases.parameter_shapes(config))
    tensors = state_dict.to_torch(published.links(config), params)
    back = state_dict.to_flax(published.links(config), tensors, params)
    jax.tree.map(np.testing.assert_array_equal, params, back)


def test_automatic_null_weights_are_the_published_ones():
    for dataset, num_classes, expected in (("breakfast", 48, 0.023541), ("gtea", 11, 0.201275)):
        weight = automatic_null_weight(60, published_config.transcript_length(dataset, "o2o"), num_classes)
        assert weight == pytest.approx(expected, abs=1e-6)
