"""Tasks of recognition runs, from their settings."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fact_jax.models.cast import published
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.weights.exchange import PublishedWeights
from fact_jax.models.weights.transfer import Axes, ClassLabels, axes_by_size
from fact_jax.models.weights.variables import together
from fact_jax.ops.mixup import MixupConfig, why_not_mixed
from fact_jax.tasks.recognition.cast import CASTTask
from fact_jax.types import UserError

recognise = published.infer  # see `tasks.segmentation.systems.recognise`


def network_config(config, num_classes: Sequence[int]) -> CASTConfig:
    """The CASTConfig of a run: config.model, with what follows from config.data and config.dtype.

    `num_classes` are those of every head.
    """
    values = {name: value for name, value in config["model"].items() if name != "name"}
    values["adapters"] |= values["experts"] == "both"  # which have them in any case
    data = config["data"]
    return CASTConfig(
        **values,
        num_classes=tuple(num_classes),
        num_frames=data["sampling"]["num_frames"],
        image_size=data["augmentation"]["size"],
        dtype=config["dtype"],
    )


def loss_config(loss) -> MixupConfig:
    """The MixupConfig of `config.loss`."""
    return MixupConfig(loss["mixup_probability"], loss["mixup_alpha"], loss["label_smoothing"])


def check_settings(config) -> None:
    """Raises UserError where the settings of network, loss, clips and batches contradict each other."""
    problems = []
    try:
        network_config(config, (1,))
    except UserError as error:
        problems.append(str(error))
    train, clips = config.train, config.data.sampling.num_samples
    wrong = why_not_mixed(loss_config(config.loss), clips * train.batch_size, clips * train.micro_batch_size)
    if wrong:
        problems.append(
            f"config.train.batch_size is {train.batch_size}, config.train.micro_batch_size {train.micro_batch_size}: "
            f"{wrong}. config.loss.mixup_probability=0 mixes nothing."
        )
    if problems:
        raise UserError("\n".join(problems))


def build(config, *, num_classes: Sequence[int]) -> CASTTask:
    """Builds the task of a run with this resolved config; `num_classes` are those of every head."""
    return CASTTask(network_config(config, num_classes), loss_config(config.loss), config.optimizer.layer_decay)


def restore(config: Any, derived: Mapping[str, Any]) -> CASTTask:
    """Builds the task of a recorded run for prediction alone; see `tasks.segmentation.systems.restore`."""
    return CASTTask(network_config(config, [len(names) for names in head_names(derived).values()]))


def head_names(derived: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Name of every head -> those of its classes, of the `derived` of config.json."""
    pairs = derived.get("verb_nouns")
    if pairs is None:
        return {"label": tuple(derived["class_names"])}
    return {"noun": tuple(pairs["nouns"]), "verb": tuple(pairs["verbs"])}


def example_arrays(derived: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """What `init` of the task looks at of a batch, which is nothing of it."""
    del derived
    return {"frames": jax.ShapeDtypeStruct((1, 1, 1, 1, 3), jnp.float32)}


def class_axes(task: CASTTask, shapes, larger: Callable[[], Any], labels: ClassLabels) -> Axes:
    """Which entries of the parameters are of classes; see `tasks.segmentation.systems.class_axes`."""
    del larger  # of one head
    counts, of_head = task.model.num_classes, {"label": labels.classes, "noun": labels.nouns, "verb": labels.verbs}
    axes: dict[str, Any] = {}
    for place, head in enumerate(task.model.heads):
        more = tuple(count + (number == place) for number, count in enumerate(counts))
        other = CASTTask(dataclasses.replace(task.model, num_classes=more))
        found = jax.eval_shape(lambda key, other=other: other.init(key, {}), jax.random.key(0))
        axes |= axes_by_size(shapes, together(found["params"], found["state"]), of_head[head])
    return axes


def publish(task: CASTTask, variables, config, derived: Mapping[str, Any]) -> PublishedWeights:
    """A network in the form of the published code; see `tasks.segmentation.systems.publish`."""
    del config, derived
    return PublishedWeights(published.to_state_dict(task.model, variables), layout=published.LAYOUT)
