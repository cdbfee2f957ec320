"""Which system a published state dict is of, and what it tells about the network."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fact_jax.models.actionformer import architecture as actionformer
from fact_jax.models.fact import architecture
from fact_jax.models.frame_model import FrameModelConfig, Inferred
from fact_jax.models.weights.shape_reader import check_count
from fact_jax.tasks.segmentation.systems import FRAME_MODELS


@dataclasses.dataclass(frozen=True)
class FrameArchitecture:
    """What a state dict of a `FrameModelConfig` tells, in the form of `fact_jax.models.fact.architecture.Architecture`.

    Attributes:
      name: of the system, config.model.name.
      model: the system.
      inferred: what it tells.
    """

    name: str
    model: type[FrameModelConfig]
    inferred: Inferred

    block_settings: ClassVar[Mapping[str, Any]] = {}
    buffers: ClassVar[tuple[str, ...]] = ()
    use_transcript: ClassVar[bool] = False

    @property
    def systems(self):
        """The values of config.model.name that such a file goes with."""
        return (self.name,)

    @property
    def title(self):
        """Name of the system for people."""
        return self.model.title

    @property
    def model_settings(self):
        """Keys of config.model -> value."""
        return {"name": self.name, **self.inferred.settings}

    @property
    def feature_dim(self):
        """D."""
        return self.inferred.feature_dim

    @property
    def tensors(self):
        """Name -> array, under the names of the links."""
        return self.inferred.tensors

    def check_classes(self, class_names, verb_nouns, path):
        """Raises UserError where a dataset has another number of classes; pairs of verbs and nouns are classes too."""
        del verb_nouns
        check_count(path, "classes", self.inferred.num_classes, class_names)

    def lines(self):
        """Lines about the network, for people."""
        yield f"inferred: {self.title}, {self.inferred.num_classes} classes, {self.feature_dim} input channels"
        yield f"  {', '.join(f'{name} {value}' for name, value in self.inferred.settings.items())}"

    def untold(self):
        """Dotted keys of the config that the file leaves open -> what they are."""
        return dict(self.model.untold)


def recognise(
    tensors: Mapping[str, np.ndarray], path
) -> architecture.Architecture | FrameArchitecture | actionformer.Architecture:
    """What a state dict tells about its network.

    Args:
      tensors: name -> array.
      path: of the file, for messages.

    Raises:
      UserError: it is of no system known here, or a part is missing or of a strange shape.
    """
    if (found := actionformer.infer(tensors, path)) is not None:
        return found
    for name, model in FRAME_MODELS.items():
        if (inferred := model.infer(tensors, path)) is not None:
            return FrameArchitecture(name, model, inferred)
    return architecture.infer(tensors, path)
