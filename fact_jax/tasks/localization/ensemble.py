"""Several networks that find actions, whose class scores and offsets are averaged at every point."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fact_jax.models.actionformer.candidates import candidates
from fact_jax.ops.time_grid import GridRule
from fact_jax.tasks.base import FINITE, all_finite
from fact_jax.tasks.ensemble import EnsembleTask, insist_on_equal


@dataclasses.dataclass(frozen=True)
class LocalizationEnsemble(EnsembleTask):
    """Members with points at the same times: means of the class probabilities and of the offsets of every point.

    Candidates and suppression are those of the first member, once, after the means.
    """

    @property
    def model(self):
        """The settings of the member that sees most of what lies behind a video: those of the points are all alike."""
        return max((member.model for member in self.members), key=lambda model: model.reach)

    def predict(self, params, state, batch):
        """As `ActionFormerTask.predict`."""
        del state
        found = [task.outputs(params[name], batch) for name, task in self.named()]
        probabilities = sum(jax.nn.sigmoid(outputs.logits) for outputs in found) / len(found)
        offsets = sum(outputs.offsets for outputs in found) / len(found)
        logits = jnp.log(probabilities) - jnp.log1p(-probabilities)
        averaged = found[0]._replace(logits=logits, offsets=offsets)
        finite = [all_finite((one.logits, one.mask), (one.offsets, one.mask)) for one in found]
        chosen = candidates(self.model, self.members[0].candidate_config, averaged, batch["features"].shape[1])
        return chosen | {FINITE: functools.reduce(jnp.logical_and, finite)}


def ensemble(tasks: Sequence, records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> LocalizationEnsemble:
    """The ensemble of the tasks of recorded runs; a UserError names what has to be equal and is not."""
    told: list[dict[str, Any]] = []
    for task, record in zip(tasks, records, strict=True):
        model, derived = task.model, record["derived"]
        told.append(
            {
                "classes": tuple(derived["class_names"]),
                "classes of the annotations": tuple(derived.get("video_class_names") or derived["class_names"]),
                "channels of the features": derived["feature_dim"],
                "strides of the points": model.strides,
                "what padded lengths are multiples of": model.length_terms,
                "config.data.max_frames": model.max_frames,
                "frames per second": derived.get("fps", 0.0),
            }
            | {f"features, {name}": value for name, value in dataclasses.asdict(_rule(record)).items()}
        )
    insist_on_equal(told, names)
    return LocalizationEnsemble(tuple(tasks))


@dataclasses.dataclass(frozen=True)
class _Data:
    """What a GridRule reads of config.data."""

    feature_stride: float
    window: float
    sample_rate: int
    max_frames: int
    resize: bool


def _rule(record) -> GridRule:
    data = record["config"]["data"]
    return GridRule.of(_Data(**{field.name: data[field.name] for field in dataclasses.fields(_Data)}))


def joint_record(records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The record of the ensemble of recorded runs: the first one's."""
    return records[0]
