"""What the classifiers of CAST see as features: of frames for CLIP alone, else of windows."""

import dataclasses
from pathlib import Path

import numpy as np

from data_pipelines.extraction.pixels import ClipPixels
from data_pipelines.extraction.plans import FramePlan, WindowPlan
from data_pipelines.recognition.config import RecognitionDataConfig
from fact_jax.app.kinds.base import DEFAULT_EVERY, DEFAULT_WINDOW, ExtractConfig
from fact_jax.app.runs.extraction import check_told
from fact_jax.app.runs.network_extraction import NetworkExtractor, at_once, made_by
from fact_jax.inference.recognition.predictor import RecognitionPredictor
from fact_jax.tasks.recognition.cast import CASTFeatures


def extraction_task(task):
    """The task that gives features instead of logits."""
    return CASTFeatures(task.model, task.loss_config, task.layer_decay)


def open_extractor(
    predictor: RecognitionPredictor, config, workdir: Path, told: ExtractConfig, devices
) -> NetworkExtractor:
    """The NetworkExtractor of a run, with the settings `config`; `config.eval.batch_size` clips go at once.

    CLIP alone gives a row for every frame; its frames go in groups of `config.data.sampling.num_frames`, which see one
    another where the blocks have adapters. VideoMAE and both experts give a row for every window.
    """
    data = RecognitionDataConfig.parse(config.data)
    num_frames, num_devices = data.sampling.num_frames, len(devices)
    sees_frames = config.model.experts == "clip"
    if sees_frames:
        check_told(told, has_windows=False, what="CLIP alone")
    else:
        told = dataclasses.replace(told, window=told.window or DEFAULT_WINDOW, every=told.every or DEFAULT_EVERY)

    def frame_plan(video):
        whole = {"video": video, "every": told.every, "chunk": num_frames}
        clips = -(-FramePlan(**whole).num_rows // num_frames)
        together = at_once(clips, config.eval.batch_size, num_devices)
        return FramePlan(**whole, length=num_frames, chunks_at_once=together, repeats_last=True)

    def window_plan(video):
        whole = {"video": video, "seconds": told.window, "every": told.every, "num_frames": num_frames}
        rows = WindowPlan(**whole, rows_at_once=1).num_rows
        return WindowPlan(**whole, rows_at_once=at_once(rows, config.eval.batch_size, num_devices))

    def arrays(plan, step, array):
        rows = plan.rows(step)
        sizes = plan.chunk_sizes(step) if sees_frames else [1] * (rows.stop - rows.start)
        return {"frames": np.ascontiguousarray(array.reshape(-1, num_frames, *array.shape[1:]))}, sizes

    settings = {
        "eval.batch_size": config.eval.batch_size,
        **{f"data.video.{name}": value for name, value in dataclasses.asdict(data.video).items()},
    }
    if sees_frames:
        line = f"CLIP: a row for every {'frame' if told.every is None else f'{told.every:g} s'}"
    else:
        line = f"a row every {told.every:g} s, of a window of {told.window:g} s (--every, --window)"
    return NetworkExtractor(
        predictor=predictor,
        made_by=made_by(config, predictor, workdir, told, settings),
        video=data.video,
        pixels=ClipPixels(data.augmentation),
        plan_of=frame_plan if sees_frames else window_plan,
        arrays_of=arrays,
        output="features",
        lines=(line,),
    )
