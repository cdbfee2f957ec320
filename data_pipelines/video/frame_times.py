"""When frames are shown: seconds of a player, from presentation time stamps (pts) where these can be trusted."""

import numpy as np

NO_PTS = -(2**63)  # a frame without one
DEFAULT_RATE = 25.0  # frames per second, as FFmpeg assumes for raw streams


def is_rising(pts):
    """Whether ticks are all known and rise from frame to frame."""
    pts = np.asarray(pts, np.int64)
    return bool(len(pts)) and bool(np.all(pts != NO_PTS)) and bool(np.all(pts[1:] > pts[:-1]))


def start_ticks(container, time_base):
    """The start of a container in ticks of a stream, which may be a fraction.

    FFmpeg has it in microseconds, to which it was rounded: it is a whole number of ticks where one comes as near.
    """
    if container.start_time is None:
        return 0.0
    ticks = container.start_time * time_base[1] / (time_base[0] * 1e6)
    near = round(ticks) * time_base[0] * 1e6 / time_base[1]
    return float(round(ticks)) if abs(near - container.start_time) <= 1 else ticks


def times_of(pts, time_base, start, rate):
    """float64 [N], seconds of every frame: from its pts, or from its number and `rate` where pts do not rise."""
    if not is_rising(pts):
        return np.arange(len(pts)) / rate
    return (pts - start) * time_base[0] / time_base[1]


def is_variable(pts):
    """Whether the gaps between rising ticks differ by more than the rounding of a constant rate to whole ticks."""
    pts = np.asarray(pts, np.int64)
    if len(pts) < 3:
        return False
    gaps = np.diff(pts)
    even = pts[0] + np.arange(len(pts)) * (float(pts[-1] - pts[0]) / (len(pts) - 1))
    return bool(np.ptp(gaps) > 1 or np.max(np.abs(pts - even)) > 1)


def frame_at(times, seconds):
    """The number of the frame that a player shows at `seconds`: the last one that began; the first one before all."""
    return max(int(np.searchsorted(times, seconds, side="right")) - 1, 0)
