"""What the features of a video are like as numbers: told where one video, or one list of videos, is unlike the others.

Features of another extractor, of another scaling or of one that broke off have the right shape, and nothing else says
so. The measures are made while the values are read for the search for NaN and Inf.
"""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from data_pipelines.core.wording import count, name_some

# Of more values than so many, one in so many is looked at for the scale; no usual number of channels is a multiple.
_FEW_VALUES, _EVERY = 2**18, 61
# How many times as large as the others values are that are told, of one video and of a whole list.
_OTHER_SCALE, _OTHER_LIST = 5.0, 3.0
_MIN_VIDEOS = 3
# Channels looked at first.
_FEW = 16
# Equal frames that are told: so many, this share of the video, and so many times as many as elsewhere in the video.
_MIN_STILL, _STILL_SHARE, _STILL_TIMES = 8, 0.1, 20
# Of whole numbers, such as one class a frame, long stretches are usual unless nearly every other frame differs.
_MOST_USUAL = 1.5


@dataclasses.dataclass(frozen=True)
class VideoValues:
    """Measures of the features of one video.

    Attributes:
      rms: root mean square of the values, or of a sample of many.
      is_whole: whether all of these are whole numbers.
      num_frames: T.
      still_start, still_frames: the longest stretch of frames that are all the same: its first, and how many.
      usual_frames: mean length of the other stretches; 1 where every frame differs from the one before.
    """

    rms: float
    is_whole: bool
    num_frames: int
    still_start: int
    still_frames: int
    usual_frames: float

    @property
    def is_constant(self):
        """Whether all of several frames are the same."""
        return self.still_frames == self.num_frames > 1

    @property
    def has_broken_off(self):
        """Whether frames stay the same for much longer than elsewhere in the video."""
        return (
            _MIN_STILL <= self.still_frames < self.num_frames
            and self.still_frames >= _STILL_SHARE * self.num_frames
            and self.still_frames >= _STILL_TIMES * self.usual_frames
            and (not self.is_whole or self.usual_frames <= _MOST_USUAL)
        )


class ValueMeter:
    """Measures features [T, D] that come in blocks; those of a channel come in the order of its frames."""

    def __init__(self, num_frames, num_channels):
        self._changes, self._last = np.ones(num_frames, bool), np.zeros(num_channels, np.float32)
        self._changes[1:] = False
        self._squares, self._count, self._is_whole = 0.0, 0, True
        self._every = 1 if num_frames * num_channels <= _FEW_VALUES else _EVERY

    def add(self, frame, channel, block):
        """Takes float32 [t, d] in, the values from `frame` and `channel` on."""
        channels = slice(channel, channel + block.shape[1])
        # In the order in which they lie in memory, no copy is made.
        sample = block.ravel(order="K")[:: self._every].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            self._squares += float(np.square(sample).sum())
            self._is_whole = self._is_whole and bool((sample == np.rint(sample)).all())
        self._count += sample.size
        if frame:
            self._changes[frame] |= bool((block[0] != self._last[channels]).any())
        changes = self._changes[frame + 1 : frame + len(block)]
        # A few channels tell of most frames that they change; the others are looked at where those do not.
        for channels_now in (slice(0, _FEW), slice(_FEW, None)):
            same = np.flatnonzero(~changes)
            values = block[:, channels_now]
            if same.size == len(changes):
                changes |= (values[1:] != values[:-1]).any(axis=1)
            elif same.size:
                changes[same] = (values[same + 1] != values[same]).any(axis=1)
        self._last[channels] = block[-1]

    def values(self):
        """VideoValues of all that was added."""
        starts = np.flatnonzero(np.append(self._changes, True))
        lengths = np.diff(starts)
        longest = int(lengths.argmax())
        return VideoValues(
            rms=float(np.sqrt(self._squares / max(self._count, 1))),
            is_whole=self._is_whole,
            num_frames=len(self._changes),
            still_start=int(starts[longest]),
            still_frames=int(lengths[longest]),
            usual_frames=(len(self._changes) - int(lengths[longest])) / max(len(lengths) - 1, 1),
        )


def measure(features):
    """VideoValues of features [T, D] in memory."""
    meter = ValueMeter(*features.shape)
    meter.add(0, 0, features)
    return meter.values()


def as_rows(values: Mapping[str, VideoValues]):
    """For JSON; see `from_rows`."""
    return {video: list(dataclasses.astuple(found)) for video, found in values.items()}


def from_rows(rows):
    """{video: VideoValues} of what `as_rows` gave; ValueError, TypeError or AttributeError for anything else."""
    values = {video: VideoValues(*row) for video, row in rows.items()}
    if not all(isinstance(number, int | float) for row in rows.values() for number in row):
        raise ValueError("measures that are no numbers")
    return values


@dataclasses.dataclass(frozen=True)
class ValueRange:
    """What the features that a run is trained with are like: least, median and largest root mean square of a video."""

    least: float
    median: float
    most: float
    is_whole: bool

    @classmethod
    def of(cls, values: Mapping[str, VideoValues]):
        """That of the videos that are not zero throughout; None where there are none."""
        found = [video.rms for video in values.values() if 0 < video.rms < float("inf")]
        if not found:
            return None
        is_whole = all(video.is_whole for video in values.values())
        return cls(min(found), statistics.median(found), max(found), is_whole)


def value_lines(values: Mapping[str, VideoValues], lists: Mapping[str, Sequence[str]]):
    """Lines about videos whose features are unlike those of the others; () where nothing is odd.

    `lists` are the names of videos by subset, "train" and others.
    """
    moving = {video: found for video, found in values.items() if not found.is_constant and found.rms > 0}
    by_list = {name: [video for video in videos if video in moving] for name, videos in lists.items()}
    lines = _list_lines(moving, by_list)
    # One cause, one line: videos of a list that is of another scale are compared with each other.
    groups = by_list.values() if lines else [list(moving)]
    for videos in groups:
        lines += _scale_lines({video: moving[video].rms for video in videos})
    lines += _whole_lines(moving)
    return (*lines, *_still_lines(values))


def compare_values(values: Mapping[str, VideoValues], trained: ValueRange):
    """Lines about new videos whose features are unlike those that a run was trained with."""
    lines = []
    still = [video for video, found in values.items() if found.is_constant]
    if still:
        lines.append(f"{count(still, 'video')} with features that are the same in every frame: {name_some(still)}")
    moving = {video: found for video, found in values.items() if not found.is_constant}
    far = {video: found.rms for video, found in moving.items() if _is_far(found.rms, trained)}
    if far:
        lines.append(
            f"values of {_named(far, values)} are {_times(far.values(), trained.median)} as large as those of the "
            "features trained with (root mean square): another extractor, or another scaling?"
        )
    whole = [video for video, found in moving.items() if found.is_whole and not trained.is_whole and found.rms > 0]
    if whole:
        lines.append(
            f"whole numbers only in {_named(whole, values)}, fractions in the features trained with: were they "
            "rounded, or saved as integers?"
        )
    return (*lines, *_still_lines(values))


def _is_far(rms, trained):
    """Whether a root mean square is beyond all of those trained with by far."""
    least, most = min(trained.least, trained.median), max(trained.most, trained.median)
    beyond = rms > most * _OTHER_LIST or rms < least / _OTHER_LIST
    return beyond and rms > 0 and not 1 / _OTHER_SCALE < rms / trained.median < _OTHER_SCALE


def _list_lines(moving, by_list):
    """A line for every list whose values are of another scale than those of the training videos."""
    lines, train = [], [moving[video].rms for video in by_list.get("train", ())]
    for name, videos in by_list.items():
        found = [moving[video].rms for video in videos]
        if name == "train" or set(videos) & set(by_list.get("train", ())) or min(len(train), len(found)) < _MIN_VIDEOS:
            continue
        ratio = statistics.median(found) / statistics.median(train)
        apart = min(found) > max(train) if ratio > 1 else max(found) < min(train)
        if max(ratio, 1 / ratio) >= _OTHER_LIST and apart:
            lines.append(
                f"values of the {name} videos are {_times([ratio], 1.0)} as large as those of the training videos "
                "(root mean square): are both of the same extractor and scaling?"
            )
    return lines


def _scale_lines(rms):
    """The line, if any, about videos whose values are much larger or smaller than those of most."""
    if len(rms) < _MIN_VIDEOS:
        return []
    median = statistics.median(rms.values())
    ratios = {video: max(value / median, median / value) for video, value in rms.items()}
    # Where videos differ by nature, as sparse scores do, only those beyond this spread are told.
    spread = float(np.quantile([*ratios.values()], 0.75, method="lower"))
    odd = {video: rms[video] for video, ratio in ratios.items() if ratio >= _OTHER_SCALE * max(1.0, spread / 1.5)}
    if not odd:
        return []
    return [
        f"values of {_named(odd, rms)} are {_times(odd.values(), median)} as large as those of the others (root mean "
        "square): another extractor, or another scaling?"
    ]


def _whole_lines(moving):
    """The line, if any, about a few videos of whole numbers among others."""
    whole = [video for video, found in moving.items() if found.is_whole]
    if not whole or 2 * len(whole) >= len(moving):
        return []
    return [
        f"whole numbers only in {_named(whole, moving)}, fractions in the others: were they rounded, or saved as "
        "integers?"
    ]


def _still_lines(values):
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


def _named(odd, everything):
    """ "v1", or "3 of 20 videos (v1, v2, v3)"."""
    names = list(odd)
    return names[0] if len(names) == 1 else f"{len(names)} of {len(everything)} videos ({name_some(names)})"


def _times(values, usual):
    """ "37 times", "0.02 times", "37 to 52 times"."""
    ratios = sorted({f"{value / usual:.2g}": value for value in values}.items(), key=lambda pair: pair[1])
    texts = [ratios[0][0]] if len(ratios) == 1 else [ratios[0][0], ratios[-1][0]]
    return " to ".join(f"{float(text):g}" for text in texts) + " times"
