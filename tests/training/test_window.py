"""Loss terms between two log lines."""

import jax
import numpy as np
import pytest

from fact_jax.training import devices as device_layout
from fact_jax.training.window import NonFiniteError, TermWindow


def terms(loss):
    """What a step on one device returns: every number with a device axis."""
    one = np.ones(1, np.float32)
    return device_layout.place({"loss": (loss * one, 2.0 * one), "grad_norm": (one, one)}, jax.local_devices()[:1])


def test_what_a_checkpoint_has_been_given_does_not_change():
    window = TermWindow([{"loss": [1.0, 2.0], "grad_norm": [1.0, 1.0]}])
    given = window.fetched
    window.add(2, ["a"], terms(3.0))
    window.fetch()
    assert [entry["loss"] for entry in window.fetched] == [[1.0, 2.0], [3.0, 2.0]]
    assert len(given) == 1  # it may still be on its way to the disk
    assert window.pop_averages()["loss"] == 1.0
    assert window.pop_averages() == {} and len(given) == 1


def test_the_first_step_that_is_not_finite_is_named():
    window = TermWindow()
    for step, loss in ((4, 1.0), (5, np.nan), (6, np.inf)):
        window.add(step, ["first", ""], terms(loss))
    with pytest.raises(NonFiniteError, match="step 5: loss = nan. Videos of that batch: first"):
        window.fetch()
