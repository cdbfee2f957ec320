"""Several networks as one that predicts: what every kind of ensemble has in common."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from fact_jax.types import UserError


def member(number: int) -> str:
    """Name of the parameters and the state of a member."""
    return f"member_{number}"


@dataclasses.dataclass(frozen=True)
class EnsembleTask:
    """Tasks of one kind whose predictions are averaged: as much of a `Task` as an `EvalStep` asks for.

    Trees have an entry per member, see `member`. A subclass says in `predict` what is averaged.
    """

    members: tuple[Any, ...]

    @property
    def predict_keys(self):
        return tuple(dict.fromkeys(key for task in self.members for key in task.predict_keys))

    @property
    def conv_channels(self):
        channels = [task.conv_channels for task in self.members]
        return None if None in channels else max(channels)

    def compose(self, params, batch):
        del batch  # weights for many batches
        return {name: task.compose(params[name], None) for name, task in self.named()}

    def named(self) -> list[tuple[str, Any]]:
        """(name, task) of the members."""
        return [(member(number), task) for number, task in enumerate(self.members)]


def insist_on_equal(settings: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Raises a UserError that names every setting, by its key, in which members, called `names`, differ."""
    problems = []
    for key in settings[0]:
        for name, other in zip(names[1:], settings[1:], strict=True):
            if other[key] != settings[0][key]:
                problems.append(f"{key}: {_short(settings[0][key])} in {names[0]}, {_short(other[key])} in {name}")
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise UserError(f"These runs cannot predict together, they differ in\n{listed}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def every(x: jax.Array, rate: int) -> jax.Array:
    """Every `rate`-th frame of [B, T, ...]."""
    return x if rate == 1 else x[:, ::rate]
