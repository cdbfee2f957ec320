"""What a network that labels frames has to offer: the base of every system but FACT and FAFormer.

Such a network gives every frame class logits, stage after stage; the last stage is the prediction. A system is one
subclass of `FrameModelConfig`, whose fields are its settings, and one Flax module;
`fact_jax.tasks.segmentation.systems` names it.
"""

import abc
import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import numpy as np

from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.state_dict import Link
from fact_jax.types import UserError, check_choice, why_no_value

DTYPES = ("float32", "bfloat16")
# Fields that are not in config.model.
_NOT_SETTINGS = {"num_classes", "dtype"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameModelConfig(abc.ABC):
    """Settings of a network; subclasses are frozen dataclasses too, whose own fields are the keys of config.model.

    Attributes:
      title: name of the system for people.
      num_classes: K.
      dtype: "float32" or "bfloat16", of the products that do not lead straight to class probabilities.
    """

    title: ClassVar[str]

    num_classes: int
    dtype: str = "float32"

    @property
    @abc.abstractmethod
    def network(self) -> nn.Module:
        """The Flax module.

        It maps features [B, T, D], mask bool [B, T] (a prefix) and dropout_rng (seeds of the videos, uint32 [B, 2], see
        `fact_jax.layers.dropout`; None: no dropout) to logits [stages, B, T, K]. What the features hold outside of
        the mask must not change the logits inside of it.
        """

    @property
    def other_multiply_adds(self) -> int:
        """Multiply-adds per frame that are no products with weights, such as those of attention; for the benchmark."""
        return 0

    @property
    def conv_channels(self) -> int | None:
        """Channels of its widest convolution over frames; see `fact_jax.tasks.base.Task.conv_channels`."""
        return None

    def compose(self, params, num_frames):
        """The parameters as the network multiplies with them; see `fact_jax.tasks.base.Task.compose`."""
        del num_frames
        return params

    def links(self) -> list[Link]:
        """Links to the published names of the parameters, in the order of the file; [] where nothing is published."""
        return []

    @classmethod
    def infer(cls, tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
        """What a published state dict tells; None if it is of another system. Errors as of `ShapeReader`."""
        del tensors, path
        return None

    @classmethod
    def from_settings(cls, settings: Any, num_classes: int, dtype: str) -> "FrameModelConfig":
        """Builds the model from config.model, none of whose settings may be missing or unknown, and config.dtype."""
        wanted = {field.name for field in dataclasses.fields(cls)} - _NOT_SETTINGS
        given = set(settings) - {"name"}
        problems = [f"config.model lacks {name}" for name in sorted(wanted - given)]
        problems += [f"config.model has {name}" for name in sorted(given - wanted)]
        if problems:
            problem = f"These settings are not those of {cls.title}: {', '.join(problems)}."
            raise UserError(f"{problem} It has {', '.join(sorted(wanted))}; take one of its own configs.")
        check_choice("config.dtype", dtype, DTYPES)
        hints = typing.get_type_hints(cls)
        wrong = [
            f"config.model.{name} is {settings[name]!r}, expected {words}."
            for name in sorted(wanted)
            if (words := why_no_value(settings[name], hints[name]))
        ]
        if wrong:
            raise UserError("\n".join(wrong))
        return cls(num_classes=num_classes, dtype=dtype, **{name: settings[name] for name in wanted})
