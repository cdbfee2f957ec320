"""Reads sizes off the shapes of a state dict, with a clear message for what is missing."""

import re
from collections.abc import Mapping, Sequence

from fact_jax.types import UserError


def check_count(path, what: str, number: int | None, names: Sequence[str], advice: str = "") -> None:
    """Raises UserError where a network is of another `number` of classes or the like than a dataset has `names`.

    Args:
      path: of the state dict, for the message.
      what: what is counted.
      number: of the network; None: the file does not tell.
      names: of the dataset.
      advice: a sentence behind the message.
    """
    if number is not None and number != len(names):
        raise UserError(f"{path} is of a network with {number} {what}, the dataset has {len(names)}. {advice}".strip())


class ShapeReader:
    """Shapes by name.

    Attributes:
      system: name of the system that the state dict is of.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], path, system: str):
        """
        Args:
          shapes: name -> shape of every tensor.
          path: of the file, for messages.
          system: see the attribute.
        """
        self._shapes, self._path = shapes, path
        self.system = system

    def has(self, name: str) -> bool:
        """Whether there is such a tensor."""
        return name in self._shapes

    def shape(self, name: str, rank: int) -> tuple[int, ...]:
        """Shape of a tensor that has to be there, with `rank` axes.

        Raises:
          UserError: it is missing, has another number of axes, or is empty.
        """
        if name not in self._shapes:
            raise UserError(f"{self._path}: {name} is missing, which every state dict of {self.system} has.")
        shape = self._shapes[name]
        if len(shape) != rank or 0 in shape:
            raise UserError(f"{self._path}: {name} has the shape {shape}; expected {rank} axes, none empty.")
        return shape

    def count(self, pattern: str) -> int:
        """How many numbers 0, 1, 2, ... in the place of {} begin a name.

        Raises:
          UserError: a number is left out.
        """
        before, after = map(re.escape, pattern.split("{}"))
        matches = (re.match(rf"{before}(\d+){after}", name) for name in self._shapes)
        numbers = {int(match[1]) for match in matches if match}
        if numbers != set(range(len(numbers))):
            raise UserError(f"{self._path}: {pattern} has the numbers {sorted(numbers)}; expected 0, 1, 2, ...")
        return len(numbers)
