"""The systems by their name in config.model.name: the one place where a new one is entered."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from fact_jax.models.asformer.model import ASFormerConfig
from fact_jax.models.frame_model import FrameModelConfig
from fact_jax.models.mstcn.model import MSTCNConfig, MSTCNPlusPlusConfig
from fact_jax.tasks.segmentation import fact as segmentation
from fact_jax.tasks.segmentation import frame_models as frame_segmentation
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


def build(config: Mapping[str, Any], **data) -> SegmentationTask:
    """Builds the task of a run.

    Args:
      config: resolved config of the run.
      **data: what the dataset tells, see `segmentation.build`.

    Raises:
      UserError: there is no such system, or its settings contradict each other or the data.
    """
    name = check_choice("config.model.name", config.model.name, tuple(BUILDERS))
    return BUILDERS[name](config, **data)


def restore(config: Mapping[str, Any], derived: Mapping[str, Any]) -> SegmentationTask:
    """Builds the task of a recorded run for prediction alone, without its data.

    Args:
      config: "config" of the run's config.json, a mapping or ConfigDict.
      derived: "derived" of it.
    """
    name = config["model"]["name"]
    if name in FRAME_MODELS:
        return frame_segmentation.restore(FRAME_MODELS[name], config, derived)
    return segmentation.restore(config, derived)
