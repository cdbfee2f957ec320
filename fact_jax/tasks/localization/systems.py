"""Tasks of localization runs, from their settings."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fact_jax.models.actionformer import architecture
from fact_jax.models.weights import state_dict, weight_files
from fact_jax.models.weights.exchange import PublishedWeights
from fact_jax.models.weights.transfer import Axes, ClassLabels, axes_by_size
from fact_jax.tasks.base import Evaluation
from fact_jax.tasks.localization.actionformer import ActionFormerTask, network_task

# Where the published code looks for weights in a PyTorch file, and how it names them there.
LAYOUT = {"below": ("state_dict", weight_files.AVERAGED_KEY), "prefix": "module."}


def check_settings(config) -> None:
    """Raises UserError where the settings of the network contradict each other."""
    network_task(config, config.data.num_classes or 1)


def build(
    config, *, num_classes: int, empty_classes: Sequence[int], new_evaluation: Callable[[], Evaluation]
) -> ActionFormerTask:
    """Builds the task of a run with this resolved config; empty classes are those without any annotation."""
    task = network_task(config, num_classes)
    return dataclasses.replace(task, empty_classes=tuple(empty_classes), new_evaluation=new_evaluation)


def restore(config: Any, derived: Mapping[str, Any]) -> ActionFormerTask:
    """Builds the task of a recorded run for prediction alone; see `tasks.segmentation.systems.restore`."""
    return network_task(config, len(derived["class_names"]))


def example_arrays(derived: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """What `init` of the task looks at of a batch: shapes only. `derived`: as of `restore`."""
    return {"features": jax.ShapeDtypeStruct((1, 1, derived["feature_dim"]), jnp.float32)}


recognise = architecture.infer  # see `tasks.segmentation.systems.recognise`


def class_axes(task: ActionFormerTask, shapes, larger: Callable[[], Any], labels: ClassLabels) -> Axes:
    """Which entries of the parameters are of classes; see `tasks.segmentation.systems.class_axes`."""
    del task
    return axes_by_size(shapes, larger(), labels.classes)


def publish(task: ActionFormerTask, params, config, derived: Mapping[str, Any]) -> PublishedWeights:
    """A network in the form of the published code; see `tasks.segmentation.systems.publish`."""
    del config, derived
    return PublishedWeights(state_dict.to_torch(task.links(), params), layout=LAYOUT)
