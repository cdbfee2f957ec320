"""Opens video files for decoding: regular files of this machine only, in formats that name no other files."""

import contextlib
import os

import av
from av.stream import Discard, Disposition

from data_pipelines.video.errors import VideoError, reason_of
from data_pipelines.video.file_ends import why_cut_off
from data_pipelines.video.sizes import MOST_PIXELS
from fact_jax.files import open_data

# FFmpeg's names. Playlists, scripts and devices are not among them, nor texts, which it would render; sound is, so that
# a message can tell it from what is no recording at all.
_FORMATS = (
    "mov,matroska,webm,avi,mpegts,mpeg,asf,flv,live_flv,gif,ogg,nut,mxf,dv,rm,wtv,ivf,h264,hevc,vvc,av1,obu,m4v,"
    "mpegvideo,mjpeg,h263,vc1,yuv4mpegpipe,apng,webp_anim,swf,mp3,wav,flac,aac,ac3,aiff,amr,caf"
)
_COPY = "copy it again, or leave it out"
_CONVERT = "expected a video file such as MP4, MKV, WebM or AVI; convert it, or leave it out"


@contextlib.contextmanager
def opened(path, config):
    """Yields (container, video stream) of a file, decoded by one thread; closes it.

    `config` is a VideoConfig. Raises VideoError where the file or the stream cannot be opened, and for what FFmpeg
    raises inside of the `with` block.
    """
    _check_file(path)
    try:
        # The prefix keeps a name such as "http:a" from being an address.
        container = av.open(
            f"file:{os.path.abspath(path)}",
            metadata_errors="replace",
            options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
        )
    except (av.FFmpegError, ValueError) as error:
        raise _unopened(path, error) from error
    with container:
        try:
            stream = _choose_stream(path, container, config)
            context = stream.codec_context
            context.thread_count, context.thread_type = 1, "NONE"
            context.options = {"max_pixels": str(MOST_PIXELS)}
            for other in container.streams:
                if other.index != stream.index:
                    other.discard = Discard.all
            yield container, stream
        except av.FFmpegError as error:
            raise VideoError(path, f"decoding fails ({reason_of(error)})", _COPY) from error


def _check_file(path):
    try:
        with open_data(path) as file:
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise VideoError(path, "file is missing", "correct the name") from None
    except OSError as error:
        raise VideoError(path, f"file cannot be read ({error.strerror})", "expected a regular file") from error
    if not size:
        raise VideoError(path, "the file is empty", _COPY)


def _unopened(path, error):
    if reason := why_cut_off(path):
        return VideoError(path, f"cut off, and cannot be opened: {reason}", _COPY)
    # FFmpeg refuses formats that are not listed as an invalid argument.
    return VideoError(path, f"no video, or none of a known format ({reason_of(error)})", _CONVERT)


def _choose_stream(path, container, config):
    """The video stream; pictures of covers and previews are none."""
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        others = [name for name in ("audio", "subtitles", "data") if getattr(container.streams, name)]
        holds = ", ".join((["a cover picture"] if container.streams.video else []) + others) or "nothing"
        raise VideoError(path, f"no video stream: it holds {holds}", "leave it out")
    if config.stream >= len(streams) or (config.stream < 0 and len(streams) > 1):
        listed = ", ".join(f"{number}: {_describe(stream)}" for number, stream in enumerate(streams))
        raise VideoError(path, f"the video streams {listed}", "choose one with the setting `stream`")
    stream = streams[max(config.stream, 0)]
    if stream.codec_context is None:
        raise VideoError(path, "its codec cannot be decoded", "convert it to H.264")
    return stream


def _describe(stream):
    context = stream.codec_context
    return f"{context.name} {context.width}x{context.height}" if context else "an unknown codec"
