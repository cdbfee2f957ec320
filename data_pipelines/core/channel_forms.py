"""Channels of features that are no measurement: copies of others, frame numbers, classes, values that outweigh all.

A network learns from them what no new video tells, or nothing. They are found in the frames that `value_measures`
samples, so that many channels cost little.
"""

import numpy as np

from data_pipelines.core.channel_use import known_values, name_channels, pack, unpack
from data_pipelines.core.wording import name_some

# Of fewer channels nothing is usual.
_MIN_CHANNELS = 4
# Sampled frames from which on values that always rise do so by rule.
_MIN_ROWS = 16
# Share of the channels up to which whole numbers are odd, and from which on copies are told.
_MOST_WHOLE, _COPIED = 0.25, 0.1
# Whole numbers nearer to each other are a yes or no, which features may hold.
_MIN_RANGE = 2
# How many times as large as that of the channel in the middle a root mean square is that is told.
_HUGE = 100
# Share of the videos from which on a channel is told.
_OF_VIDEOS = 0.1

_FORMS = {
    "rising_channels": (
        "rising, or falling, from frame to frame",
        "do they hold the number or the time of a frame? A network learns from them when an action usually comes, not "
        "what it looks like",
    ),
    "whole_channels": (
        "of whole numbers only beside fractions",
        "do they hold classes, or numbers of frames? Labels among the features give scores that new videos do not have",
    ),
    "huge_channels": (
        f"over {_HUGE} times as large as most",
        "they outweigh all others: scale all channels alike (mean 0, deviation 1), or leave these out",
    ),
}


class FormMeter:
    """Looks at the channels of sampled frames [N, D], which come in blocks, those of a channel in order."""

    def __init__(self, num_rows, num_channels):
        self._weights = np.random.default_rng(1).integers(0, 2**64, num_rows, np.uint64) | np.uint64(1)
        # A number for every channel, see `RepeatMeter`.
        self._marks = np.zeros(num_channels, np.uint64)
        self._squares = np.zeros(num_channels)
        self._least, self._most = np.full(num_channels, np.inf), np.full(num_channels, -np.inf)
        self._last = np.zeros(num_channels)
        self._is_whole, self._rises, self._falls = np.ones((3, num_channels), bool)

    def add(self, row, channel, rows):
        """Takes float32 [n, d] in, from sampled frame `row` and `channel` on."""
        channels = slice(channel, channel + rows.shape[1])
        if not len(rows):
            return
        # Adding 0 makes one number of 0.0 and -0.0.
        bits = (rows + np.float32(0)).view(np.uint32)
        self._marks[channels] += (bits * self._weights[row : row + len(rows), None]).sum(axis=0, dtype=np.uint64)
        self._squares[channels] += np.square(rows, dtype=np.float64).sum(axis=0)
        self._least[channels] = np.minimum(self._least[channels], rows.min(axis=0))
        self._most[channels] = np.maximum(self._most[channels], rows.max(axis=0))
        self._is_whole[channels] &= (rows == np.rint(rows)).all(axis=0)
        values = np.concatenate([self._last[channels][None], rows])[0 if row else 1 :]
        self._rises[channels] &= (values[1:] > values[:-1]).all(axis=0)
        self._falls[channels] &= (values[1:] < values[:-1]).all(axis=0)
        self._last[channels] = rows[-1]

    def forms(self):
        """Fields of VideoValues."""
        moves, rms = self._most > self._least, np.sqrt(self._squares)
        if len(moves) < _MIN_CHANNELS:
            return {}
        is_whole = self._is_whole & (self._most - self._least >= _MIN_RANGE)
        is_rare = is_whole.sum() <= _MOST_WHOLE * len(moves) and not self._is_whole.all()
        copies, distance = (np.zeros_like(moves), 0) if self._is_whole.all() else self._copies(moves)
        has_order = len(self._weights) >= _MIN_ROWS
        return {
            "rising_channels": pack((self._rises | self._falls) & has_order),
            "whole_channels": pack(is_whole & is_rare),
            "huge_channels": pack(rms > _HUGE * np.median(rms[moves])) if moves.any() else "",
            "copied_channels": pack(copies),
            "copied_from": distance,
        }

    def _copies(self, moves):
        """(bool [D], channels that are those before them; how many places before most of them are)."""
        places = np.flatnonzero(moves)
        _, first, which = np.unique(self._marks[places], return_index=True, return_inverse=True)
        distances = np.zeros(len(moves), np.int64)
        distances[places] = places - places[first[which]]
        copies = distances > 0
        return copies, int(np.bincount(distances[copies]).argmax()) if copies.any() else 0


def form_lines(values):
    """Lines about channels that are no measurement, of VideoValues of the same D by video."""
    values = known_values(values)
    if not values:
        return []
    return [*_copy_lines(values), *_odd_lines(values)]


def _copy_lines(values):
    """The line, if any, about channels that are copies of others."""
    masks = {video: unpack(found.copied_channels, found.num_channels) for video, found in values.items()}
    copied = {video: mask for video, mask in masks.items() if mask.sum() >= max(2, _COPIED * len(mask))}
    if copied:
        video, mask = next(iter(copied.items()))
        distance = values[video].copied_from
        yield (
            f"{name_channels(mask)} the same as other channels, most of them as the one {distance} before, in "
            f"{_where(copied, values)}: was one stream read, or saved, twice in the place of two?"
        )


def _odd_lines(values):
    """Lines about channels by what is odd in them: what is odd in several ways is one line."""
    found = {
        name: {video: unpack(getattr(of, name), of.num_channels) for video, of in values.items()} for name in _FORMS
    }
    least = max(1, _OF_VIDEOS * len(values))
    odd = {name: sum(mask.astype(int) for mask in masks.values()) >= least for name, masks in found.items()}
    # Numbers of frames are large by themselves.
    odd["huge_channels"] &= ~(odd["rising_channels"] | odd["whole_channels"])
    kinds = np.stack([*odd.values()], axis=1)
    for kind in np.unique(kinds[kinds.any(axis=1)], axis=0)[::-1]:
        mask, names = (kinds == kind).all(axis=1), [name for name, is_odd in zip(odd, kind, strict=True) if is_odd]
        videos = [video for video, other in found[names[0]].items() if (other & mask).any()]
        what, cause = ", ".join(_FORMS[name][0] for name in names), _FORMS[names[0]][1]
        yield f"{name_channels(mask)} {what}, in {_where(videos, values)}: {cause}"


def _where(videos, values):
    if len(videos) == len(values):
        return f"all {len(values)} videos" if len(values) > 1 else next(iter(values))
    return f"{len(videos)} of {len(values)} videos ({name_some(videos)})"
