"""Keeps frame indices in a folder beside a run, so that a video is gone through once."""

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import av
import numpy as np

from data_pipelines.video.errors import VideoError
from data_pipelines.video.frame_index import FrameIndex, make_index
from fact_jax.files import atomic_write_bytes, open_data

# Counts up where an index of the same file would hold something else.
_VERSION = 1
_ARRAYS = ("pts", "key_pts", "key_packets")


def file_state(path):
    """What tells that a file is still the same one: [size, time of change in ns, time of its state in ns]."""
    try:
        with open_data(path) as file:
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        raise VideoError(path, "file is missing", "correct the name") from None
    except OSError as error:
        raise VideoError(path, f"file cannot be read ({error.strerror})", "expected a regular file") from error
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def find_index(path, config, folder=None):
    """Returns (FrameIndex, file_state) of a video: as kept in `folder`, or made anew and kept there.

    Raises VideoError as `make_index`, whose findings of unusable videos are not kept, and WriteError.
    """
    state = file_state(path)
    if folder is None:
        return make_index(path, config), state
    # Of the settings, those that an index hangs on.
    key = [_VERSION, av.__version__, os.path.realpath(path), *state, config.stream, config.rate]
    kept = Path(folder) / f"{hashlib.sha256(key[2].encode(errors='surrogateescape')).hexdigest()[:32]}.npz"
    index = _read(kept, key)
    if index is None:
        index = make_index(path, config)
        if file_state(path) != state:
            raise VideoError(path, "the file changes while it is read", "wait until it is complete")
        _write(kept, key, index)
    return index, state


def _read(path, key):
    """The index that is kept for `key`, or None: none is, it is that of another state, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            fields = json.loads(stored["fields"].tobytes())
            if fields.pop("key") != key:
                return None
            fields |= {"size": tuple(fields["size"]), "time_base": tuple(fields["time_base"])}
            fields["warnings"] = tuple(fields["warnings"])
            return FrameIndex(**fields, **{name: stored[name] for name in _ARRAYS})
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile):
        return None


def _write(path, key, index):
    fields = {field.name: getattr(index, field.name) for field in dataclasses.fields(index)}
    arrays = {name: fields.pop(name) for name in _ARRAYS}
    buffer = io.BytesIO()
    text = json.dumps(fields | {"key": key}).encode()
    np.savez(buffer, fields=np.frombuffer(text, np.uint8), **arrays)
    atomic_write_bytes(path, buffer.getvalue())
