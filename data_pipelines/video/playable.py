"""Whether browsers play a video file, by its container, codec and pixels."""

from data_pipelines.video.config import VideoConfig
from data_pipelines.video.containers import opened

# FFmpeg's names of containers and of the codecs in them that Chromium, Firefox and Safari all play, with their names.
_PLAYED = {
    "mov": {"h264": "H.264", "av1": "AV1", "libdav1d": "AV1", "vp9": "VP9", "libvpx-vp9": "VP9"},
    "matroska": {"vp8": "VP8", "libvpx": "VP8", "vp9": "VP9", "libvpx-vp9": "VP9", "av1": "AV1", "libdav1d": "AV1"},
}
_PIXELS = ("yuv420p", "yuvj420p")  # of H.264; other codecs come with ten bits as well
_WEBM = ".webm"


def why_not_everywhere(path, config=VideoConfig()) -> str:
    """Why some browser, or every one, does not play a file: "mpeg4 in AVI"; "" if all do.

    Raises VideoError where the file cannot be opened.
    """
    with opened(path, config) as (container, stream):
        family, codec = container.format.name.split(",")[0], stream.codec_context.name
        pixels = stream.codec_context.pix_fmt or ""
    name = {"mov": "MP4", "matroska": "Matroska"}.get(family, family.upper())
    if family == "matroska" and not str(path).lower().endswith(_WEBM):
        return f"{codec} in {name}"
    if codec not in _PLAYED.get(family, {}):
        return f"{codec} in {name}"
    return "" if codec != "h264" or pixels in _PIXELS else f"{codec} with pixels {pixels}"
