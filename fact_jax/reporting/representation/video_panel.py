"""One of the videos that are played side by side: its name, its picture, its time and phase, and where it is."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from fact_jax.reporting import pictures
from fact_jax.reporting.representation.shown import ShownVideo, format_seconds, phase_color, phase_name, present_phases

BACKGROUND, _TEXT, _DIM = "#15181C", "#FFFFFF", "#A9B4C0"
_DPI = 100
HEADER, FOOTER, BAR = 40, 22, 14  # pixels of height: name and note, time and phase, progress
MARGIN = 8
_SMALLEST, _LARGEST = 200, 400  # pixels of the height of a picture


def picture_size(videos) -> tuple[int, int]:
    """(height, width) of the box that the pictures of all these opened videos are shown in; even numbers."""
    height = float(np.clip(max(video.size[0] for video in videos), _SMALLEST, _LARGEST))
    widest = max(video.size[1] / video.size[0] for video in videos)
    width = max(height * min(widest, 3.0), _SMALLEST)
    return 2 * round(height / 2), 2 * round(width / 2)


def text_image(text, width, height, size=11.0, *, color=_TEXT, weight="normal") -> UInt8[np.ndarray, "h w 3"]:
    """One line of text on the background, shortened to the width; in pixels."""
    figure = pictures.new_figure(width / _DPI, height / _DPI)
    figure.set_layout_engine("none")
    figure.set_facecolor(BACKGROUND)
    text = pictures.fit_text(figure, text, (width - 4) / _DPI, size, weight, max_lines=1) if text else ""
    place = {"va": "center_baseline", "ha": "left", "fontsize": size, "fontweight": weight}
    figure.text(2 / width, 0.5, text, color=color, parse_math=False, **place)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="rgba", dpi=_DPI)
    return np.frombuffer(buffer.getvalue(), np.uint8).reshape(height, width, 4)[..., :3]


class VideoPanel:
    """Draws moments of one video; what does not change from one to the next is drawn once."""

    @pictures.fallback_fonts()
    def __init__(self, shown: ShownVideo, note: str, box: tuple[int, int], phase_names=()):
        """`note` is the line below the name, `box` (height, width) of the picture."""
        self._shown, self._box = shown, box
        height, width = box
        self.size = (HEADER + height + FOOTER + BAR, width)
        self._still = Image.new("RGB", self.size[::-1], BACKGROUND)
        self._still.paste(Image.fromarray(text_image(shown.name, width, 22, 11, weight="bold")), (0, 0))
        self._still.paste(Image.fromarray(text_image(note, width, 18, 8.5, color=_DIM)), (0, 22))
        self._still.paste(self._progress(), (0, HEADER + height + FOOTER))
        names = {phase: phase_name(phase, phase_names) for phase in present_phases([shown])}
        self._names = {phase: self._chip(phase, name) for phase, name in names.items()}
        self._font = ImageFont.load_default(14)

    def _chip(self, phase, name):
        """The name of a phase beside its colour."""
        width = self._box[1] - 90
        chip = Image.new("RGB", (width, FOOTER), BACKGROUND)
        ImageDraw.Draw(chip).rectangle((0, 5, 11, FOOTER - 6), fill=phase_color(phase))
        chip.paste(Image.fromarray(text_image(name, width - 16, FOOTER, 9.5)), (16, 0))
        return chip

    def _progress(self):
        """The whole video as a bar, in the colours of its phases."""
        rows = np.searchsorted(self._shown.times, self._seconds(np.arange(self._box[1])), side="right") - 1
        # What lies before the first frame has its colour.
        shades = {phase: _rgb(phase_color(phase)) for phase in (-1, *present_phases([self._shown]))}
        line = np.array([shades[self._shown.phase(max(int(row), 0))] for row in rows], np.uint8)
        return Image.fromarray(np.repeat(line[None], BAR, axis=0))

    def _seconds(self, columns):
        times = self._shown.times
        return times[0] + (np.asarray(columns) + 0.5) / self._box[1] * max(float(times[-1] - times[0]), 1e-9)

    def draw(self, row: int, frame: UInt8[np.ndarray, "H W 3"]) -> Image.Image:
        """The panel at a row of the video, whose frame is `frame`."""
        panel, times = self._still.copy(), self._shown.times
        height, width = self._box
        scale = min(height / frame.shape[0], width / frame.shape[1])
        size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
        picture = Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)
        panel.paste(picture, ((width - size[0]) // 2, HEADER + (height - size[1]) // 2))
        pen, top = ImageDraw.Draw(panel), HEADER + height
        pen.text((2, top + 2), format_seconds(float(times[row]), float(times[-1])), fill=_TEXT, font=self._font)
        if (phase := self._shown.phase(row)) in self._names:
            panel.paste(self._names[phase], (90, top))
        span = max(float(times[-1] - times[0]), 1e-9)
        place = round(float(times[row] - times[0]) / span * (width - 3)) + 1
        top += FOOTER
        pen.rectangle((place - 2, top, place + 2, top + BAR), fill="#000000")
        pen.line((place, top, place, top + BAR), fill="#FFFFFF")
        return panel


def _rgb(color):
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]
