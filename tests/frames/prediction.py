"""Predictions of the toy kind: frames of files in, a size out."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from data_pipelines.core.mapped import EvalBatches
from data_pipelines.core.problems import Problem
from data_pipelines.core.unlabelled import Input
from fact_jax import files
from fact_jax.app.runs.base import OpenedPrediction
from fact_jax.inference.output import FIGURES, PREDICTIONS, OutputFolder, VideoFiles
from fact_jax.inference.predictor import Predictor
from fact_jax.reporting import pictures
from fact_jax.runtime import devices as device_layout
from tests.frames.squares import FRAMES, SIDE, Squares


class SizePredictor(Predictor):
    """Tells the size of the square of a video."""

    def predict(self, frames):
        """float, from uint8 frames [T, H, W, 3]."""
        padded = np.pad(frames, ((0, FRAMES - len(frames)), (0, 0), (0, 0), (0, 0)))
        arrays = {"frames": padded[None], "mask": (np.arange(FRAMES) < len(frames))[None]}
        return self.prediction(self._run_one(arrays, heavy="frames"), 0)

    def _prediction(self, scores, row):
        return float(scores["size"][row])


class SquareFiles:
    """Files of frames without sizes: what `inference.run.predict_videos` asks of a source, and an ExampleSource."""

    heavy = ("frames",)
    shapes = {name: shape for name, shape in Squares.shapes.items() if name != "size"}

    def __init__(self, inputs, problems):
        self.inputs, self.problems, self.unusable = tuple(inputs), problems, ()
        self.video_ids = tuple(video.video_id for video in self.inputs)

    def example(self, position, rng):
        frames = np.load(self.inputs[position].path)
        return {"frames": frames, "mask": np.ones(len(frames), bool)}

    def select(self, positions):
        return SquareFiles([self.inputs[position] for position in positions], self.problems)

    def is_bad(self, index):
        return str(self.inputs[index].path) in {problem.path for problem in self.problems}

    def report(self, index, found, expected=""):
        self.problems.append(Problem(str(self.inputs[index].path), 0, found, expected))

    def read_input(self, index):
        return dataclasses.replace(self.inputs[index], sha256=files.sha256_of(self.inputs[index].path))

    def extent(self, index):
        return ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SizeFiles(VideoFiles):
    """predictions/VIDEO.txt and VIDEO.json, figures/prediction_VIDEO.png."""

    def paths(self, video):
        picture = Path(FIGURES) / f"prediction_{video.video_id}.png"
        return {Path(PREDICTIONS) / f"{video.video_id}.txt": True, picture: self.figures}

    def contents(self, video, prediction):
        return {Path(PREDICTIONS) / f"{video.video_id}.txt": f"{prediction:.3f}\n".encode()}

    def draw(self, video, prediction):
        figure = pictures.new_figure(2, 2)
        figure.add_subplot().bar([video.video_id], [prediction])
        return figure

    def is_record(self, content, video):
        return "size" in content

    def record(self, video, prediction, vouched):
        return json.dumps({"size": prediction, **vouched})


def open_prediction(predictor, config, workdir, told, devices):
    """See `fact_jax.app.runs.segmentation.open_prediction`."""
    inputs, problems = [], []
    for path in map(Path, told.input):
        shape, status = np.load(path).shape, path.stat()
        if shape[0] > FRAMES or shape[1:] != (SIDE, SIDE, 3):
            problems.append(Problem(str(path), 0, f"shape {shape}", f"expected up to {FRAMES} frames"))
            continue
        inputs.append(Input(path.stem, path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, shape[0]))
    rows = device_layout.num_rows(config.eval.batch_size, len(devices))

    def make_batches(videos):
        share = device_layout.share(rows, devices)
        return EvalBatches(videos, batch_size=config.eval.batch_size, num_rows=rows, share=share)

    origin = {"name": config.name, "checkpoint": {"step": predictor.step, "sha256": predictor.checksum}}
    output = SizeFiles(origin=origin, class_names=(), fps=0.0, figures=told.figures)
    return OpenedPrediction(SquareFiles(inputs, problems), make_batches, OutputFolder(told.output or workdir, output))
