"""Small video files whose frames carry their own number as a bar code."""

from fractions import Fraction

import av
import numpy as np

WIDTH, HEIGHT, BITS = 128, 64, 8
_BAR = WIDTH // BITS


def bar_code(number, width=WIDTH, height=HEIGHT):
    """uint8 [height, width, 3]: one bar a bit of `number`, the highest on the left, dark for 0 and bright for 1.

    The upper half shows the bits, the lower half their opposites with a tint: turned frames are told apart, and no two
    frames are alike.
    """
    bits = np.array([number >> bit & 1 for bit in reversed(range(BITS))])
    row = np.repeat(np.where(bits, 215, 40), -(-width // BITS))[:width]
    frame = np.repeat(np.repeat(row[None, :, None], height, axis=0), 3, axis=2).astype(np.uint8)
    frame[height // 2 :] = 255 - frame[height // 2 :]
    frame[height // 2 :, :, 0] //= 2
    return frame


def number_of(frame):
    """The number that a frame of any size shows, or None if it is none."""
    upper = frame[: frame.shape[0] // 2].mean((0, 2))
    bars = [part[len(part) // 4 : -(len(part) // 4) or None].mean() for part in np.array_split(upper, BITS)]
    if any(100 < bar < 155 for bar in bars):
        return None
    return sum((bar > 127) << (BITS - 1 - place) for place, bar in enumerate(bars))


def numbers_of(frames):
    return [number_of(frame) for frame in frames]


def write_video(path, numbers=range(60), *, codec="libx264", rate=30, times=None, gop=12, options=None, **settings):
    """Writes a bar-code video and returns its path.

    `times` are ticks of 1 / `rate` per frame; `options` those of the codec. `settings` are those of `_add_stream` and
    `form` (the name of the container), `container` (its options), `pictures` (frames instead of bar codes), `size`
    (height and width of pictures that are no arrays), `sound` (seconds between which there is sound) and `cut` (the
    share of the bytes that is kept).
    """
    size = settings.pop("size", None)
    form, container = settings.pop("form", None), settings.pop("container", {})
    pictures, sound, cut = settings.pop("pictures", None), settings.pop("sound", None), settings.pop("cut", None)
    pictures = [bar_code(number) for number in numbers] if pictures is None else pictures
    with av.open(str(path), "w", format=form, options=container) as file:
        stream = _add_stream(file, codec, rate, gop, options or {}, size or pictures[0].shape, **settings)
        speaker = file.add_stream("mp3" if path.suffix == ".avi" else "aac", rate=44100) if sound else None
        if speaker:
            _mux_sound(file, speaker, *sound)
        _mux_pictures(file, stream, pictures, range(len(pictures)) if times is None else times, rate)
        if speaker:
            file.mux(speaker.encode(None))
    if cut:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * cut)])
    return path


def _add_stream(file, codec, rate, gop, options, shape, *, pix_fmt="yuv420p", display=None, colours=None, setup=None):
    if codec == "libx264":
        options = {"preset": "veryfast", "bf": "3", "b-pyramid": "none", "sc_threshold": "0", "threads": "1"} | options
    stream = file.add_stream(codec, rate=rate, options=options)
    stream.height, stream.width, stream.pix_fmt = *shape[:2], pix_fmt
    stream.gop_size = gop
    stream.codec_context.thread_count = 1
    if colours:
        stream.codec_context.colorspace, stream.codec_context.color_range = colours
    if display:
        stream.set_display_matrix(display)
    if setup:
        setup(stream.codec_context)
    return stream


def _mux_pictures(file, stream, pictures, times, rate):
    for picture, time in zip(pictures, times, strict=True):
        frame = picture if isinstance(picture, av.VideoFrame) else av.VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = time, Fraction(1, rate)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _mux_sound(file, speaker, first, last):
    samples = 1152 if speaker.codec_context.name.startswith(("mp3", "libmp3")) else 1024
    for start in range(int(first * 44100), int(last * 44100), samples):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.float32), "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        file.mux(speaker.encode(frame))
