"""The embeddings of frames as features."""

import dataclasses
from pathlib import Path

import numpy as np

from data_pipelines.core.wording import count
from data_pipelines.extraction.pixels import EmbeddedPixels
from data_pipelines.extraction.plans import FramePlan
from data_pipelines.video import clips
from fact_jax.app.kinds.base import ExtractConfig
from fact_jax.app.runs.extraction import check_told
from fact_jax.app.runs.network_extraction import NetworkExtractor, at_once, made_by
from fact_jax.app.runs.representation_prediction import chunk_config
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.types import UserError


def extraction_task(task):
    """The task that gives features: CARL's own."""
    return task


def open_extractor(
    predictor: RepresentationPredictor, config, workdir: Path, told: ExtractConfig, devices
) -> NetworkExtractor:
    """The NetworkExtractor of a run, with the settings `config`.

    Rows are those of --mode predict: frames go through the network in chunks of `config.eval.frames_per_chunk`,
    `config.eval.batch_size` of them at once.
    """
    check_told(told, has_windows=False, what="CARL")
    if told.every is not None and config.eval.frame_stride != 1:
        raise UserError(
            f"--every is {told.every:g} and config.eval.frame_stride {config.eval.frame_stride}: both leave frames "
            "out. Give one of them."
        )
    chunks = chunk_config(config)
    clip, num_devices = chunks.data.clip, len(devices)

    def plan(video):
        whole = {"video": video, "stride": chunks.frame_stride, "every": told.every}
        num_rows = FramePlan(**whole).num_rows
        parts = clips.evaluation_chunks(num_rows, chunks.frames_per_chunk)
        return FramePlan(
            **whole,
            chunk=parts[0].stop,
            length=chunks.length_for(parts[0].stop),
            chunks_at_once=at_once(len(parts), config.eval.batch_size, num_devices),
            contexts=clip.num_contexts,
            context_stride=clip.context_stride,
        )

    def arrays(plan, step, array):
        sizes = plan.chunk_sizes(step)
        frames = array.reshape(plan.chunks_at_once, -1, *array.shape[1:])
        rows = np.array(sizes + [0] * (len(frames) - len(sizes)))
        return {"frames": frames, "mask": np.arange(plan.length) < rows[:, None]}, sizes

    settings = {
        "eval.batch_size": config.eval.batch_size,
        "eval.frames_per_chunk": chunks.frames_per_chunk,
        "eval.frame_stride": chunks.frame_stride,
        **{f"data.video.{name}": value for name, value in dataclasses.asdict(chunks.data.video).items()},
    }
    return NetworkExtractor(
        predictor=predictor,
        made_by=made_by(config, predictor, workdir, told, settings),
        video=chunks.data.video,
        pixels=EmbeddedPixels(chunks.data.augmentation),
        plan_of=plan,
        arrays_of=arrays,
        output="embeddings",
        lines=(f"a row for every frame, {count(chunks.frames_per_chunk, 'frame')} at most embedded together",)
        if told.every is None and chunks.frame_stride == 1
        else (),
    )
