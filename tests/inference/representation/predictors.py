"""A predictor of a tiny CARL with random parameters, and videos for it."""

import numpy as np

from configs._base.carl_base import base_config
from configs._base.video_datasets import base
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.runtime import devices as device_layout
from tests.tasks.representation.carl_runs import SIZE, started, tiny_task

TASK = tiny_task()
PER_CHUNK = 5


def predictor(num_devices=1, params=None):
    config = base_config("tiny", base(augmentation={"size": SIZE, "evaluation_crop": "whole"}))
    config.eval.frames_per_chunk = PER_CHUNK
    variables = started(TASK)
    return RepresentationPredictor(
        TASK,
        variables["params"] if params is None else params,
        state=variables["state"],
        record={"config": config.to_dict(), "derived": {}},
        step=1,
        checksum="",
        devices=device_layout.choose(8)[:num_devices],
        say=lambda line: None,
    )


def video(count):
    return np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
