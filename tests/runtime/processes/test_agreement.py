"""All processes of a run stop at the same poll."""

import signal

import numpy as np
import pytest

from fact_jax.runtime.processes.agreement import LAG, SharedStop
from tests import jobs


class Ballot:
    """Votes of several processes that poll in turns; a result may be asked for once all have voted."""

    def __init__(self, count):
        self.count, self.votes = count, []

    def voter(self):
        rounds = iter(range(10**6))

        def vote(signum):
            number = next(rounds)
            if number == len(self.votes):
                self.votes.append([])
            self.votes[number].append(signum)
            return Result(self, number)

        return vote


class Result:
    def __init__(self, ballot, number):
        self.ballot, self.number = ballot, number

    def __array__(self, dtype=None, copy=None):
        assert len(self.ballot.votes[self.number]) == self.ballot.count, "the result is not there yet"
        return np.array([max(self.ballot.votes[self.number])])


@pytest.mark.parametrize("hit", [[0], [2], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("name", jobs.SIGNALS)
def test_a_signal_to_any_process_stops_all_at_the_same_poll(hit, name):
    signum, code = jobs.SIGNALS[name]
    ballot = Ballot(3)
    stops = [SharedStop(vote=ballot.voter()) for _ in range(3)]
    stopped_at = [None] * 3
    for poll in range(20):
        for index, stop in enumerate(stops):
            if poll == 5 and index in hit:
                stop._note(signum, None)
            if stopped_at[index] is None and stop.poll():
                stopped_at[index] = poll
    assert stopped_at == [5 + LAG] * 3
    assert {(stop.exit_code, stop.name, stop.requested) for stop in stops} == {(code, name, True)}


def test_two_signals_are_one_decision():
    ballot = Ballot(2)
    stops = [SharedStop(vote=ballot.voter()) for _ in range(2)]
    stops[0]._note(signal.SIGINT, None)
    stops[1]._note(signal.SIGTERM, None)
    for _ in range(LAG + 1):
        for stop in stops:
            stop.poll()
    assert [stop.name for stop in stops] == ["SIGTERM"] * 2


@pytest.mark.parametrize("options", [{"vote": Ballot(1).voter()}, {}], ids=["ballot", "its own"])
def test_nothing_is_seen_before_all_agree(options):
    stop = SharedStop(**options)
    stop._note(signal.SIGTERM, None)
    assert not stop.requested
    assert [stop.poll() for _ in range(LAG + 2)] == [False] * LAG + [True] * 2
