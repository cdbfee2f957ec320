"""Actions found in videos."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from fact_jax.inference.export import ExportPlan
from fact_jax.inference.predictor import Predictor, check_features, padded_features
from fact_jax.ops import traced_nms
from fact_jax.ops.class_scores import EXPECTED, read_scores, why_other_number
from fact_jax.ops.nms import Detections
from fact_jax.ops.time_grid import GridRule
from fact_jax.tasks.localization.evaluation import VideoTime, detect, nms_settings
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class FoundActions:
    """What was found in one video."""

    detections: Detections  # in seconds, the best first
    duration: float  # seconds of the video, as told; else from its first feature's window to its last one's


class LocalizationPredictor(Predictor):
    """Finds the actions of videos; see `Predictor`.

    Attributes:
      video_class_names: as `class_names`, of the classes in the run's annotations where the network knows none.
      fps: of the videos to come, unless `predict` is told otherwise: those of the run; 0.0 where they differ there.
      rule: GridRule of the run.
      computed_length: from the features of a video to those that it is padded to.
    """

    def __init__(self, task, params, *, record, **others):
        super().__init__(task, params, record=record, **others)
        self.video_class_names = tuple(record["derived"].get("video_class_names") or self.class_names)
        self.fps = record["derived"].get("fps", 0.0)
        self.rule = GridRule.of(self.config.data)
        self.computed_length = task.model.computed_length
        self._nms = nms_settings(self.config.detection)

    def predict(self, features, fps=None, duration=None, class_scores=None, times=None, **others):
        """Finds the actions of one video, or several.

        Args:
          features: float [N, D], features first, as they are stored: sampling and resizing are done here. Or a list of
            them, predicted one after another; then lists of what follows, or numbers that hold for all.
          fps: video frames per second, more than 0; None: as `fps`.
          duration: seconds of the video, beyond which nothing is found; None: until the end of the last feature's
            window. Needed where features are spread evenly over a video.
          class_scores: float [C], a classifier's scores of the video, 0 or more, in the order of `video_class_names`:
            they name what is found, see `nms.fuse_scores`, and the labels are indices of theirs; None: the network's
            own classes.
          times: FeatureTimes of features that say where they lie (`FeatureTimes.read` of their file), in place of
            `fps`. Needed where the run was trained with such features.

        Returns:
          FoundActions, or a list of them.

        Raises:
          UserError: features, fps, duration or scores cannot be used, or an argument (`others`) belongs to another kind
            of work.
        """
        told = {"fps": fps, "duration": duration, "class_scores": class_scores, "times": times}
        return self._predict_each(self._predict_one, features, others, **told)

    def export_plan(self, longest):
        # A program for every length would make a folder several times as large.
        padded_length, rule = self._task.model.padded_length, self.rule
        lengths, rows = [padded_length(1)], longest and rule.length(longest)
        while rows and lengths[-1] < rows:
            lengths.append(padded_length(lengths[-1] + 1))

        def seen(taken):  # rows at the rate of the network
            return -(-taken["number"] // rule.every)

        def batch(taken):
            features = taken["rows"][:: rule.every]
            return {"features": features[None], "mask": (jnp.arange(len(features)) < seen(taken))[None]}

        def results(candidates, taken):
            names = ("segments", "scores", "labels", "valid")
            found = traced_nms.suppress(*(candidates[name][0] for name in names), self._nms)
            seconds = self._traced_seconds(found.segments, seen(taken), taken)
            others = {"scores": found.scores, "labels": found.labels, "count": found.count}
            return {"seconds": seconds, "places": found.segments, **others}

        needs, why = self._needs()
        return ExportPlan(
            reader="localization",
            settings={
                "time_axis": "first",
                "fps": self.fps,
                "timed": self.timed_features,
                "every": rule.every,
                "resize_to": rule.resize_to,
                "needs": needs,
                "why": why,
            },
            lengths=[rule.every * length for length in lengths],
            row_shape=(self.feature_dim,),
            told=("stored", "fps", "duration"),
            batch=batch,
            results=results,
        )

    def _needs(self):
        """(which argument of `predict` an exported network cannot do without, why); ("", "") where it can."""
        if self.timed_features:
            return "times", "it was trained with features that say themselves where they lie in time"
        if self.rule.stride <= 0:
            return "duration", "its features are spread evenly over a video"
        return ("", "") if self.fps else ("fps", "the frames per second of the run's videos differ")

    def _traced_seconds(self, places, length, taken):
        """As `GridRule.grid` and `TimeGrid.clamp_seconds` have them, of a video of `length` rows at the network's rate.

        `taken`: what a program takes; `stored` rows of the file, `fps`, and `duration`, 0 where it is not told.
        """
        rule, fps, stated = self.rule, taken["fps"], taken["duration"]
        if rule.stride <= 0:
            stride = window = stated * fps / length
        elif rule.resize_to:
            stride = window = ((taken["stored"] - 1) * rule.stride + rule.window) / rule.resize_to
        else:
            stride, window = np.float32(rule.stride * rule.every), np.float32(rule.window)
        duration = jnp.where(stated > 0, stated, ((length - 1) * stride + window) / fps)
        return jnp.clip((places * stride + 0.5 * window) / fps, 0, duration)

    def _predict_one(self, features, name, fps, duration, class_scores, times) -> FoundActions:
        if class_scores is not None:
            class_scores = self._check_scores(class_scores)
        if times is None and self.timed_features:
            raise UserError(
                "This run was trained with features that say themselves where they lie in time: give "
                "predict(features, times=FeatureTimes.read(path of the features)), or use --mode predict."
            )
        if times is not None and times.rows != len(features):
            raise UserError(
                f"{name}: {len(features)} rows, and times of {times.rows}; expected those of these features."
            )
        if duration is None and times is None and self.rule.stride <= 0:
            spread = "features that are spread evenly over a video (data.feature_stride=0)"
            raise UserError(f"This run was trained with {spread}: give its seconds, predict(features, duration=...).")
        if duration is not None and not (math.isfinite(duration) and duration > 0):
            raise UserError(f"duration is {duration}; expected seconds, more than 0.")
        if fps is not None and not (math.isfinite(fps) and fps > 0):
            raise UserError(f"fps is {fps}; expected frames per second, more than 0.")
        stored = check_features(features, self.feature_dim, name)
        grid = None
        if times is None:
            fps = self.check_fps(fps or self.fps)
        else:
            fps = fps or times.video.get("fps") or 1.0
            grid = self.rule.listed(times.times, times.start, times.duration, fps)
            duration = duration or times.duration
        features = self.rule.fit(stored[:: self.rule.every])
        candidates = self._run_one(padded_features(features, self.computed_length(len(features))))
        return self.prediction(candidates, 0, len(stored), duration, class_scores, fps, grid)

    def names_of(self, num_classes: int, names=None):
        """Names of a classifier's classes: `names`, or those of the run's annotations, then "class 7"."""
        known = tuple(names or self.video_class_names)[:num_classes]
        return known + tuple(f"class {number}" for number in range(len(known), num_classes))

    def check_fps(self, fps):
        """Returns `fps`, after checking that seconds can be told from it."""
        if self.rule.stride <= 0:
            # Seconds come from the durations, whatever this is.
            return fps or 1.0
        if not fps:
            why = "The frames per second are not known: those of the run's videos differ."
            raise UserError(f"{why} Give them: --fps, or predict(features, fps=...).")
        return fps

    def _check_scores(self, class_scores):
        """Returns a classifier's scores of a video as float32 [C], one for each of `video_class_names`."""
        scores, why = read_scores(class_scores)
        if why:
            raise UserError(f"class_scores: {why}; {EXPECTED}.")
        if why := why_other_number(len(scores), len(self.video_class_names)):
            raise UserError(f"class_scores: {why} (video_class_names).")
        return scores

    def _prediction(
        self,
        candidates,
        row: int,
        num_frames: int,
        duration: float | None = None,
        class_scores=None,
        fps=None,
        grid=None,
    ) -> FoundActions:
        """What was found in a video of `num_frames` stored features; `duration`, ...: see `predict`.

        `grid` is that of a video whose features say where they lie; None: the rule of the run tells.
        """
        grid = grid or self.rule.grid(num_frames, fps or self.fps, duration)
        if duration is None:
            length = self.rule.length(num_frames)
            duration = float(((length - 1) * grid.stride + grid.window) / grid.fps)
        return FoundActions(detect(candidates, row, VideoTime(grid, duration), self._nms, class_scores), duration)
