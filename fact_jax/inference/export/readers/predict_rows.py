"""Where the rows of a file of features lie in time, and rows of a video that is stretched to a fixed number.

Beside predict.py, for its command line and for networks whose videos are stretched; needs NumPy alone.
"""

import json
import pathlib

import numpy as np


def read_times(path):
    """(centres [N], edges [N + 1]) in seconds of the rows of VIDEO.npy, which VIDEO.json beside it says; or None.

    ValueError: it does not say it.
    """
    beside = pathlib.Path(path).with_suffix(".json")
    if not beside.is_file():
        return None
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
        centres = told.get("times") or told["first_time"] + (told.get("stride") or 0.0) * np.arange(told["rows"])
        centres, video = np.asarray(centres, np.float64), told["video"]
        between = (centres[1:] + centres[:-1]) / 2
        edges = told.get("edges") or [video.get("start") or 0.0, *between.tolist(), video["duration"]]
        return centres, np.asarray(edges, np.float64)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{beside.name} does not say where rows lie in time ({error!r})") from error


def seen_times(centres, edges, every, resize_to):
    """(centres [M], start, end) of the rows that a network sees, one in `every` or `resize_to` of all."""
    if resize_to:
        last = len(centres) - 1
        gap = (centres[-1] - centres[0]) / last if last else edges[-1] - edges[0]
        places = (np.arange(resize_to) + 0.5) * len(centres) / resize_to - 0.5
        beyond = np.minimum(places, 0) + np.maximum(places - last, 0)
        centres = np.interp(places, np.arange(last + 1), centres) + beyond * gap
        centres = centres.astype(np.float32).astype(np.float64)
    return centres[::every], edges[0], edges[-1]


def resized(rows, size):
    """Resamples [N, D] to `size` rows in straight lines between them."""
    if rows.ndim != 2 or len(rows) in (0, size):
        return rows
    scale = np.float64(np.float32(len(rows)) / np.float32(size))
    place = np.clip((scale * (np.arange(size) + 0.5) - 0.5).astype(np.float32), 0, np.float32(len(rows) - 1))
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, len(rows) - 1)
    share = (place - before.astype(np.float32))[:, None]
    return (np.float32(1) - share) * rows[before] + share * rows[after]
