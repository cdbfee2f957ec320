"""Predictions for videos that nobody has labelled: from Python with `load`, from the command line with --mode predict.

from fact_jax import inference
model = inference.load("runs/synthetic")
prediction = model.predict(features)  # float array (frames, channels)
"""

from fact_jax.inference import localization, representation, segmentation
from fact_jax.inference.ensemble import load_ensemble
from fact_jax.inference.localization.predictor import FoundActions, LocalizationPredictor
from fact_jax.inference.predictor import Predictor, load
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.inference.segmentation.predictions import Prediction, Segment
from fact_jax.inference.segmentation.predictor import SegmentationPredictor

__all__ = [
    "FoundActions",
    "LocalizationPredictor",
    "Prediction",
    "Predictor",
    "RepresentationPredictor",
    "Segment",
    "SegmentationPredictor",
    "load",
    "load_ensemble",
    "localization",
    "representation",
    "segmentation",
]
