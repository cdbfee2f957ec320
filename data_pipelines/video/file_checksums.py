"""Checksums of the files of videos, so that a run is not continued with others of the same length.

A checksum reads a whole file, or all images of a folder: as long as a copy of it takes. So it is noted beside the run,
and made anew only where the name, the size or the times of a file are others than before.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping

from tqdm import tqdm

from data_pipelines.core.finite import stat_digest
from data_pipelines.video.image_folder import image_names
from fact_jax.files import atomic_write_text, open_data, read_data
from fact_jax.types import UserError

NOTES_FILE = "checksums.json"
_MAX_NOTES_BYTES = 2**30
_DIGITS = 32  # of a SHA-256, hexadecimal: enough to tell any two videos apart


@dataclasses.dataclass(frozen=True)
class VideoChecksums:
    """Checksums by name of a video; how many files were read for them, and their bytes."""

    checksums: dict[str, str]
    num_files: int
    num_bytes: int


def files_of(path) -> list[pathlib.Path]:
    """The file of a video, or the images of its folder in the order of their names; raises OSError."""
    path = pathlib.Path(path)
    return [path / name for name in sorted(image_names(os.listdir(path)))] if path.is_dir() else [path]


def file_checksums(paths: Mapping[str, str], folder: pathlib.Path, digits: int = _DIGITS) -> VideoChecksums:
    """Checksums of the content of videos, {name: path of a file or of a folder of images}.

    `folder` is where they are noted for the next time. Where a file lies and when it was written does not count, and
    neither does the name of a file; those of the images of a folder do, because they give their order. A checksum has
    `digits` digits, which are the same for all that is noted in one folder.

    Raises UserError where a file cannot be read or the notes cannot be written.
    """
    # Several names may be those of parts of one video, whose file is read once.
    places = {name: os.path.realpath(path) for name, path in paths.items()}
    notes = folder / NOTES_FILE
    noted, states, found, missing, sizes = _read(notes), {}, {}, {}, {}
    try:
        for name, place in places.items():
            if place in states:
                continue
            files = files_of(paths[name])
            states[place] = stat_digest((), files)
            state, checksum = noted.get(place, ("", ""))
            if state == states[place]:
                found[place] = checksum
            else:
                missing[place], sizes[place] = files, sum(file.stat().st_size for file in files)
        try:
            for place, checksum in _checksums(missing, sizes):
                found[place] = checksum[:digits]
        finally:
            # Of a run that is stopped here as well: what was read need not be read again.
            if missing.keys() & found.keys():
                _write(notes, {place: [states[place], checksum] for place, checksum in found.items()})
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}.") from error
    checksums = {name: found[place] for name, place in places.items()}
    return VideoChecksums(checksums, sum(map(len, missing.values())), sum(sizes.values()))


def _checksums(files, sizes):
    """Yields (place, checksum) of {place: files of a video}, with a bar on a terminal; `sizes` are their bytes."""
    pool = concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    told = {"desc": "Reading videos for their checksums", "unit": "B", "unit_scale": True}
    try:
        with tqdm(total=sum(sizes.values()), disable=None, leave=False, delay=1.0, **told) as bar:
            for place, checksum in zip(files, pool.map(_checksum, files.values()), strict=True):
                yield place, checksum
                bar.update(sizes[place])
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the files that have not begun


def _write(notes, kept):
    try:
        atomic_write_text(notes, json.dumps(kept) + "\n")
    except OSError as error:
        raise UserError(f"{notes} cannot be written: {error.strerror}.") from error


def _checksum(files):
    digest = hashlib.sha256()
    for file in files:
        with open_data(file) as content:
            own = hashlib.file_digest(content, "sha256")
        if len(files) == 1:
            return own.hexdigest()
        digest.update(repr((file.name, own.hexdigest())).encode())
    return digest.hexdigest()


def _read(path):
    """{path of a video: (state, checksum)}; {} where there are no notes that can be read."""
    try:
        rows = json.loads(read_data(path, _MAX_NOTES_BYTES))
        return {place: (str(state), str(checksum)) for place, (state, checksum) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
