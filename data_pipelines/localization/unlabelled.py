"""Feature files in which actions are to be found: .npy or .npz, (features, channels), checked one by one."""

import os

import numpy as np

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.input_files import find_files
from data_pipelines.core.unlabelled import Form, Input, UnlabelledVideos, by_name, name_clash, name_problem
from data_pipelines.localization.features import Stream
from data_pipelines.localization.grids import read_features
from data_pipelines.localization.source import LocalizedVideo
from data_pipelines.segmentation.annotations import Problem
from fact_jax.types import UserError

SUFFIXES = (".npy", ".npz")


class UnlabelledFeatures(UnlabelledVideos):
    """As UnlabelledVideos, of features as localization stores them; gives LocalizedVideo without segments.

    The number of frames of an Input is that of its stored features.
    """

    def __init__(self, inputs, form, problems, rule, durations, class_scores=None, bad_paths=None):
        super().__init__(inputs, form, problems, bad_paths)
        self._rule, self._durations, self._class_scores = rule, durations, class_scores or {}
        self.lengths = np.array([rule.length(video.num_frames) for video in self.inputs], np.int64)

    def __getitem__(self, index):
        index = range(len(self))[index]
        features = self._read(index)
        if features is None:
            features = np.zeros((int(self.lengths[index]), self.feature_dim), np.float32)
        return LocalizedVideo(self.video_ids[index], features, *self.segments(index))

    def segments(self, index):
        """No segments: float32 [0, 2] and int32 [0]."""
        return np.zeros((0, 2), np.float32), np.zeros(0, np.int32)

    def select(self, positions):
        """The videos at these positions, as a source of their own."""
        inputs = [self.inputs[position] for position in positions]
        return self._copy(inputs, self._class_scores)

    def named_by(self, class_scores):
        """The same videos, with the scores of a classifier for each: dict from video to float [C]."""
        return self._copy(self.inputs, class_scores)

    def extent(self, index):
        """(number of stored features, seconds of the video or None, float [C] or None)."""
        video = self.inputs[index]
        return video.num_frames, self._durations.get(video.video_id), self._class_scores.get(video.video_id)

    def _copy(self, inputs, class_scores):
        return UnlabelledFeatures(
            inputs, self._form, self.problems, self._rule, self._durations, class_scores, self._bad_paths
        )

    def _read(self, index):
        """float32 [T, D], or None after reporting why there is none."""
        video = self.inputs[index]
        store = _store(video.video_id, video.path)
        try:
            if tuple(store.shape(video.video_id)) != (video.num_frames, self.feature_dim):
                raise FeatureFileError("the file has changed since it was listed")
            features = read_features(self._rule, store, video.video_id)
        except FeatureFileError as error:
            self.report(index, str(error))
            return None
        bad = np.argwhere(~np.isfinite(features))
        if len(bad):
            found = f"{len(bad)} values are NaN or infinite, the first at feature {bad[0][0]}, channel {bad[0][1]}"
            self.report(index, found, "expected finite float32 numbers")
            return None
        return features


def open_inputs(inputs, feature_dim, class_names, rule, durations=None, prefix=""):
    """Finds and checks feature files.

    Args:
      inputs: names of files, folders and glob patterns; of a folder its own .npy and .npz files are taken.
      feature_dim: D, channels that the network takes.
      class_names: name of every class.
      rule: GridRule of the run.
      durations: dict from video to seconds, see `read_durations`. Every video needs one where features are spread
        evenly over a video.
      prefix: what the names of feature files have before the video's.

    Returns:
      UnlabelledFeatures of the files that can be used, with the problems of the others. It may be empty.

    Raises:
      UserError: there is no file at all.
    """
    if not inputs:
        raise UserError("--input is missing: give feature files, a folder of them or a pattern: 'features/*.npy'.")
    durations = durations or {}
    paths, problems = find_files(inputs, SUFFIXES)
    if not paths:
        raise UserError("--input: no feature file was found:\n" + "\n".join(f"  {problem}" for problem in problems))
    wrong_names = {path: problem for path in paths if (problem := name_problem(path))}
    problems += wrong_names.values()
    usable = []
    for video_id, same_name in by_name((path for path in paths if path not in wrong_names), SUFFIXES, prefix).items():
        if len(same_name) > 1:
            problems += name_clash(video_id, same_name)
            continue
        found, wrong = _check_file(video_id, same_name[0], feature_dim)
        if not wrong and rule.stride <= 0 and video_id not in durations:
            wrong = [Problem(str(same_name[0]), 0, "no duration of this video", "expected its seconds in --durations")]
        problems += wrong
        usable += [] if wrong else [found]
    return UnlabelledFeatures(
        usable, Form(feature_dim, "first", rule.sample_rate, class_names), problems, rule, durations
    )


def _store(video_id, path):
    return Stream(path.parent, path.name.removesuffix(path.suffix).removesuffix(video_id), path.suffix)


def _check_file(video_id, path, feature_dim):
    """(Input, problems) of one file by its header."""
    if path.suffix not in SUFFIXES:
        return None, [Problem(str(path), 0, f"a {path.suffix or 'nameless'} file", "expected .npy or .npz")]
    try:
        length, width = _store(video_id, path).shape(video_id)
        status = os.stat(path)
    except FeatureFileError as error:
        return None, [Problem(str(path), 0, str(error))]
    except OSError as error:
        return None, [Problem(str(path), 0, f"file cannot be read ({error.strerror})")]
    if width != feature_dim:
        expected = f"the network takes {feature_dim}, in files of shape (features, channels)"
        if length == feature_dim:
            expected += ": this one looks transposed; save its .T instead"
        return None, [Problem(str(path), 0, f"{width} channels (shape {(length, width)})", expected)]
    return Input(video_id, path, status.st_size, status.st_mtime_ns, int(length)), []
