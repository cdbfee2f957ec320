"""Several networks that label frames, whose class probabilities are averaged."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from fact_jax.ops.arrays import Array
from fact_jax.tasks.base import FINITE
from fact_jax.tasks.ensemble import EnsembleTask, every, insist_on_equal


@dataclasses.dataclass(frozen=True)
class SegmentationEnsemble(EnsembleTask):
    """Means over the members of the probabilities of every frame at the full rate, each member having the same weight.

    Batches are those of videos at the full rate. A member sees one frame in its own of `rates`, and what it says is
    stretched as `ops.resampling.upsample` does.
    """

    rates: tuple[int, ...] = ()

    @property
    def uses_transcript(self):
        """Whether some member reads transcripts."""
        return any(task.uses_transcript for task in self.members)

    def predict(self, params, state, batch):
        """int32 [B, T] "labels", and FINITE."""
        found = self.predict_scores(params, state, batch)
        return {name: found[name] for name in ("labels", FINITE)}

    def predict_scores(self, params, state, batch):
        """As `predict`, with the mean "probabilities" float [B, T, C] and "confidence", that of the label."""
        total, finite = 0.0, []
        for (name, task), rate in zip(self.named(), self.rates, strict=True):
            seen = {**batch, **{key: every(batch[key], rate) for key in ("features", "mask")}}
            scores = task.predict_scores(params[name], state.get(name, {}), seen)
            total += stretched(scores["probabilities"], batch["mask"], seen["mask"])
            finite.append(scores[FINITE])
        probabilities = total / len(self.members)
        return {
            "labels": jnp.argmax(probabilities, axis=-1),
            FINITE: functools.reduce(jnp.logical_and, finite),
            "probabilities": probabilities,
            "confidence": jnp.max(probabilities, axis=-1),
        }


def stretched(values: Float[Array, "B S C"], mask, seen_mask) -> Float[Array, "B T C"]:
    """Values of the frames of `seen_mask` for those of `mask`, by the rule of `ops.resampling.nearest_index`."""
    if values.shape[1] == mask.shape[1]:
        return values

    def index(number, seen) -> Int[Array, " T"]:
        scale = seen.astype(jnp.float32) / jnp.maximum(number, 1).astype(jnp.float32)
        places = jnp.floor(jnp.arange(mask.shape[1], dtype=jnp.float32) * scale).astype(jnp.int32)
        return jnp.minimum(places, jnp.maximum(seen - 1, 0))

    places = jax.vmap(index)(jnp.sum(mask, axis=1), jnp.sum(seen_mask, axis=1))
    return jnp.take_along_axis(values, places[..., None], axis=1)


def ensemble(tasks: Sequence, records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> SegmentationEnsemble:
    """The ensemble of the tasks of recorded runs; a UserError names what has to be equal and is not."""
    told = [
        {
            "classes": tuple(record["derived"]["class_names"]),
            "channels of the features": record["derived"]["feature_dim"],
            "config.data.time_axis": record["config"]["data"].get("time_axis", "last"),
        }
        for record in records
    ]
    insist_on_equal(told, names)
    return SegmentationEnsemble(tuple(tasks), tuple(record["config"]["data"]["sample_rate"] for record in records))


def joint_record(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The record of the ensemble of recorded runs: the first one's, at the full rate."""
    first = records[0]
    lengths = {
        length * record["config"]["data"]["sample_rate"]
        for record in records
        for length in record["derived"]["buckets"]
    }
    data = {**first["config"]["data"], "sample_rate": 1, "buckets": ()}
    return {"config": {**first["config"], "data": data}, "derived": {**first["derived"], "buckets": sorted(lengths)}}
