"""One pass over a video: how many frames there are, when each is shown, and where decoding can begin."""

import array
import dataclasses

import numpy as np
from av.video.frame import PictureType

from data_pipelines.video.containers import opened
from data_pipelines.video.decoding import Decoding
from data_pipelines.video.file_ends import why_cut_off
from data_pipelines.video.findings import faults_of, warnings_of
from data_pipelines.video.frame_times import DEFAULT_RATE, NO_PTS, is_rising, start_ticks, times_of
from data_pipelines.video.h264 import begins_anew, length_size
from data_pipelines.video.orientation import Orientations

# Containers in which a seek leads to where it should. In MPEG-TS, MPEG-PS, AVI and WMV it does not.
_SEEKABLE = ("mov", "matroska")

# Frames that a decoder holds back at most: the last packet gives one of as many frames.
_LAST_FRAMES = 16


@dataclasses.dataclass(frozen=True, eq=False)
class FrameIndex:
    """What a video holds. Frames are numbered as they come out of the decoder, which is how they are shown.

    Attributes:
      container, codec: FFmpeg's names.
      size: (height, width) of the first frame as it is shown, to which all others are brought.
      pts: int64 [N], when every frame is shown in ticks of `time_base` (numerator, denominator); NO_PTS: not known.
      start: ticks at which the container starts, which is second 0 of a player.
      rate: frames per second; where pts are not usable the one assumed.
      key_pts, key_packets: int64 [K], ticks and numbers in the file of the packets at which decoding can begin.
      header_frames: how many frames the header claims; 0: it does not say.
      is_damaged: some packets or frames are: what a decoder makes of these depends on what it decoded before.
      is_interlaced: a picture may lie in two packets.
      fault: why the video is cut off or damaged, or "".
      warnings: what is odd, in words.
    """

    container: str
    codec: str
    size: tuple[int, int]
    pts: np.ndarray
    time_base: tuple[int, int]
    start: float
    rate: float
    key_pts: np.ndarray
    key_packets: np.ndarray
    header_frames: int = 0
    is_damaged: bool = False
    is_interlaced: bool = False
    fault: str = ""
    warnings: tuple[str, ...] = ()

    def __len__(self):
        return len(self.pts)

    @property
    def times(self):
        """float64 [N], seconds at which a player shows the frames."""
        return times_of(self.pts, self.time_base, self.start, self.rate)

    @property
    def can_seek(self):
        """Whether decoding may begin at a key frame: what it gives can be told from pts, in a container made for it."""
        known = bool(len(self.key_pts)) and is_rising(self.pts) and is_rising(self.key_pts)
        return known and not (self.is_damaged or self.fault) and self.container.split(",")[0] in _SEEKABLE


@dataclasses.dataclass
class Scan:
    """What the pass over a video collects."""

    decoding: Decoding
    header_frames: int
    codec: str
    length_size: int  # of H.264
    pts: array.array = dataclasses.field(default_factory=lambda: array.array("q"))
    keys: dict = dataclasses.field(default_factory=dict)  # pts of a packet at which decoding may begin -> its number
    sizes: dict = dataclasses.field(default_factory=dict)  # (height, width) as shown -> number of frames
    corrupt: list = dataclasses.field(default_factory=list)  # numbers of frames that come out damaged
    num_interlaced: int = 0
    orientations: Orientations = dataclasses.field(default_factory=Orientations)

    def see_packet(self, number, packet):
        """Remembers where decoding may begin."""
        if packet.is_keyframe and packet.pts is not None and (not number or self._begins_anew(packet)):
            self.keys[packet.pts] = number

    def _begins_anew(self, packet):
        return self.codec != "h264" or (self.length_size and begins_anew(packet, self.length_size))

    def see_frame(self, frame):
        """Remembers when a frame is shown, and how."""
        self.pts.append(NO_PTS if frame.pts is None else frame.pts)
        # A key frame that refers to others, whatever its packet says. The first packet is where all begins anyway.
        if self.keys.get(frame.pts) and frame.pict_type != PictureType.I:
            del self.keys[frame.pts]
        size = (frame.height, frame.width)
        size = size[::-1] if self.orientations.of(frame)[0] else size
        self.sizes[size] = self.sizes.get(size, 0) + 1
        if frame.is_corrupt:
            self.corrupt.append(len(self.pts) - 1)
        self.num_interlaced += frame.interlaced_frame

    @property
    def first_lost(self):
        """The first of the last frames that is damaged; their number where none is. They come out in another order."""
        return next((number for number in self.corrupt if number >= len(self.pts) - _LAST_FRAMES), len(self.pts))


def make_index(path, config):
    """Returns the FrameIndex of a file, decoding all of it; VideoError where that is not possible at all."""
    with opened(path, config) as (container, stream):
        decoding = Decoding(container, stream)
        context, claimed = stream.codec_context, stream.frames or _claimed_in_tags(stream)
        scan = Scan(decoding, claimed, context.name, length_size(context.extradata))
        for frame in decoding.frames(scan.see_packet):
            scan.see_frame(frame)
        ends = why_cut_off(path) or _frames_behind_the_end(container, stream, scan)
        return _summary(container, stream, scan, ends, config)


def _summary(container, stream, scan, ends, config):
    """The FrameIndex of what a pass over a video found; `ends` says what the file lacks at its end."""
    decoding = scan.decoding
    ends = ends or _why_broken_off(scan)
    pts = np.array(scan.pts[: scan.first_lost if ends else None], np.int64)
    time_base = stream.time_base.numerator, stream.time_base.denominator
    rate = config.rate or float(stream.guessed_rate or stream.average_rate or DEFAULT_RATE)
    if is_rising(pts) and len(pts) > 1:
        rate = (len(pts) - 1) * time_base[1] / (time_base[0] * float(pts[-1] - pts[0]))
    index = FrameIndex(
        container=container.format.name,
        codec=scan.codec,
        size=next(iter(scan.sizes), (0, 0)),
        pts=pts,
        time_base=time_base,
        start=start_ticks(container, time_base),
        rate=rate,
        key_pts=np.array(list(scan.keys), np.int64),
        key_packets=np.array(list(scan.keys.values()), np.int64),
        header_frames=scan.header_frames,
        is_damaged=bool(decoding.num_damaged or scan.corrupt),
        is_interlaced=bool(scan.num_interlaced),
    )
    fault = faults_of(index, scan, ends)
    warnings = warnings_of(index, scan, fault, _stated_seconds(container, stream), config)
    return dataclasses.replace(index, fault=fault, warnings=warnings)


def _why_broken_off(scan):
    """Why a file of which the container tells nothing seems to end too early, or ""."""
    if scan.decoding.broken:
        return scan.decoding.broken
    if scan.decoding.ends_damaged:
        return "the last packet cannot be decoded"
    return "one of the last frames is damaged" if scan.first_lost < len(scan.pts) else ""


def _frames_behind_the_end(container, stream, scan):
    """What an MP4 file lacks whose own table names frames that lie behind its end, or ""."""
    if len(scan.pts) >= scan.header_frames:
        return ""
    size = container.size
    behind = sum(entry.pos + entry.size > size for entry in stream.index_entries)
    return f"{behind} of the frames in its table lie behind the end of the file" if behind else ""


def _claimed_in_tags(stream):
    """The number of frames that Matroska's statistics state, or 0."""
    tags = [value for name, value in stream.metadata.items() if name.startswith("NUMBER_OF_FRAMES")]
    return int(tags[0]) if tags and tags[0].isascii() and tags[0].isdigit() and len(tags[0]) < 10 else 0


def _stated_seconds(container, stream):
    """How long the header says that the pictures last, or else the whole recording; 0.0: it does not say."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6
