"""What the loop is fed with: nothing is read that is not asked for, and waiting is measured."""

import time

import pytest

from fact_jax.training import feed as feeds


class Clock:
    """Stands in for time.perf_counter."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


def make_feed(clock=None, seconds=0.0):
    """(feed, steps read, steps placed); reading a step takes so many seconds."""
    read, placed = [], []

    def batches():
        for step in range(10):
            if clock:
                clock.now += seconds
            read.append(step)
            yield (step,)

    def place(step):
        placed.append(step[0])
        return step[0]

    timing = feeds.Timing()
    return feeds.Feed(batches(), place, timing), read, placed, timing


def test_batches_come_in_order_whether_they_are_prepared_or_not():
    feed, read, placed, _ = make_feed()
    taken = []
    for step in range(6):
        if step % 3:
            feed.prepare()
            feed.prepare()
            assert read == list(range(step + 1))
        taken.append(feed.take())
        assert read == placed == list(range(step + 1))
    assert taken == list(range(6))


def test_waiting_and_pace(clock):
    feed, _, _, timing = make_feed(clock, seconds=0.5)
    timing.restart(3)
    for _ in range(4):
        feed.take()
        clock.now += 1.5
    assert timing.pop(7) == {"data_wait": 0.25, "steps_per_second": 0.5}
    clock.now += 2.0
    assert timing.pop(8) == {"data_wait": 0.0, "steps_per_second": 0.5}
    feed.take()
    timing.restart(8)  # leaves out what was before
    clock.now += 4.0
    assert timing.pop(9) == {"data_wait": 0.0, "steps_per_second": 0.25}
    assert timing.pop(9) == {}
