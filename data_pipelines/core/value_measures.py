"""Measures of the features of a video as numbers, made while the values are read for the search for NaN and Inf."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from data_pipelines.core.channel_forms import FormMeter
from data_pipelines.core.channel_use import ChannelMeter, unpack
from data_pipelines.core.repeats import RepeatMeter, usual_run

# Of more values than so many, one in so many is looked at for the scale; no usual number of channels is a multiple.
_FEW_VALUES, _EVERY = 2**18, 61
# Channels looked at first.
_FEW = 16
# Frames of a video whose norms are measured, and of how many at least they say something.
_NORMS, _MIN_NORMS = 128, 8
# Equal frames that are told: so many, this share of the video, and so many times as many as elsewhere in the video.
_MIN_STILL, _STILL_SHARE, _STILL_TIMES = 8, 0.1, 20
# Of whole numbers, such as one class a frame, long stretches are usual unless nearly every other frame differs.
_MOST_USUAL = 1.5
# Measures of notes and copies from before there were others.
_FORMER = (6, 15)


@dataclasses.dataclass(frozen=True)
class VideoValues:
    """Measures of the features of one video.

    Attributes:
      rms: root mean square of the values, or of a sample of many.
      is_whole: whether all of these are whole numbers.
      num_frames: T.
      still_start, still_frames: the longest stretch of frames that are all the same: its first, and how many.
      usual_frames: mean length of the other stretches; 1 where every frame differs from the one before.
      negative: share of the values that are below 0.
      norm, norm_spread: median of the Euclidean norms of frames, of a sample of many; how far the middle 80 % of the
        norms are apart, as a share of the median. None where there are too few frames.
      num_channels: D; 0 where this and what follows are not known.
      still_channels: the channels that never change, see `channel_use.pack`.
      run: frames that are equal in a row, where that is a rule of the video; 0.0 otherwise.
      again_from, again_at, again_frames: the longest piece that comes again: its first frame, the first of the copy,
        and how many frames; 0 where there is none.
      common_at, common_frames, is_common_zero: the frame that is in many places: its first, how many frames are so (0
        where there is none), and whether they are 0 in all channels.
      rising_channels, whole_channels, huge_channels, copied_channels: packed as `still_channels`: of values that rise
        or fall at every frame; of whole numbers beside others of fractions; far larger than most; as another before.
      copied_from: how many places before most of these other channels are.
      sketch: see `RepeatMeter.sketch`.
    """

    rms: float
    is_whole: bool
    num_frames: int
    still_start: int
    still_frames: int
    usual_frames: float
    negative: float | None = None
    norm: float | None = None
    norm_spread: float | None = None
    num_channels: int = 0
    still_channels: str = ""
    run: float = 0.0
    again_from: int = 0
    again_at: int = 0
    again_frames: int = 0
    common_at: int = 0
    common_frames: int = 0
    is_common_zero: bool = False
    rising_channels: str = ""
    whole_channels: str = ""
    huge_channels: str = ""
    copied_channels: str = ""
    copied_from: int = 0
    sketch: str = ""

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
        self._sum_of_squares, self._negative, self._count, self._is_whole = 0.0, 0, 0, True
        self._every = 1 if num_frames * num_channels <= _FEW_VALUES else _EVERY
        self._rows = np.unique(np.linspace(0, num_frames - 1, _NORMS).astype(np.int64))
        self._squares = np.zeros(len(self._rows))
        self._forms = FormMeter(len(self._rows), num_channels)
        self._channels, self._repeats = ChannelMeter(num_channels), RepeatMeter(num_frames, num_channels)

    def add(self, frame, channel, block):
        """Takes float32 [t, d] in, the values from `frame` and `channel` on."""
        channels = slice(channel, channel + block.shape[1])
        # In the order in which they lie in memory, no copy is made.
        sample = block.ravel(order="K")[:: self._every].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            self._sum_of_squares += float(np.square(sample).sum())
            self._is_whole = self._is_whole and bool((sample == np.rint(sample)).all())
        self._negative += int(np.count_nonzero(sample < 0))
        self._count += sample.size
        first, end = np.searchsorted(self._rows, (frame, frame + len(block)))
        rows = block[self._rows[first:end] - frame]
        self._squares[first:end] += np.square(rows, dtype=np.float64).sum(axis=1)
        self._forms.add(first, channel, rows)
        self._channels.add(frame, channel, block)
        self._repeats.add(frame, channel, block)
        self._find_changes(frame, channels, block)

    def _find_changes(self, frame, channels, block):
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
        norm, norm_spread = self._norms()
        again_from, again_at, again_frames = self._repeats.again(starts[:-1])
        common_at, common_frames, is_common_zero = self._repeats.common(starts[:-1], self._rows, self._squares)
        return VideoValues(
            rms=float(np.sqrt(self._sum_of_squares / max(self._count, 1))),
            is_whole=self._is_whole,
            num_frames=len(self._changes),
            still_start=int(starts[longest]),
            still_frames=int(lengths[longest]),
            usual_frames=(len(self._changes) - int(lengths[longest])) / max(len(lengths) - 1, 1),
            negative=self._negative / max(self._count, 1),
            norm=norm,
            norm_spread=norm_spread,
            num_channels=len(self._last),
            still_channels=self._channels.still(),
            run=usual_run(lengths),
            again_from=again_from,
            again_at=again_at,
            again_frames=again_frames,
            common_at=common_at,
            common_frames=common_frames,
            is_common_zero=is_common_zero,
            sketch=self._repeats.sketch(starts[:-1]),
            **self._forms.forms(),
        )

    def _norms(self):
        low, median, high = np.sqrt(np.quantile(self._squares, (0.1, 0.5, 0.9)))
        if len(self._rows) < _MIN_NORMS or not 0 < median <= high < math.inf:
            return None, None
        return float(median), float((high - low) / median)


def measure(features):
    """VideoValues of features [T, D] in memory."""
    meter = ValueMeter(*features.shape)
    meter.add(0, 0, features)
    return meter.values()


def as_rows(values: Mapping[str, VideoValues]):
    """For JSON; see `from_rows`."""
    return {video: list(dataclasses.astuple(found)) for video, found in values.items()}


def from_rows(rows, *, complete=False):
    """{video: VideoValues} of what `as_rows` gave; ValueError, TypeError or AttributeError for anything else.

    What was written before there were all measures is taken too, unless it has to be `complete`.
    """
    fields, values = dataclasses.fields(VideoValues), {}
    for video, row in rows.items():
        if len(row) != len(fields) and (complete or len(row) not in _FORMER):
            raise ValueError(f"{len(row)} measures of video {video!r}")
        if not all(isinstance(value, field.type) for value, field in zip(row, fields, strict=False)):
            raise ValueError("measures that are no numbers")
        values[video] = found = VideoValues(*row)
        for field in fields:
            if field.name.endswith("_channels") and field.type is str:
                unpack(getattr(found, field.name), found.num_channels)
        bytes.fromhex(found.sketch)
    return values
