"""Loss terms between two log lines."""

import math

import jax
import numpy as np
import pytest

from fact_jax.runtime import devices as device_layout
from fact_jax.training.window import MAX_PENDING, NonFiniteError, TermWindow


def terms(loss):
    """What a step on one device returns: every number with a device axis."""
    one = np.ones(1, np.float32)
    return device_layout.place({"loss": (loss * one, 2.0 * one), "grad_norm": (one, one)}, jax.local_devices()[:1])


def test_what_a_checkpoint_has_been_given_does_not_change():
    window = TermWindow([{"loss": [1.0, 2.0], "grad_norm": [1.0, 1.0]}])
    given = window.fetched
    window.add(2, ["a"], terms(3.0))
    window.fetch()
    assert window.fetched == [{"loss": [4.0, 4.0], "grad_norm": [2.0, 2.0]}]
    assert given == [{"loss": [1.0, 2.0], "grad_norm": [1.0, 1.0]}]  # it may still be on its way to the disk
    assert window.pop_averages()["loss"] == 1.0
    assert window.pop_averages() == {} and len(given) == 1


def test_a_checkpoint_with_the_terms_of_every_step_gives_their_averages():
    """As older versions wrote them."""
    window = TermWindow([{"loss": [0.1 * number, 1.0], "grad_norm": [1.0, 1.0]} for number in range(9)])
    assert window.pop_averages()["loss"] == sum(0.1 * number for number in range(9)) / 9.0


def test_what_it_holds_does_not_grow_with_the_steps():
    window = TermWindow()
    for step in range(MAX_PENDING - 1):
        window.add(step, ["a"], terms(1.0))
        assert not window.full
    window.add(MAX_PENDING, ["a"], terms(2.0))
    assert window.full and window.fetch() == []
    assert not window.full and len(window.fetched) == 1


def test_skipped_steps_are_returned_and_counted_but_not_averaged():
    window = TermWindow(skipped=5)
    bad = terms(np.nan) | {"skipped": terms(1.0)["grad_norm"]}
    good = terms(3.0) | {"skipped": terms(0.0)["loss"]}
    window.add(6, ["a", ""], bad)
    assert [(step.step, step.video_ids, step.found) for step in window.fetch()] == [(6, ("a",), "loss = nan")]
    window.add(7, ["b"], good)
    assert window.fetch() == []
    assert (window.skipped, window.skipped_steps, window.steps) == (6, 1, 2)
    assert window.pop_averages() == {"loss": 1.5, "grad_norm": 1.0}
    assert (window.skipped, window.skipped_steps, window.steps) == (6, 0, 0)
    window.add(8, ["a"], bad)
    window.fetch()
    averages = window.pop_averages()
    assert list(averages) == ["loss", "grad_norm"] and all(map(math.isnan, averages.values()))


def test_the_first_step_that_is_not_finite_is_named():
    window = TermWindow()
    for step, loss in ((4, 1.0), (5, np.nan), (6, np.inf)):
        window.add(step, ["first", ""], terms(loss))
    with pytest.raises(NonFiniteError, match="step 5: loss = nan") as caught:
        window.fetch()
    assert caught.value.bad.step == 5 and caught.value.bad.video_ids == ("first",)
