"""Several networks that recognise what happens in clips, whose probabilities are averaged."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fact_jax.tasks.base import FINITE
from fact_jax.tasks.ensemble import EnsembleTask, insist_on_equal
from fact_jax.tasks.recognition.evaluation import LOGITS
from fact_jax.tasks.recognition.systems import head_names

# What is seen of a clip.
_SEEN = ("sampling", "augmentation.size", "augmentation.single_crop", "video")


@dataclasses.dataclass(frozen=True)
class RecognitionEnsemble(EnsembleTask):
    """Means over the members of the probabilities of every view, as their logarithms: a softmax gives them back."""

    def predict(self, params, state, batch):
        """As `CASTTask.predict`."""
        found = [task.predict(params[name], state.get(name, {}), batch) for name, task in self.named()]
        outputs = {
            name: jnp.log(sum(jax.nn.softmax(one[name], axis=-1) for one in found) / len(found))
            for name in found[0]
            if name.startswith(LOGITS)
        }
        return outputs | {FINITE: functools.reduce(jnp.logical_and, [one[FINITE] for one in found])}


def ensemble(tasks: Sequence, records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> RecognitionEnsemble:
    """The ensemble of the tasks of recorded runs; a UserError names what has to be equal and is not."""
    told = [
        {f"classes of the {head}": classes for head, classes in head_names(record["derived"]).items()}
        | {f"config.data.{key}": _setting(record["config"]["data"], key) for key in _SEEN}
        for record in records
    ]
    keys = list(dict.fromkeys(key for one in told for key in one))
    insist_on_equal([{key: one.get(key) for key in keys} for one in told], names)
    return RecognitionEnsemble(tuple(tasks))


def _setting(data, key):
    for part in key.split("."):
        data = data[part]
    return data


def joint_record(records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The record of the ensemble of recorded runs: the first one's."""
    return records[0]
