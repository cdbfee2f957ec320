"""Tasks of localization runs, from their settings."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.models.actionformer import architecture
from fact_jax.models.weights import state_dict, weight_files
from fact_jax.models.weights.exchange import InferredNetwork, PublishedWeights
from fact_jax.tasks.base import Evaluation
from fact_jax.tasks.localization.actionformer import ActionFormerTask, network_task

# Where the published code looks for weights in a PyTorch file, and how it names them there.
LAYOUT = {"below": ("state_dict", weight_files.AVERAGED_KEY), "prefix": "module."}


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


def example_arrays(derived: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """What `init` of the task looks at of a batch: shapes only. `derived`: as of `restore`."""
    return {"features": jax.ShapeDtypeStruct((1, 1, derived["feature_dim"]), jnp.float32)}


def recognise(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a published state dict tells about its network; see `tasks.segmentation.systems.recognise`."""
    return architecture.infer(tensors, path)


def publish(task: ActionFormerTask, params, config, derived: Mapping[str, Any]) -> PublishedWeights:
    """A network in the form of the published code; see `tasks.segmentation.systems.publish`."""
    del config, derived
    return PublishedWeights(state_dict.to_torch(task.links(), params), layout=LAYOUT)
