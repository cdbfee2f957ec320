"""Which loss a setting means, and that videos that are none count nowhere."""

import jax
import numpy as np
import pytest

from fact_jax.models.carl.objective import OBJECTIVES, CARLLossConfig, loss_terms
from fact_jax.types import UserError


def case(num_videos, views):
    rng = np.random.default_rng(0)
    shape = (num_videos * views, 6)
    batch = {
        "steps": np.sort(rng.integers(0, 9, shape), axis=1).astype(np.int32),
        "lengths": np.full(shape[0], 9, np.int32),
        "mask": np.ones(shape, bool),
        "labels": rng.integers(-1, 3, shape).astype(np.int32),
    }
    return rng.normal(size=(*shape, 4)).astype(np.float32), batch, rng.normal(size=(*shape, 3)).astype(np.float32)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_videos_that_are_none_count_nowhere(objective):
    config = CARLLossConfig(objective=objective, negatives="batch_noself")
    terms = jax.jit(lambda *given: loss_terms(config, *given))
    embeddings, batch, logits = case(3, 2)
    found = terms(embeddings, batch, np.array([True, True, False]), logits)
    first = {name: array[:4] for name, array in batch.items()}
    wanted = terms(embeddings[:4], first, np.ones(2, bool), logits[:4])
    assert "loss" in found and found.keys() == wanted.keys()
    for name, pair in wanted.items():
        np.testing.assert_allclose(found[name], pair, rtol=2e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"objective": "slc"}, "scl"), ({"negatives": "all"}, "config.loss.negatives"), ({"temperature": 0.0}, "than 0")],
)
def test_settings_that_cannot_be_are_named(settings, words):
    with pytest.raises(UserError, match=words):
        CARLLossConfig(**settings)
