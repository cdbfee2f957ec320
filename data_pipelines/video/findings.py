"""What is wrong or odd about a video, in words, from what the pass over it found."""

import numpy as np

from data_pipelines.core.wording import count
from data_pipelines.video.frame_times import NO_PTS, is_rising, is_variable

# More packets than this share that cannot be decoded are a fault of the file.
_MOST_DAMAGED = 0.05
# Seconds, and share of the whole, by which pictures may end before the duration that a header states.
_SHORT_SEC, _SHORT_SHARE = 1.0, 0.05


def faults_of(index, scan, ends):
    """Why a video is cut off or damaged, with the numbers of header and decoding, or "".

    `ends` says what the file lacks at its end.
    """
    decoding, claimed = scan.decoding, index.header_frames
    numbers = f"{count(index.pts.size, 'frame')} can be decoded" + (f", the header says {claimed}" if claimed else "")
    missing = not claimed or len(index) + decoding.num_hidden < claimed
    if ends and missing:
        return f"cut off: {numbers} ({ends})"
    if not len(index):
        return f"no frame can be decoded, the header says {claimed}" if claimed else "no frame can be decoded"
    if decoding.num_damaged > _MOST_DAMAGED * decoding.num_packets:
        return f"damaged: {numbers}; {count(decoding.num_damaged, 'packet')} cannot be decoded"
    return ""


def warnings_of(index, scan, fault, stated_seconds, config):
    """What is odd about a video that can be used, one text each; `fault` is what `faults_of` says of it.

    `stated_seconds` is the duration in the header, `config` a VideoConfig.
    """
    counts = () if fault else _of_counts(index, scan)
    return (*counts, *_of_times(index, stated_seconds, config), *_of_pictures(scan))


def _of_counts(index, scan):
    decoding, claimed = scan.decoding, index.header_frames
    if claimed and claimed != len(index):
        why = ""
        if decoding.num_empty:
            why = f": {count(decoding.num_empty, 'packet')} without content"
        elif claimed > len(index) and index.container.startswith("mov") and not decoding.num_damaged:
            why = f": an edit list hides {claimed - len(index)}"
        yield f"{count(len(index), 'frame')} can be decoded, the header says {claimed}{why}"
    if decoding.num_damaged:
        yield f"{count(decoding.num_damaged, 'packet')} of {decoding.num_packets} cannot be decoded"
    if damaged := [number for number in scan.corrupt if number < len(index)]:
        yield f"{count(damaged, 'frame')} with damage, the first one is number {damaged[0]}"


def _of_times(index, stated_seconds, config):
    if not is_rising(index.pts):
        why = "has no times" if np.all(index.pts == NO_PTS) else "has times that do not rise"
        whose = "as the settings say" if config.rate else "as the header says, or 25 where it does not"
        if len(index):
            yield f"the file {why}: {index.rate:g} frames a second are assumed, {whose}"
        return
    if is_variable(index.pts):
        yield f"the rate varies, {index.rate:.6g} frames a second on average: times come from every frame"
    short = stated_seconds - (index.times[-1] + 1 / index.rate)
    if short > max(_SHORT_SEC, _SHORT_SHARE * stated_seconds):
        yield f"the pictures end at {index.times[-1]:.3f} s of the {stated_seconds:.3f} s that the header says"


def _of_pictures(scan):
    if len(scan.sizes) > 1:
        sizes = ", ".join(
            f"{width}x{height} ({count(number, 'frame')})" for (height, width), number in scan.sizes.items()
        )
        yield f"the size changes, {sizes}: all frames are resized to the first size"
    if scan.num_interlaced:
        yield f"{count(scan.num_interlaced, 'frame')} are interlaced: both fields stay in a frame, as stored"
    if scan.orientations.askew:
        yield "the display matrix turns by an angle that is no right one: frames stay as they are stored"
