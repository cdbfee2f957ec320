"""When the frames of a video are shown, for a page: seconds of a player, and as few characters as they need."""

import dataclasses

import numpy as np

# A time that lies no more before that of a frame is the frame's.
EXACT = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class FrameGrid:
    """F frames, of which frame i is shown from (first + the sum of the first i gaps) * unit seconds on.

    Attributes:
      first: ticks at which frame 0 is shown.
      gaps: int64 [F - 1], ticks between frames, more than 0.
      unit: (numerator, denominator), seconds of a tick.
      end: seconds at which the last frame ends.
    """

    first: float
    gaps: np.ndarray
    unit: tuple[float, float]
    end: float

    @classmethod
    def of_ticks(cls, ticks, unit, end=None):
        """The grid of frames at `ticks`, int64 [F] or float64 [F], which rise; the last lasts as long as most do.

        `end`, if it is given, is where the last one ends.
        """
        ticks = np.asarray(ticks)
        gaps = np.round(np.diff(ticks)).astype(np.int64)
        if end is None:
            end = (float(ticks[-1]) + (float(np.median(gaps)) if len(gaps) else 1.0)) * unit[0] / unit[1]
        return cls(float(ticks[0]), gaps, unit, float(end))

    @classmethod
    def of_rate(cls, count, fps):
        """The grid of `count` frames, `fps` a second from second 0 on."""
        return cls(0.0, np.ones(max(count - 1, 0), np.int64), (1.0, float(fps)), count / fps)

    @classmethod
    def of_edges(cls, edges):
        """The grid of rows that begin at edges[:-1] and the last of which ends at edges[-1], float64 [F + 1] seconds.

        Seconds are kept to a millionth.
        """
        return cls.of_ticks(np.round(np.asarray(edges[:-1]) * 1e6), (1.0, 1e6), edges[-1])

    def __len__(self):
        return len(self.gaps) + 1

    @property
    def times(self):
        """float64 [F], seconds at which the frames are shown."""
        ticks = self.first + np.concatenate([[0], np.cumsum(self.gaps)])
        return ticks * self.unit[0] / self.unit[1]

    @property
    def edges(self):
        """float64 [F + 1], seconds: frame i is shown from edges[i] to edges[i + 1]."""
        return np.append(self.times, self.end)

    def frames_from(self, seconds):
        """int64, as `seconds`: the first frame that is shown at a time or after it; F behind the last."""
        return np.searchsorted(self.times, np.asarray(seconds) - EXACT, side="left")

    def encoded(self):
        """What the page reads: equal gaps that follow each other are [gap, how often]."""
        starts = np.flatnonzero(np.diff(self.gaps, prepend=-1)) if len(self.gaps) else np.zeros(0, np.int64)
        counts = np.diff(starts, append=len(self.gaps))
        runs = np.stack([self.gaps[starts], counts], axis=1).ravel().tolist() if len(starts) else []
        return {"first": self.first, "unit": list(self.unit), "end": self.end, "runs": runs}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Media:
    """What is known of the file and the times of one video.

    Attributes:
      path: the file that the page plays; None where there is none.
      notes: sentences about it for who looks at the page: why nothing is played, for one.
      grid: when its frames are shown; None where there is no file.
      edges: float64 [N + 1] seconds, where the rows of its features begin and end; None where that is not known.
    """

    path: object = None
    notes: tuple[str, ...] = ()
    grid: FrameGrid | None = None
    edges: np.ndarray | None = None
