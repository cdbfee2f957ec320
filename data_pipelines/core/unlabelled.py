"""Feature files of videos nobody has labelled: found, checked one by one, served in the batches of an evaluation.

A file that cannot be used is a problem that is noted, never one that stops the others. What a header tells (type,
shape, width, completeness) is checked when the files are listed. Values are checked, in pieces, just before a video is
read, so that no more videos are in memory than the batches in flight.
"""

import dataclasses
import os
import pathlib
import threading
import unicodedata

import numpy as np

from data_pipelines.core.buckets import choose_buckets
from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels, read_features, read_header
from data_pipelines.core.input_files import find_files
from data_pipelines.core.validation import scan_file
from data_pipelines.segmentation import transcripts
from data_pipelines.segmentation.annotations import Problem
from fact_jax.ops.resampling import downsampled_length
from fact_jax.types import UserError, Video

_TRANSCRIPT_MULTIPLE = 16
# Control characters, and what stands for bytes that are not UTF-8: a name with them cannot be shown or stored as text.
_UNSTORABLE = ("Cc", "Cs")
_SHAPES = {"last": "(channels, frames)", "first": "(frames, channels)"}


@dataclasses.dataclass(frozen=True)
class Form:
    """What the feature files of a model look like.

    Attributes:
      feature_dim: D, channels.
      time_axis: "last" for files (D, T), "first" for (T, D).
      sample_rate: one frame in this many is used.
      class_names: name of every class, by class id.
    """

    feature_dim: int
    time_axis: str
    sample_rate: int
    class_names: tuple


@dataclasses.dataclass(frozen=True)
class Input:
    """One feature file.

    Attributes:
      video_id: the file's name without ".npy".
      path: absolute.
      size, mtime_ns: bytes and time of the last change when the file was listed.
      num_frames: N, at the full rate.
      transcript: class ids in order; None where the model needs none.
    """

    video_id: str
    path: pathlib.Path
    size: int
    mtime_ns: int
    num_frames: int
    transcript: tuple | None = None


class UnlabelledVideos:
    """A `fact_jax.types.VideoSource` over feature files; all labels are 0.

    A file that turns out unusable when it is read (NaN, Inf, changed since) is noted as a problem and gives zeros, so
    that the other videos of its batch are served: ask `is_bad` before using what was computed from a video. Reading
    from several threads at once is safe. Nothing is kept in memory.

    Attributes:
      inputs: Input of every video.
      problems: list of Problem, what was found when the files were listed and since; shared with `select`.
      video_ids, class_names, feature_dim, lengths: as in `VideoSource`.
      sample_rate: one frame in this many is used.
      transcripts: dict from video id to int32 [S], for `EvalBatches`; None where the model needs none.
      max_segments: what transcripts are padded to, a multiple of 16, so that few lengths are compiled.
    """

    def __init__(self, inputs, form, problems, bad_paths=None):
        self.inputs = tuple(inputs)
        self.problems = problems
        self.video_ids = tuple(video.video_id for video in self.inputs)
        self.class_names = tuple(form.class_names)
        self.feature_dim = form.feature_dim
        self.sample_rate = form.sample_rate
        self.lengths = np.array([downsampled_length(video.num_frames, form.sample_rate) for video in inputs], np.int64)
        self.transcripts = None
        if any(video.transcript is not None for video in self.inputs):
            self.transcripts = {video.video_id: np.array(video.transcript, np.int32) for video in self.inputs}
        longest = max((len(video.transcript or ()) for video in self.inputs), default=0)
        self.max_segments = max(1, -(-longest // _TRANSCRIPT_MULTIPLE)) * _TRANSCRIPT_MULTIPLE
        self._form = form
        self._bad_paths = {} if bad_paths is None else bad_paths
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        index = range(len(self))[index]
        length = int(self.lengths[index])
        features = self._read(index)
        if features is None:
            features = np.zeros((length, self.feature_dim), np.float32)
        labels = np.zeros(length, np.int32)
        return Video(self.video_ids[index], features, labels, np.zeros(self.inputs[index].num_frames, np.int32))

    def select(self, positions):
        """The videos at these positions, as a source of their own."""
        return UnlabelledVideos(
            [self.inputs[position] for position in positions], self._form, self.problems, self._bad_paths
        )

    def extent(self, index):
        """(N,), frames of a video at the full rate."""
        return (self.inputs[index].num_frames,)

    def is_bad(self, index):
        """Whether a problem of this video was found after the files were listed."""
        return self.inputs[index].path in self._bad_paths

    def report(self, index, found, expected=""):
        """Notes a problem of one video; only the first one of a video counts."""
        path = self.inputs[index].path
        with self._lock:
            if path not in self._bad_paths:
                self._bad_paths[path] = Problem(str(path), 0, found, expected)
                self.problems.append(self._bad_paths[path])

    def _read(self, index):
        """float32 [T, D], or None after reporting why there is none."""
        path, form = self.inputs[index].path, self._form
        try:
            header = read_header(path)
            if frames_and_channels(header.shape, form.time_axis) != (self.inputs[index].num_frames, form.feature_dim):
                raise FeatureFileError(f"shape {header.shape}; the file has changed since it was listed")
            for problem in scan_file(path, header, form.time_axis):
                self.report(index, problem.found, problem.expected)
                return None
            return read_features(path, form.time_axis, sample_rate=form.sample_rate)
        except FeatureFileError as error:
            self.report(index, str(error))
            return None


def open_inputs(inputs, form, *, transcript_dir=None):
    """Finds and checks feature files.

    Args:
      inputs: names of .npy files, folders and glob patterns. Of a folder its own .npy files are taken, not those of
        sub-folders; the pattern "FOLDER/**/*.npy" takes those as well.
      form: Form of the files.
      transcript_dir: folder with VIDEO.txt for every video, for a model that needs transcripts; else None.

    Returns:
      UnlabelledVideos of the files that can be used, with the problems of the others. It may be empty.

    Raises:
      UserError: there is no file at all, or `transcript_dir` is not a folder.
    """
    if not inputs:
        raise UserError("--input is missing: give .npy files, a folder of them or a pattern such as 'features/*.npy'.")
    if transcript_dir is not None:
        transcript_dir = os.path.expanduser(transcript_dir)
        if not os.path.isdir(transcript_dir):
            raise UserError(
                f"--transcripts {transcript_dir} is not a folder; expected one with VIDEO.txt for every video."
            )
    paths, problems = find_files(inputs)
    if not paths:
        raise UserError("--input: no feature file was found:\n" + "\n".join(f"  {problem}" for problem in problems))
    wrong_names = {path: problem for path in paths if (problem := name_problem(path))}
    problems += wrong_names.values()
    usable, names = [], []
    for video_id, same_name in by_name(path for path in paths if path not in wrong_names).items():
        if len(same_name) > 1:
            problems += name_clash(video_id, same_name)
            continue
        found, wrong = _check_file(same_name[0], form)
        problems += wrong
        usable += [] if wrong else [found]
        names.append(video_id)
    if transcript_dir is not None:
        read, wrong = transcripts.collect_transcripts(transcript_dir, names, form.class_names)
        problems += wrong
        usable = [
            dataclasses.replace(video, transcript=tuple(read[video.video_id].tolist()))
            for video in usable
            if video.video_id in read
        ]
    return UnlabelledVideos(usable, form, problems)


def prediction_buckets(lengths, trained, max_buckets, max_padding=0.0):
    """Padded lengths for videos of any length: those of the training run that are of use, and more for longer videos.

    Args:
      lengths: frames of every video, after sampling.
      trained: padded lengths of the run.
      max_buckets: most lengths to add beyond the last of these.
      max_padding: share of padding that is small enough for fewer of them, see `buckets.choose_buckets`.

    Returns:
      Ascending tuple of ints.
    """
    lengths = np.asarray(lengths, np.int64)
    trained = np.array(sorted(trained), np.int64)
    places = np.searchsorted(trained, lengths)
    used = np.unique(places[places < trained.size])
    longer = lengths[places == trained.size]
    return tuple(trained[used].tolist()) + choose_buckets(longer, max_buckets, max_padding)


def by_name(paths, suffixes=(".npy",), prefix=""):
    """{video id: [path]} of files with these endings; `prefix` is no part of the id."""
    groups = {}
    for path in paths:
        name = _without(path.name, suffixes)
        groups.setdefault(name.removeprefix(prefix) or name, []).append(path)
    return groups


def _without(name, suffixes):
    return next((name.removesuffix(suffix) for suffix in suffixes if name.endswith(suffix)), name)


def name_clash(video_id, paths):
    """A problem for every one of several files that would give the same result files."""
    expected = "expected one file per video name; predict them with a different --output each"
    return [
        Problem(str(path), 0, f"video {video_id!r} is also {next(other for other in paths if other != path)}", expected)
        for path in paths
    ]


def name_problem(path):
    """A problem if the file or its folder has a name that cannot be shown or stored as text, else None."""
    parts = {"folder": str(path.parent), "file": path.name}
    wrong = [what for what, part in parts.items() if any(unicodedata.category(c) in _UNSTORABLE for c in part)]
    if not wrong:
        return None
    what = " and the ".join(wrong)
    found = f"control characters or bytes that are not UTF-8 in the name of the {what}"
    return Problem(ascii(str(path)), 0, found, f"rename the {what}")


def _check_file(path, form):
    """Returns (Input, problems) of one file by its header; None for the Input of a file with problems."""
    if os.path.exists(path) and not os.path.isfile(path):
        return None, [Problem(str(path), 0, "not a regular file", "expected a .npy file")]
    try:
        header = read_header(path)
        status = os.stat(path)
    except FeatureFileError as error:
        return None, [Problem(str(path), 0, str(error))]
    except OSError as error:
        return None, [Problem(str(path), 0, f"file cannot be read ({error.strerror})")]
    num_frames, width = frames_and_channels(header.shape, form.time_axis)
    if width == form.feature_dim:
        name = path.name.removesuffix(".npy")
        return Input(name, path, status.st_size, status.st_mtime_ns, num_frames), []
    expected = f"the model takes {form.feature_dim}, in files of shape {_SHAPES[form.time_axis]}"
    if num_frames == form.feature_dim:
        expected += ": this one looks transposed; save its .T instead"
    return None, [Problem(str(path), 0, f"{width} channels (shape {header.shape})", expected)]
