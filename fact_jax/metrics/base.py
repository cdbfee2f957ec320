"""How metrics are written here: a stateless metric makes states, states merge, a merged state is computed once.

    metric = SegmentationMetric(num_classes=11, background_ids=(10,))
    state = merge_states([metric.from_video(...) for every video], metric.empty())
    state.compute()  # {"Edit": ..., ...}

A metric holds settings only. A state holds what was counted, exactly (integers, or values kept apart until `compute`),
so that merging is associative, has `empty()` as its unit, and gives the same numbers for any order or grouping of the
videos: batches, devices and hosts cannot change a score.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar, runtime_checkable

# Not typing.Self, which the checks of the tests (beartype) know in decorated classes alone.
OneState = TypeVar("OneState")


@runtime_checkable
class State(Protocol):
    """What a metric has counted so far."""

    def merge(self: OneState, *others: OneState) -> OneState:
        """Returns the state of everything counted in this one and in `others`; changes none of them."""
        ...

    def compute(self) -> dict[str, float]:
        """Returns the final numbers by name."""
        ...


class Metric(Protocol):
    """Settings of a metric; makes states through `empty()` and one or more `from_...` methods of its own."""

    def empty(self) -> State:
        """Returns the unit of `State.merge`."""
        ...


StateT = TypeVar("StateT", bound=State)


def merge_states(states: Iterable[StateT], empty: StateT) -> StateT:
    """Merges any number of states; `empty` if there are none."""
    return empty.merge(*states)
