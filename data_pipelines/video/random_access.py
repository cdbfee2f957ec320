"""Decodes chosen frames of a file: exactly what decoding all of it gives, and no more than that takes.

Where the index allows it, decoding begins at key frames, and ends with the last packet that is asked for. Every frame
is known by its pts; whatever differs from the index, all is decoded from the start.
"""

import bisect
import itertools

import av
import numpy as np

from data_pipelines.video.containers import opened
from data_pipelines.video.decoding import Decoding
from data_pipelines.video.errors import VideoError
from data_pipelines.video.frame_times import NO_PTS
from data_pipelines.video.h264 import is_unreferenced, length_size

# Decoding this many packets takes less than to empty the decoder and to seek.
_NEAR_PACKETS = 8


def decode_frames(path, index, wanted, config):
    """Yields (place in `wanted`, av.VideoFrame) of the frames `wanted`, int64 [N] that rise, each once.

    They come in order, but for files in which a seek went wrong. Raises VideoError where the file no longer holds them.
    """
    is_left = np.ones(len(wanted), bool)
    if index.can_seek and len(wanted):
        with opened(path, config) as (container, stream):
            for place, frame in _Groups(container, stream, index, wanted).frames():
                is_left[place] = False
                yield place, frame
    if is_left.any():
        with opened(path, config) as (container, stream):
            yield from _from_start(path, container, stream, index, wanted, np.flatnonzero(is_left).tolist())


def _from_start(path, container, stream, index, wanted, places):
    places = iter(places)
    place = next(places)
    for number, frame in enumerate(Decoding(container, stream).frames()):
        if number >= len(index) or (NO_PTS if frame.pts is None else frame.pts) != index.pts[number]:
            break
        if number == wanted[place]:
            yield place, frame
            place = next(places, None)
            if place is None:
                return
    raise VideoError(path, "the file does not hold the frames that it held before", "start the command again")


class _Groups:
    """Frames by group: those from one key frame up to the next, in the order in which they are shown."""

    def __init__(self, container, stream, index, wanted):
        self._container, self._stream, self._index = container, stream, index
        self._decode = stream.codec_context.decode
        self._wanted = wanted
        # What is shown before the first key frame has to be decoded from the start.
        self._keys = np.searchsorted(index.key_pts, index.pts[wanted], side="right") - 1
        # How many of them have been taken up.
        self._done = int(np.searchsorted(self._keys, 0))
        # By pts: the places in `wanted` of frames that have not come out, and which packets have not gone in.
        self._pending, self._unfed = {}, set()
        self._packets, self._place = iter(()), 0  # what comes next, and its number in the file
        self._floor = 0  # pts of the key frame at which decoding began: what is shown before it is incomplete
        skips = index.codec == "h264" and not index.is_interlaced
        self._length_size = length_size(stream.codec_context.extradata) if skips else 0

    def frames(self):
        """Yields (place in `wanted`, av.VideoFrame) until all have come, or something is not as the index says."""
        try:
            while (key := self._next_key()) is not None:
                self._take_group()
                if not self._go_to(key):
                    return
                yield from self._run()
                if self._pending:
                    return
        except (av.FFmpegError, EOFError):
            return  # decoded from the start, where errors count as they did when the index was made

    def _next_key(self):
        """The number of the key frame at which the next group begins, or None."""
        return int(self._keys[self._done]) if self._done < len(self._keys) else None

    def _take_group(self):
        end = int(np.searchsorted(self._keys, self._keys[self._done], side="right"))
        pts = self._index.pts[self._wanted[self._done : end]]
        frames = dict(zip(pts.tolist(), range(self._done, end), strict=True))
        self._done = end
        self._pending |= frames
        self._unfed |= frames.keys()

    def _go_to(self, key):
        """Seeks to a key frame, and returns whether the next packet is that one, or a key frame before it."""
        self._container.seek(int(self._index.key_pts[key]), stream=self._stream)
        packets = Decoding(self._container, self._stream).packets()
        first = next(packets, None)
        if first is None or first.pts is None or not first.is_keyframe:
            return False
        landed = bisect.bisect_left(self._index.key_pts, first.pts)
        if landed > key or self._index.key_pts[landed] != first.pts:
            return False
        self._packets, self._floor = itertools.chain([first], packets), first.pts
        self._place = int(self._index.key_packets[landed])
        return True

    def _run(self):
        """Decodes from one key frame up to the last frame of all groups that are near."""
        for packet in self._packets:
            self._place += 1
            if packet.pts not in self._unfed and self._is_needless(packet):
                continue
            self._unfed.discard(packet.pts)
            yield from self._wanted_of(self._decode(packet))
            # A picture in two fields is complete when it comes out, not when its packet has gone in.
            if self._unfed or (self._index.is_interlaced and self._pending):
                continue
            if self._next_is_near():
                self._take_group()
            else:
                break
        if self._pending:
            yield from self._wanted_of(self._decode(None))

    def _is_needless(self, packet):
        return self._length_size and is_unreferenced(packet, self._length_size)

    def _next_is_near(self):
        key = self._next_key()
        return key is not None and self._index.key_packets[key] - self._place <= _NEAR_PACKETS

    def _wanted_of(self, frames):
        for frame in frames:
            if frame.pts is not None and frame.pts >= self._floor and frame.pts in self._pending:
                self._unfed.discard(frame.pts)
                yield self._pending.pop(frame.pts), frame
