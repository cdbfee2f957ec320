"""Labels for videos that have none: from Python with `load`, from the command line with --mode predict.

from fact_jax import inference
model = inference.load("runs/synthetic")
prediction = model.predict(features)  # float array (frames, channels)
"""

from fact_jax.inference.segmentation.predictions import Prediction, Segment
from fact_jax.inference.segmentation.predictor import Predictor, load

__all__ = ["Prediction", "Predictor", "Segment", "load"]
