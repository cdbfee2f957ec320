"""Videos as pictures of embeddings show them: names, times, phases and pixels."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from fact_jax.reporting import colors, pictures

NO_PHASE = -1
_DIGITS_BELOW = 60.0  # seconds; longer times are written as minutes and seconds


@dataclasses.dataclass(frozen=True)
class ShownVideo:
    """A video with the embeddings of its frames, all of them or every so many.

    Attributes:
      name: what pictures call it.
      embeddings: float [N, D].
      times: float [N], seconds at which the frames are shown; they rise.
      labels: int [N], the phase of every frame, -1 where there is none; None without labels.
      steps: int [N], the numbers of the frames in `video`.
      video: opened, with what a `data_pipelines.video.raw_video.RawVideo` offers: `size`, `frames(numbers)` and
        `batches(numbers, batch_size)`. None: no pixels are at hand.
    """

    name: str
    embeddings: Float[np.ndarray, "N D"]
    times: Float[np.ndarray, " N"]
    labels: Int[np.ndarray, " N"] | None = None
    steps: Int[np.ndarray, " N"] | None = None
    video: Any = None

    def __post_init__(self):
        lengths = {len(x) for x in (self.embeddings, self.times, self.labels, self.steps) if x is not None}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(f"{self.name}: {sorted(lengths)} embeddings, times, labels and steps; expected as many")

    def __len__(self):
        return len(self.embeddings)

    def at(self, rows: Shaped[np.ndarray, " _"]) -> "ShownVideo":
        """The same video with these rows alone."""
        fields = ("embeddings", "times", "labels", "steps")
        chosen = {name: getattr(self, name) for name in fields}
        return dataclasses.replace(self, **{name: x if x is None else x[rows] for name, x in chosen.items()})

    def thinned(self, most: int) -> "ShownVideo":
        """The same video with every so many of its rows, from the first on, so that there are at most `most`."""
        return self.at(np.arange(0, len(self), -(-len(self) // most)))

    @property
    def pixels(self):
        """The opened video; a ValueError where there is none."""
        if self.video is None or self.steps is None:
            raise ValueError(f"{self.name} has no pixels")
        return self.video

    def phase(self, row: int) -> int:
        """The phase of a frame, -1 where none is known."""
        return NO_PHASE if self.labels is None else int(self.labels[row])


def phase_color(phase: int) -> str:
    """ "#RRGGBB"; frames without a phase are grey."""
    return colors.BACKGROUND if phase < 0 else colors.class_style(phase)[0]


def phase_name(phase: int, phase_names) -> str:
    """ "" for a frame without a phase."""
    return "" if phase < 0 else phase_names[phase] if phase < len(phase_names) else f"phase {phase}"


def present_phases(videos) -> list[int]:
    """The phases of some videos, without -1."""
    found = [np.unique(video.labels) for video in videos if video.labels is not None]
    return [phase for phase in np.unique(np.concatenate(found)).tolist() if phase >= 0] if found else []


def format_seconds(seconds: float, longest: float) -> str:
    """A time in a video of `longest` seconds: "3.24 s", "12:07.5" or "1:02:07"."""
    if longest < _DIGITS_BELOW:
        return f"{seconds:.2f} s"
    tenths = int(seconds * 10 + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest // 10:02d}" if longest >= 3600 else f"{minutes}:{rest // 10:02d}.{rest % 10}"


def phase_handles(phases, phase_names):
    """(patches, texts) of a legend."""
    from matplotlib.patches import Patch

    return [Patch(facecolor=phase_color(phase)) for phase in phases], [phase_name(p, phase_names) for p in phases]


def add_phase_legend(figure, phases, phase_names, columns=6):
    """Names the phases below a figure; nothing without phases."""
    if not phases:
        return
    handles, texts = phase_handles(phases, phase_names)
    texts = pictures.shorten_names(texts, 28)
    look = {"ncols": min(columns, len(phases)), "fontsize": 9, "frameon": False}
    for text in figure.legend(handles, texts, loc="outside lower center", **look).get_texts():
        text.set_parse_math(False)
