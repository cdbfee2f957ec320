"""The systems by their name in config.model.name: the one place where a new one is entered."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from fact_jax.models.asformer.model import ASFormerConfig
from fact_jax.models.fact import architecture, class_channels, published_config
from fact_jax.models.fact import config as fact_config
from fact_jax.models.fact.published import published_state_dict
from fact_jax.models.frame_model import FrameModelConfig
from fact_jax.models.mstcn.model import MSTCNConfig, MSTCNPlusPlusConfig
from fact_jax.models.weights import state_dict
from fact_jax.models.weights.exchange import InferredNetwork, PublishedWeights
from fact_jax.models.weights.transfer import Axes, ClassLabels, axes_by_size
from fact_jax.tasks.segmentation import fact as segmentation
from fact_jax.tasks.segmentation import frame_models as frame_segmentation
from fact_jax.tasks.segmentation import inputs
from fact_jax.types import check_choice

SegmentationTask = segmentation.FactTask | frame_segmentation.FrameTask

# Networks that give every frame class logits.
FRAME_MODELS: Mapping[str, type[FrameModelConfig]] = {
    "mstcn": MSTCNConfig,
    "mstcn++": MSTCNPlusPlusConfig,
    "asformer": ASFormerConfig,
}
# Functions such as `segmentation.build`.
BUILDERS: dict[str, Callable[..., SegmentationTask]] = {
    "fact": segmentation.build,
    "faformer": segmentation.build,
    **{name: functools.partial(frame_segmentation.build, model) for name, model in FRAME_MODELS.items()},
}


def check_settings(config) -> None:
    """Raises UserError where the settings of the network contradict each other, as far as they tell it alone."""
    model = config.model
    if model.name in FRAME_MODELS:
        FRAME_MODELS[model.name].from_settings(model, 1, config.dtype)
    else:
        fact_config.check_settings(model, config.dtype)


def build(config, **data) -> SegmentationTask:
    """Builds the task of a run; `data` is what the dataset tells, see `segmentation.build`.

    Raises:
      UserError: there is no such system, or its settings contradict each other or the data.
    """
    name = check_choice("config.model.name", config.model.name, tuple(BUILDERS))
    return BUILDERS[name](config, **data)


def restore(config: Any, derived: Mapping[str, Any]) -> SegmentationTask:
    """Builds the task of a recorded run for prediction alone, without its data, from both parts of its config.json."""
    name = config["model"]["name"]
    if name in FRAME_MODELS:
        return frame_segmentation.restore(FRAME_MODELS[name], config, derived)
    return segmentation.restore(config, derived)


def example_arrays(derived: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """What `init` of the task looks at of a batch: shapes only. `derived`: as of `restore`."""
    return inputs.example_arrays(derived["feature_dim"])


def recognise(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork | None:
    """What a published state dict tells about its network; None for one of no system of this kind.

    Raises:
      UserError: a part is missing or of a strange shape.
    """
    found = (infer(tensors, path) for infer in (*(model.infer for model in FRAME_MODELS.values()), architecture.infer))
    return next((network for network in found if network is not None), None)


def class_axes(task: SegmentationTask, shapes, larger: Callable[[], Any], labels: ClassLabels) -> Axes:
    """Which entries of the parameters are of classes.

    `shapes` are those of the parameters, `larger()` gives those of the same network with one more class.
    """
    if isinstance(task, segmentation.FactTask):
        return class_channels.axes(task.model, shapes, labels)
    return axes_by_size(shapes, larger(), labels.classes)


def publish(task: SegmentationTask, params, config, derived: Mapping[str, Any]) -> PublishedWeights:
    """A network in the form of the published code, of a run with this ConfigDict and `derived` as of `restore`."""
    if isinstance(task, frame_segmentation.FrameTask):
        return PublishedWeights(state_dict.to_torch(task.links(), params))
    notes = ["wrote {file}.yaml, its settings as a config of the published code"]
    if task.model.blocks[0] == "I" and config.data.dataset != "epic":
        notes.append("note: the published code knows verbs and nouns for its dataset 'epic' only")
    texts = {".yaml": published_config.write(config.to_dict(), derived)}
    return PublishedWeights(published_state_dict(task.model, params), texts, tuple(notes))
