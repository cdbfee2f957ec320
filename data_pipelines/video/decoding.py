"""Decodes a video from its first packet to its last: the order and number of frames that count."""

import av


class Decoding:
    """Iterates over the frames of an opened stream as they come out of the decoder, which is flushed at the end.

    Attributes, complete when the iteration is:
      num_packets: packets that hold something; empty ones stand for frames that were never recorded.
      num_empty, num_hidden: empty packets; packets of which an edit list says that they are not shown.
      num_damaged: packets after the first frame that the decoder refuses; `ends_damaged`: the last one is among them.
      broken: why reading stops before the end of the file, or "".
    """

    def __init__(self, container, stream):
        self._container, self._stream = container, stream
        self.num_packets = self.num_empty = self.num_hidden = self.num_damaged = 0
        self.ends_damaged, self.broken = False, ""

    def packets(self):
        """The packets that hold something; also for those who choose themselves what to decode."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    yield packet
                elif packet.dts is not None:
                    self.num_empty += 1
        except IndexError:
            # PyAV at the end of a file in which more streams turn up than at its start: all has been read.
            return
        except av.FFmpegError as error:
            self.broken = error.strerror or str(error)

    def frames(self, on_packet=None):
        """The frames, of which `on_packet` sees the number and packet before they are decoded."""
        decode, started = self._stream.codec_context.decode, False
        for packet in self.packets():
            if on_packet is not None:
                on_packet(self.num_packets, packet)
            self.num_packets += 1
            self.num_hidden += packet.is_discard
            try:
                frames = decode(packet)
            except (av.FFmpegError, EOFError):
                # A recording that begins in the middle of a group cannot be decoded up to its first key frame.
                self.num_damaged += started
                self.ends_damaged = started
                continue
            self.ends_damaged = False
            started = started or bool(frames)
            yield from frames
        try:
            yield from decode(None)
        except (av.FFmpegError, EOFError):
            self.num_damaged += 1
            self.ends_damaged = True
