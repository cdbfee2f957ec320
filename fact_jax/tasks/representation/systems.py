"""Tasks of representation runs, from their settings."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fact_jax.models.carl import published
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.objective import CARLLossConfig
from fact_jax.models.weights.exchange import PublishedWeights
from fact_jax.models.weights.transfer import Axes, ClassLabels, axes_by_size
from fact_jax.tasks.representation.carl import CARLTask
from fact_jax.types import UserError

recognise = published.infer  # see `tasks.segmentation.systems.recognise`


def network_config(config, num_classes: int) -> CARLConfig:
    """The CARLConfig of a run: config.model, with what follows from config.data and config.dtype.

    `num_classes` are those of the classifier, which there is for the loss "classification" alone.
    """
    clip = config["data"]["clip"]
    # A recorded config has lists.
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in config["model"].items()
        if name != "name"
    }
    return CARLConfig(
        **values,
        num_frames=clip["num_frames"],
        num_contexts=clip["num_contexts"],
        num_classes=num_classes if config["loss"]["objective"] == "classification" else 0,
        dtype=config["dtype"],
    )


def loss_config(loss) -> CARLLossConfig:
    """The CARLLossConfig of `config.loss`."""
    return CARLLossConfig(**dict(loss.items()))


def check_settings(config) -> None:
    """Raises UserError where the settings of network, loss, clips and batches contradict each other."""
    model, loss = network_config(config, 1), loss_config(config.loss)
    clip, augmentation, train, objective = config.data.clip, config.data.augmentation, config.train, loss.objective
    views = num_views(config)
    wrong = []
    if objective == "scl" and views != 2:
        found = "data.augmentation.self_supervised is False"
        wrong.append(f"config.{found}, and loss.objective 'scl' compares two views: set it to True.")
    if (objective == "tcn") != clip.positives:
        wrong.append(
            f"config.data.clip.positives is {clip.positives} and loss.objective {objective!r}: 'tcn' needs them, and "
            "the others do not know them."
        )
    if objective == "tcc" and (train.batch_size * views < 2 or clip.num_frames < 2):
        found = f"train.batch_size is {train.batch_size} and data.clip.num_frames {clip.num_frames}"
        wrong.append(f"config.{found}: loss.objective 'tcc' compares two clips at least, of 2 or more frames.")
    if loss.compares_videos and 0 < train.micro_batch_size < train.batch_size:
        wrong.append(
            f"config.train.micro_batch_size is {train.micro_batch_size} of {train.batch_size} videos, and this loss "
            f"({_compared(loss)}) compares all videos of an update: set it to 0, or take a smaller train.batch_size."
        )
    if model.embedder == "conv":
        taken, stride = 2 * len(model.conv_dims), 2 ** (1 + model.backbone_stages)
        if -(-augmentation.size // stride) <= taken:
            wrong.append(
                f"config.data.augmentation.size is {augmentation.size}: the backbone leaves "
                f"{-(-augmentation.size // stride)} pixels, and model.conv_dims take {taken} off. Expected more than "
                f"{taken * stride}."
            )
    if wrong:
        raise UserError("\n".join(wrong))


def _compared(loss):
    return f"loss.negatives {loss.negatives!r}" if loss.objective == "scl" else f"loss.objective {loss.objective!r}"


def num_views(config) -> int:
    """Views of every training video."""
    return 2 if config.data.augmentation.self_supervised else 1


def build(config, *, num_classes: int) -> CARLTask:
    """Builds the task of a run with this resolved config; `num_classes` are those of its classifier, if it has one."""
    return CARLTask(network_config(config, num_classes), loss_config(config.loss))


def restore(config: Any, derived: Mapping[str, Any]) -> CARLTask:
    """Builds the task of a recorded run for prediction alone; see `tasks.segmentation.systems.restore`."""
    return CARLTask(network_config(config, len(derived["class_names"])))


def example_arrays(derived: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """What `init` of the task looks at of a batch, which is nothing of it."""
    del derived
    return {"frames": jax.ShapeDtypeStruct((1, 1, 1, 1, 3), jnp.float32)}


def class_axes(task: CARLTask, shapes, larger: Callable[[], Any], labels: ClassLabels) -> Axes:
    """Which entries of the parameters are of classes; see `tasks.segmentation.systems.class_axes`."""
    return axes_by_size(shapes, larger(), labels.classes) if task.model.num_classes else {}


def publish(task: CARLTask, variables, config, derived: Mapping[str, Any]) -> PublishedWeights:
    """A network in the form of the published code; see `tasks.segmentation.systems.publish`."""
    del config, derived
    tensors = published.to_state_dict(task.model, variables)
    return PublishedWeights(tensors, layout=published.LAYOUT, has_classes=task.model.num_classes > 0)
