"""What passes between published weight files and runs: what a file tells of its network, and what an export writes."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fact_jax.models.weights.shape_reader import check_count
from fact_jax.models.weights.state_dict import Link
from fact_jax.types import VerbNouns


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferredNetwork:
    """What a published state dict tells about its network.

    Attributes:
      title: name of the system for people.
      model_settings: keys of config.model that the file tells -> value; "name" is the system.
      feature_dim: D.
      num_classes: C; None: the file does not tell.
      tensors: name -> array, under the names of the links.
      open_settings: dotted keys of the config that change predictions and that the file leaves open -> what they are.
      advice: a sentence behind the message about another number of classes.
      has_classes: whether the network knows the classes of a dataset.
      part: name of the one part of the network, a module, that the file has; "": all of it. The rest starts anew.
      links: of a part, where its tensors live in the variables {"params", "batch_stats"}; else they are the task's.
      notes: lines about what was left out on the way.
    """

    title: str
    model_settings: Mapping[str, Any]
    feature_dim: int
    num_classes: int | None = None
    tensors: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    open_settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    advice: str = ""
    has_classes: bool = True
    part: str = ""
    links: Sequence[Link] = ()
    notes: Sequence[str] = ()

    @property
    def systems(self) -> tuple[str, ...]:
        """The values of config.model.name that such a file goes with."""
        return (self.model_settings["name"],)

    @property
    def contents(self) -> str:
        """What the file holds, for people."""
        return self.title

    @property
    def buffers(self) -> list[str]:
        """Names of the tensors that are no parameters."""
        return []

    def check_classes(self, class_names, verb_nouns, path) -> None:
        """Raises UserError where a dataset's classes are of another kind or number than those of the network in `path`.

        `verb_nouns` are its VerbNouns or None; of most networks pairs are classes like others.
        """
        del verb_nouns
        check_count(path, "classes", self.num_classes, class_names, self.advice)

    def example_verb_nouns(self) -> VerbNouns | None:
        """Pairs of nameless verbs and nouns, as many as the file tells, with which such a network can be built."""
        return None

    def lines(self) -> Iterator[str]:
        """Lines about the network, for people."""
        settings = {name: value for name, value in self.model_settings.items() if name != "name"}
        sizes = [] if self.num_classes is None else [f"{self.num_classes} classes"]
        yield f"inferred: {', '.join([self.contents, *sizes, f'{self.feature_dim} input channels'])}"
        yield f"  {', '.join(f'{name} {value}' for name, value in settings.items())}"

    def untold(self) -> Mapping[str, str]:
        """Those of the open settings that mean something in this network."""
        return self.open_settings

    def wanted(self, model) -> Iterator[tuple[str, Any, Any]]:
        """(dotted key of the config, value by the file, value that it stands for in `model`, a config.model)."""
        for name, value in self.model_settings.items():
            yield f"model.{name}", value, model[name]

    def consequences(self) -> Mapping[str, Any]:
        """Settings of the config outside of model that go with such a network -> value."""
        return {}


class PublishedWeights(NamedTuple):
    """A network in the form of the published code.

    Attributes:
      tensors: the state dict.
      texts: ending of a file beside the weights -> its content.
      notes: lines for the user; {file} stands for the weight file.
      layout: how the tensors lie in a PyTorch file, see `weight_files.write_state_dict`.
      has_classes: whether entries of the tensors are of classes, of which a list is written beside them.
    """

    tensors: Mapping[str, np.ndarray]
    texts: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    layout: Mapping[str, Any] = {}
    has_classes: bool = True
