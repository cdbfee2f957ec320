"""What a kind of work says of the network that it exports."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """How a network becomes programs, and how a reader turns what they give into predictions.

    Attributes:
      reader: module of `export.readers` that becomes predict.py.
      settings: JSON values that the reader needs, for model.json.
      lengths: rows (or frames) that the programs take, ascending: a program each.
      arrays: from one of the lengths to the arrays that its program takes, by name; the shape of one video each.
      constants: arrays of `Task.predict_keys` that are the same for every video, by name.
    """

    reader: str
    settings: Mapping[str, Any]
    lengths: Sequence[int]
    arrays: Callable[[int], Mapping[str, jax.ShapeDtypeStruct]]
    constants: Mapping[str, Any] = dataclasses.field(default_factory=dict)
