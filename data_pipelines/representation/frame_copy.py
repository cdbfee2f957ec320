"""The prepared copy of raw videos: a frame is a record of its own, so that few frames of a long video are few reads.

Frames are stored as they are decoded, uint8, which array_record makes smaller without loss; so a copy gives what the
files give, pixel for pixel. As JPEG they take a fraction of that, and pixels differ. Labels and lists stay where they
are: they are small, and what is made of them depends on the settings. (`tfds.features.Video` would need TensorFlow.)
"""

import dataclasses
import functools
import io
import os
import pathlib

import av
import numpy as np
from PIL import Image

from data_pipelines.core import prepared_copy
from data_pipelines.core.finite import stat_digest
from data_pipelines.core.prepared_copy import CopiedRecords, CopyBuilder, CopyContents
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count
from data_pipelines.representation.folder import COPY_DIR
from data_pipelines.video.checks import CheckedVideos
from data_pipelines.video.file_checksums import files_of
from data_pipelines.video.raw_video import RawVideo
from fact_jax.files import readable_size
from fact_jax.types import UserError

SPLIT = "frames"
_READ_AT_ONCE = 16  # frames that are held while a copy is written
_LEAST_JPEG = 20  # bytes of a frame to those of a JPEG of it: so many at most


class VideoFrames(CopyBuilder):
    """Frames of raw videos, in the order of the videos."""

    RECORDS_PER_SHARD = 1024


class CopiedVideo(RawVideo):
    """A video whose frames are read from a copy; `path` is that of the video that it was made from."""

    def __init__(self, path, facts, first, frames):
        """`facts` are those of `_facts`, `first` the number of its first record in `frames`, a `_Frames`."""
        self.path, self._first, self._frames, self._name = str(path), first, frames, facts["path"]
        self.size, self.rate, self.times = tuple(facts["size"]), facts["rate"], _times(facts)
        self.warnings, self.is_cut_off = tuple(facts["warnings"]), facts["is_cut_off"]

    def _decode(self, numbers):
        for place, number in enumerate(numbers.tolist()):
            frame = self._frames.read(self._first + number, _record(self._name, number), self.size)
            yield place, functools.partial(np.copyto, src=frame)


class FrameCopy:
    """The copy that a RepresentationDataConfig asks for, as it lies there."""

    def __init__(self, data, root):
        """Raises a UserError if it is damaged. `root` is the folder of the dataset."""
        self.directory, self._data, self._root = copy_directory(data), data, root
        self._metadata = prepared_copy.read_metadata(self.directory, _check_metadata)

    def covers(self, paths):
        """Whether all these files are in it, in the state and the form in which they are asked for."""
        if self._metadata is None or self._metadata["form"] != _form(self._data):
            return False
        states = {facts["path"]: facts["state"] for facts in self._metadata["videos"] + self._metadata["left_out"]}
        return all(states.get(_relative(path, self._root)) == _state(path) for path in paths.values())

    def checked(self, paths) -> CheckedVideos:
        """What `check_videos` gave of these files when the copy was made, with CopiedVideos; it `covers` them.

        Raises a UserError if records are missing: a file of them that is cut off opens as an empty one.
        """
        names = {_relative(path, self._root): name for name, path in paths.items()}
        videos, notes, first = {}, [], 0
        frames = _Frames(self.directory, sum(facts["num_frames"] for facts in self._metadata["videos"]))
        for facts in self._metadata["videos"]:
            if name := names.get(facts["path"]):
                videos[name] = CopiedVideo(paths[name], facts, first, frames)
                notes += [f"{paths[name]}: {remark}" for remark in facts["remarks"]]
            first += facts["num_frames"]
        problems = [
            Problem(str(self._root / path), *told)
            for facts in self._metadata["left_out"]
            if facts["path"] in names
            for path, *told in facts["problems"]
        ]
        return CheckedVideos({name: videos[name] for name in paths if name in videos}, problems, notes)

    def note(self):
        """A line on what is read."""
        quality = self._data.copy_quality
        form = f"JPEG of quality {quality}, so that pixels differ from those of the files" if quality else "every pixel"
        frames = count(sum(facts["num_frames"] for facts in self._metadata["videos"]), "frame")
        size = readable_size(sum(path.stat().st_size for path in self.directory.iterdir()))
        return f"Frames are read from the copy in {self.directory}: {frames}, {size}, {form}"


def copy_directory(data):
    """Where the copy lies."""
    root = os.path.expanduser(data.tfds_dir or str(pathlib.Path(data.dir) / COPY_DIR))
    return prepared_copy.copy_directory(VideoFrames, root, data.dataset)


def write_copy(data, root, paths, checked) -> FrameCopy:
    """Writes the copy of files, {name: path}, of which `check_videos` gave `checked`; see `prepared_copy.prepare`."""
    videos = [(name, paths[name], video) for name, video in checked.videos.items()]
    facts = [_facts(_relative(path, root), path, video, checked.notes) for _, path, video in videos]
    left_out = [
        {"path": _relative(path, root), "state": _state(path), "problems": _problems_of(path, root, checked.problems)}
        for name, path in paths.items()
        if name not in checked.videos
    ]
    records = [_record(own["path"], number) for own in facts for number in range(own["num_frames"])]
    frames = (frame for _, _, video in videos for frame in _in_order(video))
    sizes = [own["size"][0] * own["size"][1] * 3 for own in facts for _ in range(own["num_frames"])]
    quality = data.copy_quality
    contents = CopyContents(
        name=data.dataset,
        source=root,
        reader="videos",
        splits={SPLIT: records},
        arrays={"frame": ((None,), np.uint8) if quality else ((None, None, 3), np.uint8)},
        read=lambda record: {"frame": _as_jpeg(next(frames), quality) if quality else next(frames)},
        num_bytes=dict(zip(records, [size // (_LEAST_JPEG if quality else 1) for size in sizes], strict=True)),
        metadata={
            "fingerprint": stat_digest((_form(data), facts, left_out), ()),
            "form": _form(data),
            "videos": facts,
            "left_out": left_out,
        },
    )
    prepared_copy.prepare(VideoFrames, contents, copy_directory(data).parents[2], _check_metadata)
    return FrameCopy(data, root)


class _Frames:
    """The records of a copy, opened anew in every process that gets one of these."""

    def __init__(self, directory, num_frames):
        self._directory, self._num_frames, self._records = directory, num_frames, None
        self._opened()

    def __getstate__(self):
        return self.__dict__ | {"_records": None}

    def read(self, place, name, size):
        """uint8 [H, W, 3], the frame of this record; a UserError if another is there."""
        found = self._opened().array("frame", place, name)
        frame = self._from_jpeg(found) if found.ndim == 1 else found
        if frame.shape != (*size, 3):
            raise self._damaged(f"record {place} has a picture {frame.shape[:2]}, expected {size}")
        return frame

    def _opened(self):
        if self._records is None:
            records = CopiedRecords(self._directory, SPLIT)
            if len(records) != self._num_frames:
                raise self._damaged(f"it has {len(records)} of {count(self._num_frames, 'frame')}")
            self._records = records
        return self._records

    def _from_jpeg(self, content):
        try:
            return np.asarray(Image.open(io.BytesIO(content.tobytes()), formats=("JPEG",)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise self._damaged(f"a picture cannot be read, {error}") from error

    def _damaged(self, reason):
        return UserError(f"{self._directory} is damaged ({reason}): delete this folder to have it prepared again.")


def _as_jpeg(frame, quality):
    """uint8 [bytes]."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def _in_order(video):
    for frames in video.batches(range(len(video)), _READ_AT_ONCE):
        yield from frames


def _facts(name, path, video, notes):
    """What must be known of a video without reading a record."""
    steady = np.array_equal(video.times, np.arange(len(video)) / video.rate)
    start = f"{video.path}: "
    return {
        "path": name,
        "state": _state(path),
        "num_frames": len(video),
        "size": [int(side) for side in video.size],
        "rate": float(video.rate),
        "times": None if steady else np.asarray(video.times, float).tolist(),
        "warnings": list(video.warnings),
        "is_cut_off": video.is_cut_off,
        "remarks": [note.removeprefix(start) for note in notes if note.startswith(start)],
    }


def _problems_of(path, root, problems):
    """Those of a file, or of a folder or one of its images, as JSON has them."""
    own = [problem for problem in problems if problem.path == str(path) or problem.path.startswith(f"{path}{os.sep}")]
    return [[_relative(problem.path, root), problem.line, problem.found, problem.expected] for problem in own]


def _times(facts):
    return np.arange(facts["num_frames"]) / facts["rate"] if facts["times"] is None else np.asarray(facts["times"])


def _record(name, number):
    return f"{name}:{number}"


def _relative(path, root):
    return os.path.relpath(path, root)


def _form(data):
    """What the frames of a copy depend on beside the files, as JSON has it."""
    return {"video": dataclasses.asdict(data.video), "quality": data.copy_quality, "decoder": f"PyAV {av.__version__}"}


def _state(path):
    """What tells that a file, or the images of a folder, are still the same."""
    try:
        return stat_digest((), files_of(path))
    except OSError as error:
        return f"no file: {error.strerror}"


def _check_metadata(metadata):
    """Raises ValueError, LookupError or TypeError unless this is what `write_copy` writes."""
    for facts in metadata["videos"]:
        if not (len(_times(facts)) == facts["num_frames"] > 0 and len(facts["size"]) == 2):
            raise ValueError(f"facts of {facts['path']!r}")
    for facts in metadata["left_out"]:
        if any(len(problem) != 4 for problem in facts["problems"]):
            raise ValueError(f"facts of {facts['path']!r}")
    if not isinstance(metadata["form"], dict):
        raise ValueError("form of its frames")
