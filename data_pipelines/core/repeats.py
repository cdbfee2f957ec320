"""Features that come more than once: each several times in a row, one in many places, or a piece again later.

Both have the right shape and sound values. Only exact repeats are told, which computed features have by mistake alone,
or where they were spread over more frames on purpose.
"""

import numpy as np

from data_pipelines.core.wording import count, name_some

# Channels by which frames are told from each other, spread over all of them.
_COMPARED = 16
# Stretches of equal frames from which on their lengths are a rule, the share that follows it, and the least mean.
_MIN_RUNS, _REGULAR, _LEAST_RUN = 8, 0.95, 1.4
# Frames that come again in one piece: so many, and this share of the video.
_MIN_AGAIN, _AGAIN_SHARE = 8, 0.1
# Stretches of one and the same frame, in several places, that are told: so many, this share of all, where this share of
# the others comes once.
_MIN_COMMON, _COMMON_SHARE, _ONCE = 5, 0.05, 0.9
# Frames of a video, the least of all by a number that is as good as random, by which pieces of it are found elsewhere.
SKETCH = 64


class RepeatMeter:
    """Finds frames of features [T, D] that come again; takes blocks as `value_measures.ValueMeter` does."""

    def __init__(self, num_frames, num_channels):
        self._channels = np.unique(np.linspace(0, num_channels - 1, _COMPARED).astype(np.int64))
        self._weights = np.random.default_rng(0).integers(0, 2**64, len(self._channels), np.uint64) | np.uint64(1)
        # A number for every frame. Sums of integers are the same in whatever order blocks come.
        self._marks = np.zeros(num_frames, np.uint64)

    def add(self, frame, channel, block):
        """Takes float32 [t, d] in, the values from `frame` and `channel` on."""
        first, end = np.searchsorted(self._channels, (channel, channel + block.shape[1]))
        for place in range(first, end):
            # Adding 0 makes one number of 0.0 and -0.0.
            bits = (block[:, self._channels[place] - channel] + np.float32(0)).view(np.uint32)
            self._marks[frame : frame + len(block)] += bits * self._weights[place]

    def again(self, starts):
        """(first frame, first frame of the copy, frames) of the longest piece that comes again; zeros for none.

        `starts` are the first frames of the stretches of equal frames: such a stretch is no piece that comes again.
        """
        marks, none = self._marks[starts], (0, 0, 0)
        order = np.argsort(marks, kind="stable")
        gaps = np.diff(order)[np.diff(marks[order]) == 0]
        gaps = gaps[gaps >= _MIN_AGAIN]  # nearer ones are a short cycle
        if not gaps.size:
            return none
        distances, numbers = np.unique(gaps, return_counts=True)
        distance = int(distances[numbers.argmax()])
        edges = np.flatnonzero(np.diff(np.r_[False, marks[distance:] == marks[:-distance], False]))
        begins, ends = edges[::2], edges[1::2]
        longest = int((ends - begins).argmax())
        begin, end = int(begins[longest]), int(ends[longest])
        piece = marks[begin : min(end, begin + distance)]
        if end - begin < max(_MIN_AGAIN, _AGAIN_SHARE * len(marks)) or 2 * len(np.unique(piece)) <= len(piece):
            return none
        first, copy, number = int(starts[begin]), int(starts[begin + distance]), int(starts[end] - starts[begin])
        is_exact = np.array_equal(self._marks[first : first + number], self._marks[copy : copy + number])
        return (first, copy, number) if is_exact else none

    def common(self, starts, rows, squares):
        """(first frame, frames, whether they are 0) of a frame that is in many places of a video of other frames.

        `starts` are as in `again`; `squares` are sums over all channels of frames `rows`, as marks are of a few.
        """
        values, numbers = np.unique(self._marks[starts], return_counts=True)
        most = int(numbers.argmax())
        others = max(len(starts) - numbers[most], _MIN_COMMON)
        if numbers[most] < max(_MIN_COMMON, _COMMON_SHARE * len(starts)) or len(values) - 1 < _ONCE * others:
            return 0, 0, False
        is_common = self._marks == values[most]
        sampled = squares[is_common[rows]]
        if len(sampled) < 2 or not np.allclose(sampled, sampled[0], rtol=1e-9, atol=0):
            return 0, 0, False
        return int(is_common.argmax()), int(is_common.sum()), not sampled.any()

    def sketch(self, starts):
        """SKETCH numbers of 32 bits, ascending, as hexadecimal text; "" of a video whose frames often come again.

        Videos that have many of them in common have frames in common.
        """
        marks = np.unique(self._marks[starts])
        if 2 * len(marks) <= len(starts):
            return ""
        mixed = (marks ^ (marks >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
        return np.unique(mixed >> np.uint64(32))[:SKETCH].astype(">u4").tobytes().hex()


def usual_run(lengths):
    """Mean of the lengths of stretches of equal frames if they follow a rule: 6, or 5 and 6 in turn; 0.0 otherwise.

    The last stretch is not looked at: it may be cut.
    """
    lengths = np.asarray(lengths)[:-1]
    if len(lengths) < _MIN_RUNS:
        return 0.0
    mean = float(lengths[np.abs(lengths - np.quantile(lengths, 0.5, method="lower")) <= 1].mean())
    return mean if mean >= _LEAST_RUN and np.mean(np.abs(lengths - mean) < 1) >= _REGULAR else 0.0


def repeat_lines(values):
    """Lines about videos, of {video: VideoValues}, whose frames come several times in a row, all over, or later."""
    lines, repeated = [], {video: found.run for video, found in values.items() if found.run}
    if repeated:
        times = sorted({f"{run:.2g}" for run in repeated.values()}, key=float)
        about = " to ".join(dict.fromkeys((times[0], times[-1])))
        all_ = f"all {len(values)} videos" if len(values) > 1 else next(iter(values))
        where = all_ if len(repeated) == len(values) else f"{count(repeated, 'video')}: {name_some(repeated)}"
        lines.append(
            f"features that come {about} times in a row, each, in {where}. Were they made at a lower rate and "
            "repeated, or was one frame read several times? Where it is not meant, make features of every frame, or "
            "keep each once with labels or times of that rate"
        )
    # Of whole numbers, such as one class a frame, one may come often and the others once.
    common = {video: found for video, found in values.items() if found.common_frames and not found.is_whole}
    if common:
        texts = [
            f"{found.common_frames} of {found.num_frames} of {video} "
            + ("(0 in all channels)" if found.is_common_zero else f"(as frame {found.common_at})")
            for video, found in common.items()
        ]
        lines.append(
            f"frames that are the same in many places, among others that all differ, in {count(common, 'video')}: "
            f"{name_some(texts)}. Were frames missing and filled in? Extract them anew, or leave them out with their "
            "labels"
        )
    again = {video: found for video, found in values.items() if found.again_frames}
    if again:
        texts = [
            f"{found.again_frames} frames of {video} from {found.again_at} on are those from {found.again_from} on"
            for video, found in again.items()
        ]
        lines.append(
            f"features that come again later in the same video, in {count(again, 'video')}: {name_some(texts)}. Was a "
            "part of the video extracted twice, or does the video repeat itself?"
        )
    return lines


def still_lines(values):
    """The line, if any, about videos with a long stretch of equal frames."""
    still = {video: found for video, found in values.items() if found.has_broken_off}
    if not still:
        return []
    texts = [_still_text(video, found) for video, found in still.items()]
    return [f"frames that are all equal, in {count(still, 'video')}: {name_some(texts)}. Did the extraction break off?"]


def _still_text(video, found):
    end = found.still_start + found.still_frames
    if end == found.num_frames:
        return f"the last {found.still_frames} of {found.num_frames} of {video}"
    where = f"from {found.still_start} to {end - 1}" if found.still_start else "the first"
    return f"{found.still_frames} of {found.num_frames} of {video} ({where})"
