"""Embeddings from Python: those of the chunks that the published extraction makes, on any number of devices."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs._base.carl_base import base_config
from configs._base.video_datasets import base
from fact_jax import inference
from fact_jax.app import kinds
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.runtime import devices as device_layout
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.types import UserError
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


def embedded(frames):
    """One chunk through the network, without padding."""
    variables = started(TASK)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    frames = np.float32((frames / 255 - mean) / deviation)
    return jax.jit(TASK.network.apply)({"params": variables["params"], **variables["state"]}, frames[None])[0]


def test_chunks_are_those_of_the_published_extraction():
    model, frames = predictor(num_devices=2), video(7)
    first, whole = model.predict([frames[:4], frames])  # of 7 frames, 4 and 3
    assert whole.shape == (7, TASK.model.embedding_dim) and whole.dtype == np.float32
    np.testing.assert_array_equal(whole[:4], first)
    np.testing.assert_allclose(whole[4:], embedded(frames[4:]), atol=2e-5)


def test_what_is_no_video_and_numbers_that_are_not_finite():
    params = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), started(TASK)["params"])
    with pytest.raises(NonFiniteScores):
        predictor(params=params).predict(video(4))
    model = predictor()
    with pytest.raises(UserError, match=r"features: an array \(4, 32\) of float64; expected a path, or uint8"):
        model.predict(np.zeros((4, 32)))
    with pytest.raises(UserError, match=r"predict\(fps=...\): it goes with localization"):
        model.predict(video(4), fps=3.0)
    with pytest.raises(UserError, match="file is missing"):
        model.predict("nowhere.mp4")


def test_the_kind_knows_it():
    kind = kinds.of_system("carl")
    assert kind.predictor() is RepresentationPredictor is inference.RepresentationPredictor
    told = kind.predict_config(input=("a.mp4",), align_to="a")
    assert (told.align_to, told.figures) == ("a", True) and ConfigDict(dict(vars(told))).output is None
