"""Durations of videos, for predictions: how long a video is cannot always be told from its features."""

import json
import math
import pathlib

from data_pipelines.localization.annotations import UNKNOWN_DURATION, read_database
from fact_jax.files import read_data
from fact_jax.types import UserError


def read_durations(path):
    """Reads a file with the seconds of every video: {video: float}; a UserError names all that is wrong.

    It is .json, {VIDEO: seconds}, or annotations with a "duration" for every video (.json, .json.gz; see
    `annotations.read_database`); there, videos without one are left out.
    """
    path = pathlib.Path(path).expanduser()
    plain = _read_plain(path) if path.suffix == ".json" else None
    if plain is not None:
        wrong = [f"{path}: video {video!r}: {value!r}" for video, value in plain.items() if not _is_duration(value)]
        if wrong:
            raise UserError("\n".join([*wrong[:20], "Expected seconds, numbers more than 0."]))
        return {video: float(value) for video, value in plain.items()}
    database, problems = read_database(path)
    if problems:
        raise UserError("--durations:\n" + "\n".join(f"  {problem}" for problem in problems))
    return {name: video.duration for name, video in database.videos.items() if video.duration < UNKNOWN_DURATION}


def _read_plain(path):
    """{VIDEO: anything}, or None where the file is something else, which `read_database` then has words for."""
    try:
        content = json.loads(read_data(path))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and not isinstance(content.get("database"), dict) else None


def _is_duration(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
