"""Scores that another system gave to the classes of whole videos, which name the detections of a class-agnostic one."""

import dataclasses
import json
import pathlib
import zipfile
import zlib

import numpy as np

from fact_jax.files import MAX_TEXT_BYTES, open_data, read_data
from fact_jax.types import UserError, nearest

_MAX_CLASSES = 100_000
_CONVERT = (
    "Pickles are not read, as they run code. Where you trust the file, load it in Python once and write its scores "
    "with json.dump({{video: [float(s) for s in values] for video, values in scores.items()}}, "
    "open('{stem}.json', 'w')); then give {stem}.json."
)


@dataclasses.dataclass(frozen=True)
class VideoClassScores:
    """What a classifier of whole videos said: float32 [C] by video, 0 or more; names of the classes or None."""

    by_video: dict
    names: tuple | None

    @property
    def num_classes(self):
        return max(map(len, self.by_video.values()), default=0)


def read_class_scores(path, video_ids, asked_by="config.data.external_scores"):
    """Reads a file of scores: VideoClassScores of `video_ids`.

    Args:
      path: .json, {VIDEO: [score of class 0, 1, ...]}, which may lie under a key "results" beside one "class" with the
        names of the classes; or .npz with an array for every video, of its name.
      asked_by: the setting or flag that names the file, for messages.

    Raises:
      UserError: the file cannot be read, is a pickle, lacks a video, or holds something else than C numbers for each.
    """
    path = pathlib.Path(path)
    readers = {".json": _read_json, ".npz": _read_npz}
    if path.suffix in (".pkl", ".pickle"):
        raise UserError(f"{path}: scores in a pickle. " + _CONVERT.format(stem=path.stem))
    if path.suffix not in readers:
        raise UserError(f"{path}: expected scores in a .json or .npz file ({asked_by}).")
    if not path.is_file():
        raise UserError(
            f"{path} is missing: scores of the classes for every video ({asked_by}). Without them actions have no "
            'names: leave the flag out, or set --config.data.external_scores="".'
        )
    found, names = readers[path.suffix](path, set(video_ids))
    missing = [video for video in video_ids if video not in found]
    if missing:
        guess = nearest(missing[0], found)
        hint = f" It has {guess!r}." if guess else ""
        count = f"{len(missing)} of {len(video_ids)}"
        raise UserError(f"{path} has no scores of {count} videos, such as {missing[0]!r}.{hint}")
    scores = {video: _check(path, video, found[video]) for video in video_ids}
    sizes = {len(values) for values in scores.values()}
    if len(sizes) > 1:
        raise UserError(f"{path}: videos have {min(sizes)} to {max(sizes)} scores; expected one per class for each.")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return VideoClassScores(scores, tuple(names) if is_list and sizes == {len(names)} else None)


def _check(path, video, values):
    try:
        scores = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        scores = np.zeros(0)
    if scores.ndim != 1 or not 0 < len(scores) <= _MAX_CLASSES or not np.isfinite(scores).all() or scores.min() < 0:
        raise UserError(f"{path}: the scores of video {video!r} are no list of numbers of 0 or more.")
    return scores


def _read_json(path, wanted):
    try:
        content = json.loads(read_data(path, 4 * MAX_TEXT_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    names = content.get("class") if isinstance(content, dict) and "results" in content else None
    content = content.get("results", content) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected {{VIDEO: [score of every class]}}.")
    return {video: values for video, values in content.items() if video in wanted} or content, names


def _read_npz(path, wanted):
    try:
        with open_data(path) as file, np.load(file, allow_pickle=False) as archive:
            return {video: archive[video] for video in archive.files if video in wanted}, None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
