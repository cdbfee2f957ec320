"""A trained model, ready to label videos."""

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from fact_jax import run_record
from fact_jax.inference.segmentation import predictions
from fact_jax.ops.resampling import downsampled_length
from fact_jax.ops.segments import frames_to_segments
from fact_jax.runtime import compilation
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.segmentation import systems
from fact_jax.tasks.segmentation.inputs import example_arrays
from fact_jax.training import loop
from fact_jax.training.checkpoints.manager import CheckpointError
from fact_jax.training.checkpoints.weights import choose_step, others, read_weights
from fact_jax.training.steps import EvalStep
from fact_jax.types import Batch, UserError, nearest

# Lengths beyond the buckets of the training run grow by this factor, rounded up to a multiple.
GROWTH = 1.5
MULTIPLE = 64
# Transcripts are padded to powers of two from this one on.
MIN_TRANSCRIPT = 16


class Predictor:
    """Labels videos with the parameters of one checkpoint. Made by `load`.

    Attributes:
      config: ConfigDict of the run.
      class_names: name of every class, by class id.
      feature_dim: D, channels of the features.
      sample_rate: the network sees one frame in this many; predictions are at the full rate all the same.
      uses_transcript: whether `predict` needs the transcript of a video.
      buckets: padded lengths of the training run.
      step: which checkpoint.
      checksum: of its parameters.
    """

    def __init__(self, task, params, *, record: Mapping[str, Any], step: int, checksum: str, devices, say):
        config, derived = ConfigDict(record["config"]), record["derived"]
        self.config = config
        self.class_names = tuple(derived["class_names"])
        self.feature_dim = derived["feature_dim"]
        self.sample_rate = config.data.sample_rate
        self.uses_transcript = task.uses_transcript
        self.buckets = tuple(derived["buckets"])
        self.step = step
        self.checksum = checksum
        self._num_devices = len(devices)
        self._step = EvalStep(_Scoring(task), devices, num_buckets=len(self.buckets), say=say)
        with self._precision():
            self._weights = self._step.compose(device_layout.replicate(params, devices))

    def predict(self, features, transcript=None):
        """Labels one video, or several.

        Args:
          features: float array [N, D], frames first, at the full rate. Or a list of them, predicted one after another.
          transcript: for a model that uses one, and only for that: class names or ids in the order of the actions;
            equal neighbours count once. For a list of videos a list of transcripts.

        Returns:
          Prediction, or a list of them. Lengths are padded to a few, so that videos of many lengths share programs.

        Raises:
          UserError: features or transcript cannot be used.
        """
        if not isinstance(features, list | tuple):
            return self._predict_one(features, transcript, "features")
        transcripts = [None] * len(features) if transcript is None else transcript
        if len(transcripts) != len(features):
            raise UserError(f"{len(features)} videos and {len(transcripts)} transcripts; expected one for each video.")
        return [
            self._predict_one(video, actions, f"features of video {number}")
            for number, (video, actions) in enumerate(zip(features, transcripts, strict=True))
        ]

    def expect_programs(self, number: int) -> None:
        """Says how many lengths will come, for the lines about compilations."""
        self._step.programs.expected = len(self._step.programs.lengths) + number

    def run(self, batch: Batch):
        """Starts the prediction of a batch; returns scores on the devices, for `devices.unshard`.

        The rows of the batch must be a multiple of the devices given to `load`.
        """
        with self._precision():
            return self._step(self._weights, {}, batch)

    def prediction(self, scores, row: int, num_frames: int):
        """The Prediction of one row of what `run` gave, fetched, for a video of `num_frames` frames at the full rate.

        Raises:
          NonFiniteScores: see there.
        """
        length = downsampled_length(num_frames, self.sample_rate)
        video = {name: values[row, :length] for name, values in scores.items()}
        return predictions.from_scores(video, num_frames, self.class_names)

    def _predict_one(self, features, transcript, name):
        features = check_features(features, self.feature_dim, name)
        actions = self._check_transcript(transcript)
        batch = self._batch(features[:: self.sample_rate], actions)
        return self.prediction(device_layout.unshard(self.run(batch)), 0, len(features))

    def _batch(self, features, actions):
        length, segments = len(features), len(actions)
        padded = padded_length(length, self.buckets)
        width = max(MIN_TRANSCRIPT, 2 ** math.ceil(math.log2(max(segments, 1))))
        arrays = {
            "features": np.pad(features, ((0, padded - length), (0, 0)))[None],
            "mask": (np.arange(padded) < length)[None],
            "labels": np.zeros((1, padded), np.int32),
            "segment_labels": np.pad(actions, (0, width - segments))[None],
            "segment_mask": (np.arange(width) < segments)[None],
            "video_mask": np.ones(1, bool),
            "row": np.zeros(1, np.int32),
        }
        # One row for every device; the others are padding.
        padding = self._num_devices - 1
        arrays = {key: np.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)) for key, x in arrays.items()}
        return Batch(arrays, ("video",) + ("",) * padding, (0,) + (-1,) * padding, heavy=("features",))

    def _check_transcript(self, transcript):
        if not self.uses_transcript:
            if transcript is not None:
                raise UserError("A transcript was given, but this model was trained without; leave it out.")
            return np.zeros(0, np.int32)
        if transcript is None or not len(transcript):
            raise UserError("This model needs the transcript of the video: predict(features, transcript=[...]).")
        if isinstance(transcript, str):
            raise UserError(f"The transcript is one name, {transcript!r}; expected a list of classes.")
        found = [self._class_id(action) for action in transcript]
        return frames_to_segments(found)[0].astype(np.int32)

    def _class_id(self, action):
        if isinstance(action, str) and action in self.class_names:
            return self.class_names.index(action)
        if isinstance(action, int | np.integer) and 0 <= action < len(self.class_names):
            return int(action)
        guess = nearest(action, self.class_names) if isinstance(action, str) else ""
        hint = f" Did you mean {guess!r}?" if guess else f" It has the ids 0 to {len(self.class_names) - 1}."
        raise UserError(f"The transcript has {action!r}, which is no class of this model.{hint}")

    def _precision(self):
        precision = self.config.matmul_precision
        return jax.default_matmul_precision(precision) if precision else contextlib.nullcontext()


@dataclasses.dataclass(frozen=True)
class _Scoring:
    """A task for `EvalStep` whose predictions come with confidences and probabilities."""

    task: systems.SegmentationTask

    @property
    def predict_keys(self):
        return self.task.predict_keys

    def compose(self, params, batch):
        return self.task.compose(params, batch)

    def predict(self, weights, state, batch):
        return self.task.predict_scores(weights, state, batch)


def load(workdir, step: int | None = None, *, devices: Sequence[jax.Device] | None = None, say=lambda line: None):
    """Reads the parameters of a checkpoint and verifies their checksum.

    Compiled programs are kept for later processes as in training, if the run's config says so.

    Args:
      workdir: folder of a run, or of a converted checkpoint.
      step: which checkpoint; None = the best, or the latest where none was evaluated.
      devices: where to run; the first device by default.
      say: takes lines about compilations and the like.

    Returns:
      Predictor.

    Raises:
      UserError: the folder holds no run, or its checkpoint cannot be used.
    """
    record = run_record.read(workdir)
    if record is None:
        raise UserError(f"{workdir} holds no run: {run_record.FILE} is missing. Train first, or convert a checkpoint.")
    if not (Path(workdir) / "checkpoints").is_dir():
        raise UserError(f"{workdir} has no checkpoint yet.")
    config = ConfigDict(record["config"])
    if config.compilation_cache:
        compilation.use_cache(say)
    if config.model.name not in systems.BUILDERS:
        raise UserError(
            f"{workdir} is a run of {config.model.name}: use fact_jax.inference.localization.predictor.load."
        )
    task = systems.restore(config, record["derived"])
    with loop.open_checkpoints(config, workdir, read_only=True) as checkpoints:
        chosen = choose_step(checkpoints, step, say)
        try:
            arrays = example_arrays(record["derived"]["feature_dim"])
            weights = read_weights(task, config, checkpoints, chosen, arrays)
        except CheckpointError as error:
            raise UserError(f"{error}. {others(checkpoints, chosen)}") from error
    devices = [jax.local_devices()[0]] if devices is None else list(devices)
    checksum = weights.meta["checksums"][weights.item]
    return Predictor(task, weights.params, record=record, step=chosen, checksum=checksum, devices=devices, say=say)


def check_features(features, feature_dim, name="features"):
    """Returns features of one video as float32 [N, D].

    Raises:
      UserError: they are not numbers, not [N, D] with N > 0, or hold NaN or Inf.
    """
    array = np.asarray(features)
    if array.dtype.kind not in "fiub":
        raise UserError(f"{name}: values of type {array.dtype}; expected float.")
    if array.ndim != 2 or array.shape[1] != feature_dim:
        transposed = array.ndim == 2 and array.shape[0] == feature_dim
        hint = " They look transposed: pass features.T." if transposed else ""
        raise UserError(f"{name}: shape {array.shape}; expected (frames, {feature_dim}).{hint}")
    if not len(array):
        raise UserError(f"{name}: no frames; expected at least one.")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise UserError(
            f"{name}: {len(bad)} values are NaN or infinite as float32, the first at frame {bad[0][0]}, channel "
            f"{bad[0][1]}; expected finite numbers."
        )
    return array


def padded_length(length: int, buckets: Sequence[int]) -> int:
    """Returns the length that a video of `length` frames is padded to.

    The smallest bucket that holds it; beyond the buckets sizes grow by half each, so that few of them serve any video.
    """
    sizes = [bucket for bucket in sorted(buckets) if bucket >= length]
    if sizes:
        return sizes[0]
    size = max(buckets, default=MULTIPLE)
    while size < length:
        size = math.ceil(size * GROWTH / MULTIPLE) * MULTIPLE
    return size
