"""Which channels of features say something, compared between videos.

A channel that is the same in all frames of a video says nothing there. Where it changes in the other videos, a stream
is missing or was filled with zeros.
"""

import numpy as np

from data_pipelines.core.wording import count, name_some

# Rows of a block looked at first: they tell of most channels that they change.
_FIRST_ROWS = 8
# Channels that are few: one in so many.
_FEW = 16
# Frames from which on a channel of a video that stays the same is odd.
_MIN_FRAMES = 16
# Share of the videos in which a channel changes that usually does.
_USUAL = 0.9
# Share of the channels that are told of a whole list of videos, and of some videos or one.
_OF_LIST, _OF_VIDEO = 0.05, 0.25
# Of fewer channels that are the same in just the same videos, that is no rule.
_MIN_CHANNELS = 8


class ChannelMeter:
    """Finds the channels of features [T, D] that never change; takes blocks as `value_measures.ValueMeter` does."""

    def __init__(self, num_channels):
        self._first, self._is_still = np.zeros(num_channels, np.float32), np.ones(num_channels, bool)

    def add(self, frame, channel, block):
        """Takes float32 [t, d] in, the values from `frame` and `channel` on."""
        channels = slice(channel, channel + block.shape[1])
        if frame == 0:
            self._first[channels] = block[0]
        is_still, first = self._is_still[channels], self._first[channels]
        rows = block[:: max(1, len(block) // _FIRST_ROWS)]
        is_still &= (rows == first).all(axis=0)
        places = np.flatnonzero(is_still)
        if _FEW * places.size > is_still.size:
            # To look at all channels is quicker than to copy many.
            is_still &= (block.min(axis=0) == first) & (block.max(axis=0) == first)
        elif places.size:
            is_still[places] = (block[:, places] == first[places]).all(axis=0)

    def still(self):
        """The channels that never changed, see `pack`."""
        return pack(self._is_still)


def pack(mask):
    """bool [D] as hexadecimal text; "" where nothing is True."""
    return np.packbits(mask).tobytes().hex() if mask.any() else ""


def unpack(text, num_channels):
    """bool [D] of what `pack` gave; ValueError for the text of another number of channels."""
    if not text:
        return np.zeros(num_channels, bool)
    packed = np.frombuffer(bytes.fromhex(text), np.uint8)
    if len(packed) != -(-num_channels // 8):
        raise ValueError("channels of another number")
    return np.unpackbits(packed, count=num_channels).astype(bool)


def usual_channels(values):
    """(D, packed) channels that change in nearly all of {video: VideoValues}; (0, "") where that is not known."""
    changes, number = _changes(values)
    if not number:
        return 0, ""
    return len(changes), pack(changes >= _USUAL * number)


def channel_lines(values, lists):
    """Lines about lists or videos in which channels stay the same that change in the others.

    `values` are VideoValues of the same D by video, `lists` names of videos by subset, "train" and others.
    """
    values, lines, told = known_values(values), [], set()
    train = {video: values[video] for video in lists.get("train", ()) if video in values}
    for name, videos in lists.items():
        found = {video: values[video] for video in videos if video in values}
        if name == "train" or train.keys() & found.keys() or min(len(train), len(found)) < 2:
            continue
        pairs = (("training", train), (name, found))
        for (one, still), (other, changing) in (pairs[::-1], pairs):
            lost = _lost(still, changing)
            if lost.sum() >= max(2, _OF_LIST * len(lost)):
                told |= still.keys()
                lines.append(
                    f"{name_channels(lost)} the same in every frame of each of the {len(still)} {one} videos, but "
                    f"{'do' if lost.sum() > 1 else 'does'} change in the {other} videos: {_CAUSE}"
                )
    return lines + _pattern_lines({video: found for video, found in values.items() if video not in told})


def compare_channels(values, usual, num_channels):
    """Lines about new videos in which channels stay the same that change in the videos trained with.

    `usual` and `num_channels` are of `usual_channels`.
    """
    values, expected = known_values(values), unpack(usual, num_channels)
    lost = {
        video: unpack(found.still_channels, num_channels) & expected
        for video, found in values.items()
        if found.num_channels == num_channels
    }
    odd = [video for video, mask in lost.items() if mask.sum() >= max(2, _OF_VIDEO * num_channels)]
    if not odd:
        return []
    common = np.logical_and.reduce([lost[video] for video in odd])
    what = name_channels(common) if common.any() else "a quarter of the channels or more are"
    return [
        f"{what} the same in every frame of {count(odd, 'video')}, but changed in the videos trained with: "
        f"{name_some(odd)}. {_CAUSE[0].upper()}{_CAUSE[1:]}"
    ]


_CAUSE = "is a stream missing, or was it filled with zeros?"


def known_values(values):
    """Those of {video: VideoValues} whose channels are known and that are long enough."""
    return {v: found for v, found in values.items() if found.num_channels and found.num_frames >= _MIN_FRAMES}


def _changes(values):
    """(int [D], in how many videos a channel changes; number of videos), of those that are known."""
    values, total = known_values(values), 0
    for found in values.values():
        total = total + ~unpack(found.still_channels, found.num_channels)
    return total, len(values)


def _lost(still, changing):
    """bool [D], channels that change in nearly all of some videos and in none of the others."""
    return (_changes(still)[0] == 0) & (_changes(changing)[0] >= _USUAL * len(changing))


def _pattern_lines(values):
    """The line, if any, about many channels that stay the same in just the same videos: a stream that those lack."""
    # Of whole numbers, such as one class a frame, a channel is a class that a video may lack.
    values = {video: found for video, found in values.items() if not found.is_whole}
    odd = {video: unpack(found.still_channels, found.num_channels) for video, found in values.items()}
    odd = {video: mask for video, mask in odd.items() if mask.any()}
    if not odd:
        return []
    patterns = np.ascontiguousarray(np.packbits(np.stack([*odd.values()]), axis=0).T)
    kinds, which, numbers = np.unique(patterns, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    numbers[~kinds.any(axis=1)] = 0
    most = int(numbers.argmax())
    videos = [v for v, is_in in zip(odd, np.unpackbits(kinds[most], count=len(odd)), strict=True) if is_in]
    if numbers[most] < max(_MIN_CHANNELS, _OF_VIDEO * len(which)) or len(videos) == len(values):
        return []
    others = count(len(values) - len(videos), "other video")
    return [
        f"{name_channels(which == most)} the same in every frame of {len(videos)} of {len(values)} videos, but not in "
        f"the {others.removeprefix('1 ')}: {name_some(videos)}. {_CAUSE[0].upper()}{_CAUSE[1:]}"
    ]


def name_channels(mask):
    """As a subject: "1024 of 2048 channels (1024 to 2047) are"."""
    places = np.flatnonzero(mask)
    is_range = len(places) > 2 and places[-1] - places[0] + 1 == len(places)
    where = f"{places[0]} to {places[-1]}" if is_range else name_some(map(str, places))
    return f"{len(places)} of {count(len(mask), 'channel')} ({where}) {'is' if len(places) == 1 else 'are'}"
