"""Compares crops, resizing, colours and normalisation of frames with recorded ones of CARL.

The colours of a clip go through 8-bit pictures, so that both ways of `color_jitter.py` have to give the same numbers.
"""

import json
import re

import numpy as np

from data_pipelines.video import color_jitter, pixels
from data_pipelines.video.color_jitter import OPERATIONS, Jitter
from tests.parity.report import compare, identical

ATOL = 2e-6


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    frames, size, rows = _frames(npz["input/video"]), config["size"], []
    whole = dict(zip(("height", "width"), frames.shape[1:3], strict=True))
    for name, case in config["meta"].items():
        if "ijhw" in case:
            rows.append(identical(name, _replayed_crop(case), case["ijhw"]))
        else:
            rows += _check_jitter(f"out/{name}", frames, _jitter(case), npz)
    found = {
        "flip": pixels.resize(frames, **whole, flipped=True),
        "gray": pixels.to_grey(frames),
        "norm": pixels.normalize(frames),
        "resize": pixels.resize(frames, size, size),
    }
    for key in npz:
        if part := re.fullmatch(r"out/uniform_crop(_T)?_idx(\d)", key):
            picture = frames.swapaxes(1, 2) if part[1] else frames
            box = pixels.uniform_crop(*picture.shape[1:3], size, int(part[2]))
            found[key.removeprefix("out/")] = pixels.crop(picture, box)
        elif part := re.fullmatch(r"out/(crop\d+)_resized", key):
            box = npz[f"input/{part[1]}_ijhw"].tolist()
            found[f"{part[1]}_resized"] = pixels.resize(pixels.crop(frames, box), size, size)
        elif part := re.fullmatch(r"out/((brightness|contrast)_jitter_([\d.]+))", key):
            drawn = Jitter((part[2],), **{part[2]: float(part[3])})
            rows += _check_jitter(key, frames, drawn, npz)
    return rows + [compare(f"out/{key}", _planes(value), npz[f"out/{key}"], atol=ATOL) for key, value in found.items()]


def _frames(planes):
    """[T, 3, H, W] -> [T, H, W, 3]."""
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _planes(frames):
    return frames.transpose(0, 3, 1, 2)


def _replayed_crop(case):
    draws = iter(case["draws"])

    def uniform(low, high):
        value = next(draws)
        assert low <= value <= high, (low, value, high)
        return value

    box = pixels.draw_crop(case["height"], case["width"], uniform, lambda low, high: int(next(draws)))
    return [*box, *draws] if next(draws, None) is not None else box


def _jitter(case):
    factors = {name: case[name] for name in OPERATIONS}
    order = tuple(OPERATIONS[code] for code in case["order"])
    return Jitter(order, **factors, blur_radius=case["blur_radius"] if case.get("blur_applied") else None)


def _check_jitter(name, frames, drawn, npz):
    bytes_of = (frames * np.float32(255)).astype(np.uint8)
    ways = {"": color_jitter.jitter, " by Pillow": color_jitter.jitter_by_pillow}
    return [
        compare(f"{name}{way}", _planes(pixels.as_float(change(bytes_of, drawn))), npz[name], atol=ATOL)
        for way, change in ways.items()
    ]
