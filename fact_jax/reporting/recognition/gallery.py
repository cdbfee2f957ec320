"""Strips of frames of the clips that are most confidently wrong, as one picture and as files of their own."""

import dataclasses
import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from fact_jax.reporting import pictures

NUM_SHOWN = 12
MOST_FRAMES = 8  # of a clip
STRIP_HEIGHT = 112  # pixels of a strip in a file of its own
_GAP = 2  # pixels between its frames
_WIDTH, _CELL, _TEXT = 11.0, 1.25, 0.34  # inches: width of the picture, most height of a strip, height of its text
_DPI = 120  # of the strips in it
_TRUE, _WRONG = "#00713A", "#C00000"
_ASPECTS = 0.4, 2.6  # width by height of a frame; others are cropped to these


@dataclasses.dataclass(frozen=True)
class ShownClip:
    """A clip in a gallery.

    Attributes:
      video_id: its name.
      frames: uint8 [n, H, W, 3], in order of time.
      predicted, true: what they say and what it is, in words.
      probability, true_probability: of either, in [0, 1].
    """

    video_id: str
    frames: UInt8[np.ndarray, "n H W 3"]
    predicted: str
    probability: float
    true: str
    true_probability: float


def most_wrong(clips, count):
    """The ClipScores of `count` clips that are wrong, those with the most probable answers first; then by name."""
    wrong = [clip for clip in clips if not clip.is_right]
    return sorted(wrong, key=lambda clip: (-clip.confidence, clip.video_id))[:count]


def strip(frames: UInt8[np.ndarray, "n H W 3"], height: int = STRIP_HEIGHT) -> UInt8[np.ndarray, "h w 3"]:
    """At most MOST_FRAMES frames, evenly chosen, beside one another, white between them."""
    if len(frames) > MOST_FRAMES:
        frames = frames[np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(int)]
    frames = _cropped(frames)
    width = max(round(height * frames.shape[2] / frames.shape[1]), 1)
    canvas = Image.new("RGB", (len(frames) * (width + _GAP) - _GAP, height), "white")
    for place, frame in enumerate(frames):
        canvas.paste(
            Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC), (place * (width + _GAP), 0)
        )
    return np.asarray(canvas)


def _cropped(frames):
    """The middle of frames that are very wide or very high."""
    height, width = frames.shape[1:3]
    narrowest, widest = _ASPECTS
    new_width, new_height = min(width, round(height * widest)), min(height, round(width / narrowest))
    top, left = (height - new_height) // 2, (width - new_width) // 2
    return frames[:, top : top + new_height, left : left + new_width]


def jpeg(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """A picture as JPEG, small enough for a page."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


@pictures.fallback_fonts()
def plot_gallery(clips: list[ShownClip], *, title=""):
    """A matplotlib Figure with a strip per clip, and above it what it is taken for, what it is, and its name."""
    strips = [strip(clip.frames, height=round(_DPI * _CELL)) for clip in clips]
    widest = max(pixels.shape[1] for pixels in strips)
    height = min(_CELL, (_WIDTH - 0.2) * strips[0].shape[0] / widest)
    figure = pictures.new_figure(_WIDTH, (height + _TEXT) * len(clips) + 0.6)
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.1, hspace=0.0)
    grid = figure.subplots(len(clips), 1, squeeze=False)[:, 0]
    for axes, clip, pixels in zip(grid, clips, strips, strict=True):
        axes.imshow(pixels, aspect="equal", extent=(0, pixels.shape[1], pixels.shape[0], 0))
        axes.set_xlim(0, widest)  # strips begin at one edge
        axes.set_axis_off()
        _describe(axes, clip)
    if title:
        pictures.write_title(figure, title, 13)
    return figure


def _describe(axes, clip):
    """A line above a strip."""
    predicted, true = (pictures.shorten(text, 40) for text in (clip.predicted, clip.true))
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "parse_math": False}
    told = {"fontsize": 10, "fontweight": "bold"}
    axes.set_title(" ", fontsize=9, loc="left")  # keeps the room of the line
    note = f"predicted: {predicted}  {_percent(clip.probability)}"
    axes.annotate(note, (0, 1), xytext=(0, 3), color=_WRONG, **place, **told)
    note = f"true: {true}  {_percent(clip.true_probability)}"
    axes.annotate(note, (0.45, 1), xytext=(0, 3), color=_TRUE, **place, **told)
    name = pictures.shorten(clip.video_id, 34)
    axes.annotate(name, (1, 1), xytext=(0, 3), color="#555555", fontsize=8, ha="right", **place)


def _percent(share):
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else "< 0.1 %"
