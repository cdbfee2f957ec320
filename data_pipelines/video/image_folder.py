"""Frames that are images: a folder of them in the order of the numbers in their names, or a strip of squares."""

import contextlib
import os
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from data_pipelines.core.wording import count, name_some
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError, reason_of
from data_pipelines.video.frame_times import DEFAULT_RATE
from data_pipelines.video.pictures import fitted
from data_pipelines.video.raw_video import RawVideo
from data_pipelines.video.sizes import MOST_PIXELS
from fact_jax.files import open_data

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
# Pillow's names; others may hold programs (EPS) or several images.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
_DIGITS = re.compile(r"(\d+)")
# EXIF orientations at which height and width change places.
_TURNED = (5, 6, 7, 8)


def image_names(names):
    """Those of the names of files that an ImageFolder reads."""
    return [name for name in names if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)]


class ImageFolder(RawVideo):
    """A folder of images, one a frame, as of PennAction; see `RawVideo`. Other files of it are not looked at."""

    def __init__(self, path, config=VideoConfig()):
        """Reads the headers of all images; raises VideoError for what is no image, and where two have one number."""
        self.path = str(path)
        try:
            listed = sorted(name for name in os.listdir(path) if name[0] != ".")
        except OSError as error:
            raise VideoError(path, f"folder cannot be read ({error.strerror})", "correct the name") from error
        names = image_names(listed)
        if not names:
            found = f"the folder holds no image, but {name_some(listed)}" if listed else "the folder is empty"
            expected = f"expected images that end in {', '.join(IMAGE_SUFFIXES)}; videos lie side by side in one folder"
            raise VideoError(path, found, expected)
        self._names = sorted(names, key=natural_order)
        self._check_names()
        sizes = [_size_of(Path(path, name)) for name in self._names]
        self.size, self.rate = config.size_of(sizes[0]), config.rate or DEFAULT_RATE
        self.times = np.arange(len(names)) / self.rate
        self.warnings = (*self._gaps(), *_other_sizes(sizes), *assumed_rate(config, "images"))

    def _check_names(self):
        stems = [natural_order(Path(name).stem) for name in self._names]
        for place in range(1, len(stems)):
            if stems[place] == stems[place - 1]:
                found = f"{self._names[place - 1]!r} and {self._names[place]!r} are one number"
                raise VideoError(self.path, found, "remove one of them")

    def _gaps(self):
        numbers = [_DIGITS.findall(Path(name).stem)[-1:] for name in self._names]
        if not all(numbers):
            return
        gaps = np.diff([int(found[0]) for found in numbers])
        missing = sum(gap - 1 for gap in gaps.tolist() if gap > 1)
        steps = sorted(set(gaps.tolist()))
        if missing and len(steps) > 1:
            yield f"{count(missing, 'number')} are missing in the names of the images: frames count without them"

    def _decode(self, numbers):
        for place, number in enumerate(numbers.tolist()):
            yield place, lambda out, name=self._names[number]: _write(Path(self.path, name), self.size, out)


class ImageStrip(RawVideo):
    """An image whose height is the side of square frames, which stand side by side; see `RawVideo`."""

    def __init__(self, path, config=VideoConfig()):
        """Raises VideoError for what is no image, or whose width is no multiple of its height."""
        self.path = str(path)
        side, width = _size_of(path)
        if width % side:
            expected = "expected square frames side by side, the width a multiple of the height"
            raise VideoError(path, f"an image of {width}x{side}", expected)
        self._side, self.size = side, config.size_of((side, side))
        self.rate = config.rate or DEFAULT_RATE
        self.times = np.arange(width // side) / self.rate
        self.warnings = assumed_rate(config, "an image")

    def _decode(self, numbers):
        side = self._side
        strip = np.empty((side, side * len(self), 3), np.uint8)
        if len(numbers):
            _write(self.path, strip.shape[:2], strip)
        for place, number in enumerate(numbers.tolist()):
            frame = strip[:, number * side : (number + 1) * side]
            yield place, lambda out, frame=frame: np.copyto(out, fitted(frame, self.size))


def natural_order(name):
    """A key that sorts names by the numbers in them: 2 before 10, and 002 beside 2."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)]


def assumed_rate(config, source):
    """The warning, if any, that a source without times gets; `config` is a VideoConfig."""
    return () if config.rate else (f"{source} without times: {DEFAULT_RATE:g} frames a second are assumed",)


def _other_sizes(sizes):
    others = {size for size in sizes if size != sizes[0]}
    if others:
        texts = name_some(f"{width}x{height}" for height, width in sorted(others))
        yield f"the size changes from {sizes[0][1]}x{sizes[0][0]} ({texts}): all frames are resized to the first size"


@contextlib.contextmanager
def _image(path):
    """Yields an opened image; a VideoError for all that goes wrong with it."""
    try:
        with open_data(path) as file, Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                found = f"an image of {width}x{height}"
                raise VideoError(path, found, f"expected at most {MOST_PIXELS} pixels")
            yield image
    except FileNotFoundError:
        raise VideoError(path, "file is missing", "correct the name") from None
    except UnidentifiedImageError:  # whose text has the number of an open file
        raise VideoError(path, f"no image, or none of a known format ({', '.join(_FORMATS)})", "convert it") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise VideoError(path, f"the image cannot be read ({reason_of(error)[:100]})", "copy it again") from error


def _size_of(path):
    """(height, width) of an image as it is shown, from its header."""
    with _image(path) as image:
        turned = image.getexif().get(0x0112) in _TURNED
        return image.size if turned else image.size[::-1]


def _write(path, size, out):
    with _image(path) as image:
        picture = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.copyto(out, fitted(picture, size))
