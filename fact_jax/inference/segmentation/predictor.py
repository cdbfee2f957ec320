"""Labels for every frame of a video."""

import dataclasses
import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from fact_jax.inference.export import ExportPlan
from fact_jax.inference.predictor import Predictor, check_features, padded_features
from fact_jax.inference.segmentation import predictions
from fact_jax.ops.resampling import downsampled_length
from fact_jax.ops.segments import frames_to_segments
from fact_jax.tasks.base import FINITE
from fact_jax.tasks.segmentation import systems
from fact_jax.types import UserError, nearest

# Lengths beyond the buckets of the training run grow by this factor, rounded up to a multiple.
GROWTH = 1.5
MULTIPLE = 64
# Transcripts are padded to powers of two from this one on.
MIN_TRANSCRIPT = 16


class SegmentationPredictor(Predictor):
    """Labels the frames of videos; see `Predictor`.

    Attributes:
      sample_rate: the network sees one frame in this many; predictions are at the full rate all the same.
      uses_transcript: whether `predict` needs the transcript of a video.
      buckets: padded lengths of the training run.
    """

    def __init__(self, task, params, *, record, **others):
        self.buckets = tuple(record["derived"]["buckets"])
        self.uses_transcript = task.uses_transcript
        super().__init__(_Scoring(task), params, record=record, num_programs=len(self.buckets), **others)
        self.sample_rate = self.config.data.sample_rate

    def predict(self, features, transcript=None, **others):
        """Labels one video, or several.

        Args:
          features: float array [N, D], frames first, at the full rate. Or a list of them, predicted one after another.
          transcript: for a model that uses one, and only for that: class names or ids in the order of the actions;
            equal neighbours count once. For a list of videos a list of transcripts.

        Returns:
          Prediction, or a list of them. Lengths are padded to a few, so that videos of many lengths share programs.

        Raises:
          UserError: features or transcript cannot be used, or an argument (`others`) belongs to another kind of work.
        """
        return self._predict_each(self._predict_one, features, others, transcript=transcript)

    def _prediction(self, scores, row: int, num_frames: int):
        """The Prediction of a video of `num_frames` at the full rate."""
        length = downsampled_length(num_frames, self.sample_rate)
        video = {name: values[row, :length] for name, values in scores.items() if name != FINITE}
        return predictions.from_scores(video, num_frames, self.class_names)

    def export_plan(self, longest):
        if self.uses_transcript:
            raise UserError(
                "This model reads the transcript of every video: it would need a program for every pair of lengths, of "
                "video and transcript. Only models without transcripts can be exported with --format jax."
            )

        data, rate = self.config.data, self.sample_rate
        lengths = export_lengths(self.buckets, longest and downsampled_length(longest, rate))

        def seen(taken):  # frames at the rate of the network
            return -(-taken["number"] // rate)

        def batch(taken):
            features = taken["rows"][::rate]
            mask = jnp.arange(len(features)) < seen(taken)
            return {"features": features[None], "mask": mask[None], "row": np.zeros(1, np.int32)}

        def results(scores, taken):
            index = _nearest_index(seen(taken), taken["number"], len(taken["rows"]))
            return {name: values[0][index] for name, values in scores.items() if name != FINITE}

        return ExportPlan(
            reader="segmentation",
            settings={
                "time_axis": data.time_axis,
                "fps": data.fps,
                "timed": self.timed_features,
                "background": [self.class_names[label] for label in data.background_ids],
            },
            lengths=[rate * length for length in lengths],
            row_shape=(self.feature_dim,),
            batch=batch,
            results=results,
        )

    def _predict_one(self, features, name, transcript):
        features = check_features(features, self.feature_dim, name)
        actions = self._check_transcript(transcript)
        sampled = features[:: self.sample_rate]
        padded = padded_length(len(sampled), self.buckets)
        width = max(MIN_TRANSCRIPT, 2 ** math.ceil(math.log2(max(len(actions), 1))))
        arrays = {
            "labels": np.zeros((1, padded), np.int32),
            "segment_labels": np.pad(actions, (0, width - len(actions)))[None],
            "segment_mask": (np.arange(width) < len(actions))[None],
        }
        scores = self._run_one(padded_features(sampled, padded) | arrays)
        return self.prediction(scores, 0, len(features))

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


@dataclasses.dataclass(frozen=True)
class _Scoring:
    """A task for `EvalStep` whose predictions come with confidences and probabilities."""

    task: systems.SegmentationTask

    @property
    def predict_keys(self):
        return self.task.predict_keys

    @property
    def conv_channels(self):
        return self.task.conv_channels

    def compose(self, params, batch):
        return self.task.compose(params, batch)

    def predict(self, weights, state, batch):
        return self.task.predict_scores(weights, state, batch)


def _nearest_index(num_source, num_target, size: int):
    """`resampling.nearest_index` inside compiled code, of traced numbers of frames: int32 [size].

    Those from `num_target` on mean nothing.
    """
    target = jnp.arange(size, dtype=jnp.int32)
    scale = jnp.float32(num_source) / jnp.float32(num_target)
    stretched = jnp.minimum(jnp.floor(target.astype(jnp.float32) * scale).astype(jnp.int32), num_source - 1)
    return jnp.where(num_source == num_target, target, stretched)


def export_lengths(buckets: Sequence[int], longest: int | None) -> tuple[int, ...]:
    """Padded lengths that hold all videos of up to `longest` frames; None: those of the training run."""
    lengths = sorted(buckets)
    while longest and lengths[-1] < longest:
        lengths.append(padded_length(lengths[-1] + 1, buckets))
    return tuple(lengths)


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
