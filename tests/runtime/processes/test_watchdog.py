"""When a process is taken for lost, and what is said about it."""

import pytest

from fact_jax.runtime.processes import watchdog
from fact_jax.runtime.processes.watchdog import LOST_SEC, Pulses, reason_in

NAMES = ("process 0 (a, pid 1)", "process 1 (b, pid 2)", "process 2 (c, pid 3)")


def beats(number, *processes):
    return {str(process): str(number) for process in processes}


def test_a_process_is_lost_when_its_beat_stays_the_same():
    pulses, now, lost = Pulses(3, 0.0), 0.0, []
    for number in range(1, 100):
        now += 1.0
        lost = pulses.look(beats(number, 0, 1) | beats(min(number, 20), 2), now)
        if lost:
            break
    assert lost == [2] and now == pytest.approx(20 + LOST_SEC + 1)


def test_a_process_that_never_shows_up_is_lost():
    pulses = Pulses(2, 0.0)
    times = [time for time in range(1, 60) if pulses.look(beats(time, 0), float(time)) == [1]]
    assert times[0] == LOST_SEC + 1


def test_whoever_was_suspended_itself_accuses_nobody():
    pulses = Pulses(2, 0.0)
    assert pulses.look(beats(1, 0, 1), 1.0) == []
    assert pulses.look(beats(1, 0, 1), 3600.0) == []
    assert pulses.look(beats(1, 0, 1), 3602.0) == []
    assert pulses.look(beats(2, 0, 1), 3604.0) == []


def test_without_the_store_only_process_0_is_missed():
    pulses = Pulses(3, 0.0)
    pulses.look(beats(1, 0, 1, 2), 0.0)
    found = [pulses.look(None, float(time)) for time in range(1, 40)]
    assert [] in found and found[-1] == [0]


def test_a_status_without_words_is_blamed_on_whoever_is_silent(monkeypatch):
    dog, left = watchdog.Watchdog(), []
    dog._names, dog._pulses = NAMES, Pulses(3, 0.0)
    for number in range(20):
        dog._pulses.look(beats(number, 0, 2), float(number))
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: 19.0)
    monkeypatch.setattr(dog, "_leave_because_of", lambda cause, publish: left.append(cause["reason"]))
    dog.told("")
    assert left == [f"{NAMES[1]} has given no sign of life for too long: killed, or cut off. {watchdog.RESUME}"]
    assert dog._pulses.silent(19.0, 5.0) == [1] and dog._pulses.silent(19.0, 30.0) == []


@pytest.mark.parametrize(
    "status, expected",
    [
        (
            "UNAVAILABLE: The following tasks are unhealthy (stopped sending heartbeats):\n"
            "/job:jax_worker/replica:0/task:2\n",
            "process 2 (c, pid 3) has given no sign of life",
        ),
        (
            "UNAVAILABLE: Failed to send RPC to coordination service. Socket closed",
            "process 0 (a, pid 1), the coordinator of the others, is gone",
        ),
        ("INTERNAL: something else\nmore", "the connection to the other processes is lost (INTERNAL: something else)"),
        ("", "the connection to the other processes is lost (no reason given)"),
    ],
)
def test_reasons_in_words(status, expected):
    reason = reason_in(status, NAMES)
    assert reason.startswith(expected) and reason.endswith(watchdog.RESUME)


def test_the_times_leave_room_within_a_minute():
    assert LOST_SEC + 2 * watchdog.BEAT_SEC + watchdog.LINGER_SEC + watchdog.FINISH_SEC <= 60
