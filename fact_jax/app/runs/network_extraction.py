"""Rows of features from the network of a run."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.extraction.pixels import FramePixels
from data_pipelines.extraction.plans import Plan
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.raw_video import RawVideo
from fact_jax.inference.predictor import Predictor
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.base import FINITE
from fact_jax.types import Batch

_PROGRAM = "fact_jax"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkExtractor:
    """See `extraction.Extractor`.

    Attributes:
      predictor: of the run.
      plan_of: from a RawVideo to its Plan.
      arrays_of: from a Plan, the number of a step and its array to the arrays [B, ...] of a batch, the heavy ones
        `frames`, and how many rows of features every row of it has, at most B numbers.
      output: the name of what the task gives.
    """

    predictor: Predictor
    made_by: Mapping[str, Any]
    video: VideoConfig
    pixels: FramePixels
    plan_of: Callable[[RawVideo], Plan]
    arrays_of: Callable[[Any, int, np.ndarray], tuple[dict[str, np.ndarray], list[int]]]
    output: str
    lines: Sequence[str] = ()

    def plan(self, video):
        return self.plan_of(video)

    def start(self, plan, step, array):
        arrays, sizes = self.arrays_of(plan, step, array)
        num_rows = len(arrays["frames"])
        arrays |= {"video_mask": np.arange(num_rows) < len(sizes), "row": np.arange(num_rows, dtype=np.int32)}
        ids = ["video"] * len(sizes) + [""] * (num_rows - len(sizes))
        return self.predictor.run(Batch(arrays, ids, [0] * num_rows, heavy=("frames",))), sizes

    def fetch(self, started):
        scores, sizes = started
        scores = device_layout.unshard(scores)
        rows = [scores[self.output][place, :size] for place, size in enumerate(sizes)]
        whole = np.concatenate(rows)
        return whole if scores[FINITE][: len(sizes)].all() else np.where(np.isfinite(whole), whole, np.nan)


def at_once(wanted: int, most: int, num_devices: int) -> int:
    """B for a video of which `wanted` rows of a batch are needed: one of few numbers, at most about `most`."""
    size = 1
    while size < min(wanted, most):
        size *= 2
    return device_layout.num_rows(min(size, max(most, 1)), num_devices)


def made_by(config, predictor, workdir: Path, told, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The record of what makes the features of a run: with it and the run they can be made again.

    `settings` are those of the run that extraction reads, by their dotted names; `told` is an ExtractConfig.
    """
    run = {"name": config.name, "system": config.model.name, "dataset": config.data.dataset}
    run |= {"step": predictor.step, "sha256": predictor.checksum, "workdir": str(Path(workdir).resolve())}
    return {"program": _PROGRAM, "run": run, "window": told.window, "every": told.every, "settings": dict(settings)}
