"""What the processes of a run tell one another, with threads in their place."""

import json
import socket
import threading

import jax
import pytest

from fact_jax.runtime.processes.group import Processes, is_of_others, join
from fact_jax.runtime.processes.joining import LaunchConfig, call_roll, connect
from fact_jax.types import UserError
from tests.jobs import free_port


class Told(Processes):
    """Threads in place of processes."""

    def __init__(self, index, count, barrier, values):
        super().__init__(index, count)
        self._barrier, self._values = barrier, values

    def meet(self):
        self._barrier.wait(30)

    def _receive(self, value):
        return self._gather(json.dumps(value), lambda values: json.loads(values[0]))

    def _largest(self, number):
        return self._gather(number, max)

    def _gather(self, value, choose):
        self._values[self.index] = value
        self.meet()
        chosen = choose(self._values)
        self.meet()
        return chosen


def in_threads(count, work):
    """Runs `work(index)` in so many threads; returns what each returned or raised."""
    results = ["never came back"] * count

    def run(index):
        try:
            results[index] = work(index)
        except UserError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def in_all(count, work):
    """Runs `work(processes)` as every process of so many; returns what each returned or raised."""
    barrier, values = threading.Barrier(count), [None] * count
    return in_threads(count, lambda index: work(Told(index, count, barrier, values)))


def test_one_process_tells_itself():
    with join(None) as processes:
        assert processes.is_main and processes.count == 1
        assert processes.from_main(lambda: (1, "x")) == (1, "x")
        processes.insist_on_equal("settings", {"seed": 1})
        processes.meet()
        with processes.main_first():
            pass


def test_the_answer_of_the_first_process_is_that_of_all():
    def work(processes):
        first = processes.from_main(lambda: {"index": processes.index, "score": float("inf")})
        return first, processes.from_main(lambda: None)

    assert in_all(3, work) == [({"index": 0, "score": float("inf")}, None)] * 3


def test_the_first_process_goes_first():
    order = []

    def work(processes):
        with processes.main_first():
            order.append(processes.index)
        processes.meet()

    in_all(3, work)
    assert order[0] == 0 and sorted(order) == [0, 1, 2]


def test_records_that_differ_are_refused_by_the_process_that_differs():
    def work(processes):
        own = {"seed": 4 if processes.index == 1 else 3, "log": {"wandb": processes.index == 2}, "train": {"steps": 5}}
        processes.insist_on_equal("settings", own)
        return "equal"

    first, second, third = in_all(3, work)
    # Where the log goes changes no number.
    assert str(first) == str(third) == "process 1 has ended: it has other settings than process 0, and lists them."
    assert "this process has other settings than process 0" in str(second)
    assert "  seed: 3 there, 4 now" in str(second)


@pytest.mark.parametrize("way", ["from_main", "main_first"])
def test_an_error_of_the_first_process_is_that_of_all(way):
    def fail():
        raise UserError("no data\nin here")

    def work(processes):
        if way == "from_main":
            processes.from_main(fail)
        with processes.main_first():
            if processes.is_main:
                fail()

    assert [str(error) for error in in_all(2, work)] == ["no data\nin here", "process 0 has ended: no data"]


def roll(*launches, seconds=1.0):
    """What every process is told."""
    told = in_threads(len(launches), lambda place: call_roll(launches[place], seconds))
    return [text if text is None else str(text) for text in told]


def test_all_go_on_when_all_are_there():
    address = f"127.0.0.1:{free_port()}"
    assert roll(*(LaunchConfig(address, 3, index) for index in (2, 0, 1)), seconds=20) == [None] * 3


def test_a_process_that_does_not_come_is_named():
    address = f"127.0.0.1:{free_port()}"
    told = roll(LaunchConfig(address, 4, 0), LaunchConfig(address, 4, 2))
    assert told[0] == told[1] and f"these did not come to {address} within 1 seconds: 1, 3." in told[0]


def test_a_coordinator_that_is_not_there_is_named():
    address = f"127.0.0.1:{free_port()}"
    assert f"coordinator {address} cannot be reached (Connection refused)" in roll(LaunchConfig(address, 2, 1))[0]
    (told,) = roll(LaunchConfig("no-such-host.invalid:9", 2, 1), seconds=0.1)
    assert "no-such-host.invalid:9 cannot be reached" in told


@pytest.mark.parametrize(
    "second, third, words",
    [
        ((3, 1), (3, 1), "two processes have --process_id 1"),
        ((2, 1), (3, 2), "--num_processes is 2 in process 1 and 3 in process 0"),
    ],
)
def test_processes_that_do_not_go_together(second, third, words):
    address = f"127.0.0.1:{free_port()}"
    told = roll(*(LaunchConfig(address, *numbers) for numbers in ((3, 0), second, third)), seconds=5)
    assert words in told[0] and any(words in text for text in told[1:] if text)
    assert None not in told


def test_a_port_in_use_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        (told,) = roll(LaunchConfig(f"127.0.0.1:{server.getsockname()[1]}", 2, 0))
    assert "cannot listen at 127.0.0.1:" in told and "in use" in told


def test_somebody_else_at_the_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400")).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert roll(LaunchConfig(address, 2, 1)) == [
            f"process 0 of the run has ended, or is not the one that listens at {address}."
        ]


def test_without_a_scheduler_the_flags_are_asked_for(monkeypatch):
    def initialize(*args, **options):
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr("jax.distributed.initialize", initialize)
    with pytest.raises(UserError, match="no scheduler tells of the processes of this run. .*--coordinator_address"):
        connect(LaunchConfig())


@pytest.mark.parametrize(
    "error, expected",
    [
        (jax.errors.JaxRuntimeError("UNAVAILABLE: The following tasks are unhealthy"), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), False),
        (ValueError("UNKNOWN: Gloo all-reduce failed: [pair.cc:547] Connection closed by peer [127.0.0.1]:1"), True),
        (ValueError("shapes (2,) and (3,) do not go together"), False),
        (ValueError("the label UNKNOWN: is no class"), False),
        (TypeError("Gloo: of the wrong type"), False),
    ],
    ids=["runtime", "memory", "start_of_a_program", "shapes", "text", "type"],
)
def test_whose_fault_an_error_may_be(error, expected):
    assert is_of_others(error) is expected
