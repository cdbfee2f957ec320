"""Batches computed several at a time: their order, their threads, and what goes wrong."""

import contextlib
import threading
import time

import jax
import pytest

from fact_jax.runtime import cores, side_by_side


@pytest.fixture(autouse=True)
def _three_cores(monkeypatch):
    monkeypatch.setattr(cores, "available", lambda: 3)


def test_results_come_in_order_whoever_is_first():
    def run(item):
        time.sleep(0.02 if item % 3 == 0 else 0.0)
        return -item

    found = side_by_side.in_order(run, range(10), lambda item: item > 1)
    assert list(found) == [(item, -item) for item in range(10)]


def test_as_many_run_at_a_time_as_there_are_cores():
    together = threading.Barrier(3, timeout=30)
    found = side_by_side.in_order(lambda item: together.wait() >= 0, range(6), lambda item: True)
    assert [ok for _, ok in found] == [True] * 6


def test_what_does_not_run_beside_others_is_handed_over_one_ahead_in_the_own_thread():
    events = []

    def run(item):
        assert threading.current_thread() is threading.main_thread()
        events.append(f"run {item}")

    for item, _ in side_by_side.in_order(run, range(3), lambda item: False):
        events.append(f"read {item}")
    assert events == ["run 0", "run 1", "read 0", "run 2", "read 1", "read 2"]


@pytest.mark.parametrize("beside", [False, True])
def test_an_error_comes_in_the_turn_of_its_item(beside):
    def run(item):
        if item == 2:
            raise ValueError("two")
        return item

    seen = []
    with pytest.raises(ValueError, match="two"):
        for item, _ in side_by_side.in_order(run, range(5), lambda item: beside):
            seen.append(item)
    assert seen == [0, 1]


def test_nothing_is_computed_after_the_caller_has_left():
    started = []
    with contextlib.closing(side_by_side.in_order(started.append, range(100), lambda item: True)) as found:
        next(found)
    assert len(started) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


def test_threads_multiply_as_precisely_as_the_caller():
    def run(item):
        return jax.config.jax_default_matmul_precision

    with jax.default_matmul_precision("highest"):
        found = list(side_by_side.in_order(run, range(2), lambda item: item == 1))
    assert found == [(0, "highest"), (1, "highest")]
