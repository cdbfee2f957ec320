"""What a kind of work says of the network that it exports."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

Arrays = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """How a network becomes programs, and what a reader has to know.

    A program takes `rows` float32 [LENGTH, ...], of which the first `number` (int32 scalar) are real and the others
    zero, and what `told` names.

    Attributes:
      reader: module of `export.readers` that becomes predict.py.
      settings: JSON values that the reader needs, for model.json.
      lengths: rows (or frames) that the programs take, ascending: a program each.
      row_shape: of a row.
      told: names of the further numbers that the programs take, float32 scalars.
      batch: traced; from what a program takes to the arrays [1, ...] of `Task.predict_keys`.
      results: traced; from what the task predicts for them and what the program took to what it gives, by name.
    """

    reader: str
    settings: Mapping[str, Any]
    lengths: Sequence[int]
    row_shape: tuple[int, ...]
    batch: Callable[[Arrays], Arrays]
    results: Callable[[Arrays, Arrays], Mapping[str, jax.Array]]
    told: tuple[str, ...] = ()
