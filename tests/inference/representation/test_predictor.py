"""Embeddings from Python: those of the chunks that the published extraction makes, on any number of devices."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from fact_jax import inference
from fact_jax.app import kinds
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.types import UserError
from tests.inference.representation.predictors import TASK, predictor, video
from tests.tasks.representation.carl_runs import started


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
