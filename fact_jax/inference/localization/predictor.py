"""A trained network, ready to find actions in videos."""

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from fact_jax import run_record
from fact_jax.inference.segmentation.predictions import NonFiniteScores
from fact_jax.inference.segmentation.predictor import check_features
from fact_jax.ops.nms import Detections
from fact_jax.ops.time_grid import GridRule
from fact_jax.runtime import compilation
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.localization import systems as systems
from fact_jax.tasks.localization.evaluation import VideoTime, detect, nms_settings
from fact_jax.training import loop
from fact_jax.training.checkpoints.manager import CheckpointError
from fact_jax.training.checkpoints.weights import choose_step, others, read_weights
from fact_jax.training.steps import EvalStep
from fact_jax.types import Batch, UserError


@dataclasses.dataclass(frozen=True)
class FoundActions:
    """What was found in one video.

    Attributes:
      detections: Detections in seconds, the best first.
      duration: seconds of the video, as told; else from its first feature's window to its last one's.
    """

    detections: Detections
    duration: float


class LocalizationPredictor:
    """Finds actions with the parameters of one checkpoint. Made by `load`.

    Attributes:
      config: ConfigDict of the run.
      class_names: name of every class, by class id.
      video_class_names: the same of the classes in the run's annotations, where the network knows none; else as above.
      feature_dim: D, channels of the features.
      fps: of the videos to come, unless `predict` is told otherwise: those of the run; 0.0 where they differ there.
      rule: GridRule of the run.
      step: which checkpoint.
      checksum: of its parameters.
    """

    def __init__(self, task, params, *, record, step: int, checksum: str, devices, say):
        self.config = ConfigDict(record["config"])
        self.class_names = tuple(record["derived"]["class_names"])
        self.video_class_names = tuple(record["derived"].get("video_class_names") or self.class_names)
        self.feature_dim = record["derived"]["feature_dim"]
        self.fps = record["derived"].get("fps", 0.0)
        self.rule = GridRule.of(self.config.data)
        self.step = step
        self.checksum = checksum
        self.padded_length = task.model.padded_length
        self._nms = nms_settings(self.config.detection)
        self._num_devices = len(devices)
        self._step = EvalStep(task, devices, num_buckets=1, say=say)
        with self._precision():
            self._weights = self._step.compose(device_layout.replicate(params, devices))

    def predict(
        self, features, fps: float | None = None, duration: float | None = None, class_scores=None
    ) -> FoundActions:
        """Finds the actions of one video.

        Args:
          features: float [N, D], features first, as they are stored: sampling and resizing are done here.
          fps: video frames per second; None: as `fps`.
          duration: seconds of the video, beyond which nothing is found; None: until the end of the last feature's
            window. Needed where features are spread evenly over a video.
          class_scores: float [C], a classifier's scores of the video, 0 or more: they name what is found, see
            `nms.fuse_scores`, and the labels are indices of theirs; None: the network's own classes.

        Raises:
          UserError: features, fps, duration or scores cannot be used.
        """
        if class_scores is not None:
            class_scores = np.asarray(class_scores, np.float32)
            if (
                class_scores.ndim != 1
                or not len(class_scores)
                or not np.all(np.isfinite(class_scores) & (class_scores >= 0))
            ):
                raise UserError(
                    f"class_scores is an array of shape {class_scores.shape}; expected one finite number of 0 or more for "
                    "every class."
                )
        if duration is None and self.rule.stride <= 0:
            raise UserError(
                "This run was trained with features that are spread evenly over a video (data.feature_stride=0): give "
                "its seconds, predict(features, duration=...)."
            )
        if duration is not None and not (math.isfinite(duration) and duration > 0):
            raise UserError(f"duration is {duration}; expected seconds, more than 0.")
        stored = check_features(features, self.feature_dim)
        fps = self.check_fps(fps or self.fps)
        features = self.rule.fit(stored[:: self.rule.every])
        padded = self.padded_length(len(features))
        arrays = {
            "features": np.pad(features, ((0, padded - len(features)), (0, 0)))[None],
            "mask": (np.arange(padded) < len(features))[None],
            "video_mask": np.ones(1, bool),
            "row": np.zeros(1, np.int32),
        }
        padding = self._num_devices - 1
        arrays = {key: np.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)) for key, x in arrays.items()}
        batch = Batch(arrays, ("video",) + ("",) * padding, (0,) + (-1,) * padding, heavy=("features",))
        return self.prediction(device_layout.unshard(self.run(batch)), 0, len(stored), duration, class_scores, fps)

    def names_of(self, num_classes: int, names=None):
        """Names of a classifier's classes: `names`, or those of the run's annotations, then "class 7"."""
        known = tuple(names or self.video_class_names)[:num_classes]
        return known + tuple(f"class {number}" for number in range(len(known), num_classes))

    def check_fps(self, fps):
        """Returns `fps`, after checking that seconds can be told from it.

        Raises:
          UserError: they cannot.
        """
        if self.rule.stride <= 0:
            # Seconds come from the durations, whatever this is.
            return fps or 1.0
        if not fps:
            raise UserError(
                "The frames per second are not known: those of the run's videos differ. Give them: --fps, or "
                "predict(features, fps=...)."
            )
        return fps

    def expect_programs(self, number: int) -> None:
        """Says how many lengths will come, for the lines about compilations."""
        self._step.programs.expected = len(self._step.programs.lengths) + number

    def run(self, batch: Batch):
        """Starts the prediction of a batch; returns candidates on the devices, for `devices.unshard`."""
        with self._precision():
            return self._step(self._weights, {}, batch)

    def prediction(
        self,
        candidates,
        row: int,
        num_frames: int,
        duration: float | None = None,
        class_scores=None,
        fps: float | None = None,
    ) -> FoundActions:
        """What was found in one row of what `run` gave, fetched, for a video of `num_frames` stored features.

        `duration`, `class_scores` and `fps`: see `predict`.

        Raises:
          NonFiniteScores: candidates are no numbers: features of extreme values, or damaged parameters.
        """
        valid = candidates["valid"][row].astype(bool)
        for name in ("scores", "segments"):
            if not np.isfinite(candidates[name][row][valid]).all():
                raise NonFiniteScores("the network's scores are not finite; look for extreme values in the features")
        grid = self.rule.grid(num_frames, fps or self.fps, duration)
        if duration is None:
            length = self.rule.length(num_frames)
            duration = float(((length - 1) * grid.stride + grid.window) / grid.fps)
        return FoundActions(detect(candidates, row, VideoTime(grid, duration), self._nms, class_scores), duration)

    def _precision(self):
        precision = self.config.matmul_precision
        return jax.default_matmul_precision(precision) if precision else contextlib.nullcontext()


def load(workdir, step: int | None = None, *, devices: Sequence[jax.Device] | None = None, say=lambda line: None):
    """Reads the parameters of a checkpoint and verifies their checksum; see `fact_jax.inference.segmentation.predictor.load`."""
    record = run_record.read(workdir)
    if record is None:
        raise UserError(f"{workdir} holds no run: {run_record.FILE} is missing. Train first, or convert a checkpoint.")
    if not (Path(workdir) / "checkpoints").is_dir():
        raise UserError(f"{workdir} has no checkpoint yet.")
    config = ConfigDict(record["config"])
    if config.compilation_cache:
        compilation.use_cache(say)
    task = systems.restore(config, record["derived"])
    with loop.open_checkpoints(config, workdir, read_only=True) as checkpoints:
        chosen = choose_step(checkpoints, step, say)
        try:
            arrays = systems.example_arrays(record["derived"]["feature_dim"])
            weights = read_weights(task, config, checkpoints, chosen, arrays)
        except CheckpointError as error:
            raise UserError(f"{error}. {others(checkpoints, chosen)}") from error
    devices = [jax.local_devices()[0]] if devices is None else list(devices)
    checksum = weights.meta["checksums"][weights.item]
    return LocalizationPredictor(
        task, weights.params, record=record, step=chosen, checksum=checksum, devices=devices, say=say
    )
