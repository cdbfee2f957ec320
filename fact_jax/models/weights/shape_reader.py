"""Reads sizes off the shapes of a state dict, with a clear message for what is missing."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fact_jax.types import UserError


def check_count(path, what: str, number: int | None, names: Sequence[str], advice: str = "") -> None:
    """Raises UserError where a network has another `number` (None: unknown) of `what` than a dataset `names`.

    `path` is that of the state dict, `advice` a sentence behind the message.
    """
    if number is not None and number != len(names):
        raise UserError(f"{path} is of a network with {number} {what}, the dataset has {len(names)}. {advice}".strip())


class ShapeReader:
    """Shapes by name, of the state dict `tensors` of a `system` in a file `path`, which messages name."""

    def __init__(self, tensors: Mapping[str, Any], path, system: str):
        self._shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        self._path, self.system = path, system

    def has(self, name: str) -> bool:
        """Whether there is such a tensor."""
        return name in self._shapes

    def shape(self, name: str, rank: int) -> tuple[int, ...]:
        """Shape of a tensor that has to be there, with `rank` axes and not empty; else UserError."""
        if name not in self._shapes:
            raise UserError(f"{self._path}: {name} is missing, which every state dict of {self.system} has.")
        shape = self._shapes[name]
        if len(shape) != rank or 0 in shape:
            raise UserError(f"{self._path}: {name} has the shape {shape}; expected {rank} axes, none empty.")
        return shape

    def count(self, pattern: str) -> int:
        """How many numbers 0, 1, 2, ... in the place of {} begin a name; UserError where one is left out."""
        before, after = map(re.escape, pattern.split("{}"))
        matches = (re.match(rf"{before}(\d+){after}", name) for name in self._shapes)
        numbers = {int(match[1]) for match in matches if match}
        if numbers != set(range(len(numbers))):
            raise UserError(f"{self._path}: {pattern} has the numbers {sorted(numbers)}; expected 0, 1, 2, ...")
        return len(numbers)
