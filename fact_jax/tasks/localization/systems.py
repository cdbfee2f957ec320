"""Tasks of localization runs, from their settings."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fact_jax.tasks.base import Evaluation
from fact_jax.tasks.localization.actionformer import ActionFormerTask, network_task

SYSTEMS = ("actionformer",)


def build(
    config: Mapping[str, Any],
    *,
    num_classes: int,
    empty_classes: Sequence[int],
    new_evaluation: Callable[[], Evaluation],
) -> ActionFormerTask:
    """Builds the task of a run.

    Args:
      config: resolved config of the run.
      num_classes: C.
      empty_classes: ids of classes without any annotation.
      new_evaluation: makes an empty accumulator.

    Raises:
      UserError: settings contradict each other.
    """
    task = network_task(config, num_classes)
    return dataclasses.replace(task, empty_classes=tuple(empty_classes), new_evaluation=new_evaluation)


def restore(config: Mapping[str, Any], derived: Mapping[str, Any]) -> ActionFormerTask:
    """Builds the task of a recorded run for prediction alone, without its data.

    Args:
      config: "config" of the run's config.json, a mapping or ConfigDict.
      derived: "derived" of it.
    """
    return network_task(config, len(derived["class_names"]))


def example_arrays(feature_dim: int) -> dict[str, jax.ShapeDtypeStruct]:
    """What `ActionFormerTask.init` looks at of a batch: shapes only."""
    return {"features": jax.ShapeDtypeStruct((1, 1, feature_dim), jnp.float32)}
