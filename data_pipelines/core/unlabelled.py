"""Feature files of videos nobody has labelled: found, checked one by one, served in the batches of an evaluation.

A file that cannot be used is a problem that is noted, never one that stops the others. What a header tells (type,
shape, width, completeness) is checked when the files are listed. Values are checked just before a video is read, so
that no more videos are in memory than the batches in flight.
"""

import dataclasses
import os
import pathlib
import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from data_pipelines.core.buckets import choose_buckets
from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels
from data_pipelines.core.input_files import FILE_IS_MISSING, find_files
from data_pipelines.core.names import unstorable_in
from data_pipelines.core.problems import Problem
from data_pipelines.core.value_measures import measure
from fact_jax.files import sha256_of
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class Input:
    """One feature file, by its absolute path and as it was when the file was listed.

    Attributes:
      video_id: the file's name without its ending.
      size, mtime_ns, ctime_ns: bytes, and the times of the last change of content, which anybody can set, and of
        anything at all.
      num_frames: N, as they are stored.
      transcript: class ids in order; None where the model needs none.
      sha256: of the content; "" before it was read.
    """

    video_id: str
    path: pathlib.Path
    size: int
    mtime_ns: int
    ctime_ns: int
    num_frames: int
    transcript: tuple | None = None
    sha256: str = ""


class InputReader(Protocol):
    """How a kind of dataset reads feature files without labels.

    Attributes:
      suffixes, prefix: of the names of feature files; the prefix is no part of the video's.
      time_axis: "last" for arrays (D, N), "first" for (N, D); `form` says it in words.
      feature_dim, class_names: D, channels that the model takes; names by class id.
    """

    suffixes: tuple
    prefix: str
    time_axis: str
    form: str
    feature_dim: int
    class_names: Sequence[str]

    def shape(self, video_id, path):
        """Shape of a file by its header; raises FeatureFileError or OSError if it cannot be used."""

    def length(self, video):
        """T of an Input."""

    def read(self, video):
        """float32 [T, D] of an Input; raises FeatureFileError if there are none, or NaN or Inf among them."""

    def example(self, video, features):
        """What a source gives for an Input."""

    def extent(self, video):
        """The arguments of a predictor that tell how long a video is."""


class UnlabelledVideos:
    """A `fact_jax.types.VideoSource` of Inputs without labels.

    A file that turns out unusable when it is read (NaN, Inf, changed since) is noted as a problem and gives zeros, so
    that the other videos of its batch are served: ask `is_bad` before using what was computed from a video. Reading
    from several threads at once is safe. Nothing is kept in memory. `problems` are those found when the files were
    listed and since; sources made by `select` share them. `unusable` are the videos that had one when they were listed.
    """

    def __init__(self, inputs, reader, problems, unusable=(), seen=None):
        self.unusable = tuple(unusable)
        self.inputs, self.reader, self.problems = tuple(inputs), reader, problems
        self.video_ids = tuple(video.video_id for video in self.inputs)
        self.class_names, self.feature_dim = tuple(reader.class_names), reader.feature_dim
        self.lengths = np.array([reader.length(video) for video in self.inputs], np.int64)
        # By path: problems of those that are bad, checksums and VideoValues of those that were read.
        self._seen = _Seen() if seen is None else seen

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        index = range(len(self))[index]
        try:
            features = self.reader.read(self.inputs[index])
            self._seen.digests[self.inputs[index].path] = _digest(self.inputs[index])
            self._seen.values[self.inputs[index].path] = measure(features)
        except FeatureFileError as error:
            self.report(index, str(error))
            features = np.zeros((int(self.lengths[index]), self.feature_dim), np.float32)
        return self.reader.example(self.inputs[index], features)

    def select(self, positions):
        """The videos at these positions, as a source of their own."""
        return self.changed([self.inputs[position] for position in positions])

    def changed(self, inputs=None, reader=None, unusable=()):
        """A source with other inputs or another InputReader that shares the problems; `unusable` come to the others."""
        inputs = self.inputs if inputs is None else inputs
        return UnlabelledVideos(inputs, reader or self.reader, self.problems, (*self.unusable, *unusable), self._seen)

    def read_input(self, index):
        """The Input of a video that was read, with the checksum of what was read."""
        video = self.inputs[index]
        return dataclasses.replace(video, sha256=self._seen.digests[video.path])

    def measured(self):
        """VideoValues by video of those that were read."""
        values = self._seen.values
        return {video.video_id: values[video.path] for video in self.inputs if video.path in values}

    def extent(self, index):
        """See InputReader.extent."""
        return self.reader.extent(self.inputs[index])

    def is_bad(self, index):
        """Whether a problem of this video was found after the files were listed."""
        return self.inputs[index].path in self._seen.bad

    def report(self, index, found, expected=""):
        """Notes a problem of one video; only the first one of a video counts."""
        path = self.inputs[index].path
        with self._seen.lock:
            if path not in self._seen.bad:
                self._seen.bad[path] = Problem(str(path), 0, found, expected)
                self.problems.append(self._seen.bad[path])


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What is known of files that were read, by path; sources that share it may read at once."""

    bad: dict = dataclasses.field(default_factory=dict)
    digests: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)


def _digest(video):
    """SHA-256 of the file of an Input; a FeatureFileError if it is not as it was when it was listed."""
    try:
        digest, status = sha256_of(video.path), os.stat(video.path)
    except OSError as error:
        raise FeatureFileError(f"file cannot be read ({error.strerror})") from None
    if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) != (video.size, video.mtime_ns, video.ctime_ns):
        raise FeatureFileError("the file has changed since it was listed")
    return digest


def open_files(inputs, reader):
    """Finds and checks feature files.

    Returns:
      (UnlabelledVideos of the files that can be used, with the problems of the others; names of all videos). Of a
      folder its own feature files are taken; the pattern "FOLDER/**/*.npy" takes those of sub-folders as well.

    Raises:
      UserError: there is no file at all.
    """
    if not inputs:
        raise UserError("--input is missing: give feature files, a folder of them or a pattern: 'features/*.npy'.")
    paths, problems = find_files(inputs, reader.suffixes)
    if not paths:
        raise UserError("--input: no feature file was found:\n" + "\n".join(f"  {problem}" for problem in problems))
    missing = _by_name((pathlib.Path(problem.path) for problem in problems if problem.found == FILE_IS_MISSING), reader)
    wrong_names = {path: problem for path in paths if (problem := name_problem(path))}
    problems += wrong_names.values()
    usable, names, unusable = [], [], list(missing)
    for video_id, same_name in _by_name((path for path in paths if path not in wrong_names), reader).items():
        if len(same_name) > 1:
            problems += name_clash(video_id, same_name)
            unusable.append(video_id)
            continue
        found, wrong = _check_file(video_id, same_name[0], reader)
        problems += wrong
        usable += [] if wrong else [found]
        unusable += [video_id] if wrong else []
        names.append(video_id)
    return UnlabelledVideos(usable, reader, problems, unusable), names


def prediction_buckets(lengths, trained, max_buckets, max_padding=0.0):
    """Padded lengths for videos of any length: those of the training run that are of use, and more for longer videos.

    Args:
      lengths: frames of every video, after sampling.
      trained: padded lengths of the run.
      max_buckets: most lengths to add beyond the last of these.
      max_padding: share of padding that is small enough for fewer of them, see `buckets.choose_buckets`.
    """
    lengths = np.asarray(lengths, np.int64)
    trained = np.array(sorted(trained), np.int64)
    places = np.searchsorted(trained, lengths)
    used = np.unique(places[places < trained.size])
    longer = lengths[places == trained.size]
    return tuple(trained[used].tolist()) + choose_buckets(longer, max_buckets, max_padding)


def _by_name(paths, reader):
    """{video id: [path]}."""
    groups = {}
    for path in paths:
        name = next((path.name.removesuffix(end) for end in reader.suffixes if path.name.endswith(end)), path.name)
        groups.setdefault(name.removeprefix(reader.prefix) or name, []).append(path)
    return groups


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
    wrong = {what: found for what, part in parts.items() if (found := unstorable_in(part))}
    if not wrong:
        return None
    what = " and the ".join(wrong)
    kinds = "control characters, invisible ones or bytes that are not UTF-8"
    found = f"{kinds} ({', '.join(wrong.values())}) in the name of the {what}"
    return Problem(ascii(str(path)), 0, found, f"rename the {what}")


def _check_file(video_id, path, reader):
    """Returns (Input, problems) of one file by its header; None for the Input of a file with problems."""
    kinds = " or ".join(reader.suffixes)
    if not path.name.endswith(tuple(reader.suffixes)):
        ending = f"a name that ends in {path.suffix!r}" if path.suffix else "a name without an ending"
        return None, [Problem(str(path), 0, ending, f"expected a {kinds} file")]
    if os.path.exists(path) and not os.path.isfile(path):
        return None, [Problem(str(path), 0, "not a regular file", f"expected a {kinds} file")]
    try:
        shape = tuple(reader.shape(video_id, path))
        status = os.stat(path)
    except FeatureFileError as error:
        return None, [Problem(str(path), 0, str(error))]
    except OSError as error:
        return None, [Problem(str(path), 0, f"file cannot be read ({error.strerror})")]
    length, width = frames_and_channels(shape, reader.time_axis)
    if width == reader.feature_dim:
        return Input(video_id, path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, int(length)), []
    expected = f"the model takes {reader.feature_dim}, in files of shape {reader.form}"
    if length == reader.feature_dim:
        expected += ": this one looks transposed; save its .T instead"
    return None, [Problem(str(path), 0, f"{width} channels (shape {shape})", expected)]
