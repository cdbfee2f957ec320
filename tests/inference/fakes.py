"""Stand-ins for a model and its input files: labels follow from the features without anything to compile."""

import dataclasses
from pathlib import Path

import numpy as np

from data_pipelines.core.batching import EvalBatches
from data_pipelines.segmentation.unlabelled import FrameReader, open_inputs, prediction_examples
from fact_jax.inference import run as mode
from fact_jax.inference.output import OutputFolder
from fact_jax.inference.segmentation.output import LabelFiles
from fact_jax.inference.segmentation.predictions import from_scores
from fact_jax.ops.resampling import downsampled_length
from fact_jax.runtime.signals import StopRequest
from fact_jax.training.logging import writers
from fact_jax.training.nonfinite import NonFiniteScores

CLASS_NAMES = ("background", "pour, slowly", "stir")
FORM = FrameReader(feature_dim=len(CLASS_NAMES), time_axis="last", sample_rate=2, class_names=CLASS_NAMES)


class FakePredictor:
    """Takes the softmax of the features for class probabilities; scores of features above 1000 are not finite."""

    sample_rate = FORM.sample_rate
    num_programs = 0

    def __init__(self):
        self.batches = 0

    def expect_programs(self, number):
        """Nothing is compiled."""

    def watch_compilations(self, began, ended):
        """Nothing is compiled."""

    def runs_beside(self, batch):
        """One batch at a time."""
        del batch
        return False

    def run(self, batch):
        """Scores of all rows, with the device axis that the real one has."""
        self.batches += 1
        features = batch.arrays["features"]
        with np.errstate(over="ignore", invalid="ignore"):
            exponential = np.exp(features, dtype=np.float32)
            probabilities = exponential / exponential.sum(axis=-1, keepdims=True)
        labels = np.argmax(probabilities, axis=-1).astype(np.int32)
        scores = {"labels": labels, "frame_labels": labels, "action_labels": np.zeros_like(labels)}
        scores |= {"probabilities": probabilities, "confidence": probabilities.max(axis=-1)}
        return {name: values[None] for name, values in scores.items()}

    def prediction(self, scores, row, num_frames):
        if not np.isfinite(scores["probabilities"][row]).all():
            raise NonFiniteScores
        length = downsampled_length(num_frames, self.sample_rate)
        return from_scores({name: values[row, :length] for name, values in scores.items()}, num_frames, CLASS_NAMES)


def write_features(path: Path, seed: int) -> Path:
    """Writes a video of three to six segments, 30 to 60 frames; the strongest channel is the class."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.integers(0, len(CLASS_NAMES), rng.integers(3, 7)), 10)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, (3.0 * np.eye(len(CLASS_NAMES), dtype=np.float32)[labels]).T)
    return path


def open_output(path, **changes) -> OutputFolder:
    """The folder of a prediction with checkpoint 7."""
    settings = {
        "origin": {"name": "fake", "checkpoint": {"step": 7, "sha256": "0"}},
        "class_names": CLASS_NAMES,
        "background_ids": (0,),
        "fps": 10.0,
        "probabilities": True,
        "figures": False,
    }
    return OutputFolder(path, LabelFiles(**(settings | changes)))


@dataclasses.dataclass
class Outcome:
    """Exit code, printed text and the predictor of one run."""

    code: int
    text: str
    predictor: FakePredictor


def predict(inputs, output: OutputFolder, stream, *, stop=None, batch_size=2, buckets=(32,)) -> Outcome:
    """Predicts the files of a folder, or several; `stream` takes the lines."""
    predictor = FakePredictor()
    source = open_inputs(inputs if isinstance(inputs, list) else [inputs], FORM)

    def batches(videos):
        return EvalBatches(
            prediction_examples(videos, source), batch_size=batch_size, buckets=buckets, num_rows=batch_size
        )

    console = writers.Console(stream)
    code = mode.predict_videos(predictor, source, batches, output, console=console, stop=stop or StopRequest())
    return Outcome(code, stream.getvalue(), predictor)
