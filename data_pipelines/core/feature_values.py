"""What the features of a video are like as numbers: told where one video, or one list of videos, is unlike the others.

Features of another extractor, of another scaling or of one that broke off have the right shape, and nothing else says
so. The measures are those of `value_measures`.
"""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from data_pipelines.core.channel_forms import form_lines
from data_pipelines.core.channel_use import channel_lines, compare_channels, unpack, usual_channels
from data_pipelines.core.copies import pieces_note
from data_pipelines.core.repeats import repeat_lines, still_lines
from data_pipelines.core.value_groups import (
    OTHER_NORM,
    SAME_NORM,
    SOME_NEGATIVE,
    Split,
    norm_split,
    scale_split,
    sign_split,
)
from data_pipelines.core.value_measures import VideoValues
from data_pipelines.core.wording import count, name_some

# How many times as large as the others values are that are told, of one video and of a whole list.
_OTHER_SCALE, _OTHER_LIST = 5.0, 3.0
_MIN_VIDEOS = 3


@dataclasses.dataclass(frozen=True)
class ValueRange:
    """What the features that a run is trained with are like.

    Attributes:
      least, median, most: of the root mean squares of its videos.
      is_whole: whether all values are whole numbers.
      negative: (least, largest) share of values below 0 in a video; None where it is not known, as in older records.
      norm_spread: the same of the spread of norms, see VideoValues.
      num_channels, usual_channels: see `channel_use.usual_channels`.
      is_repeated: whether frames come several times in a row in some video.
    """

    least: float
    median: float
    most: float
    is_whole: bool
    negative: Sequence[float] | None = None
    norm_spread: Sequence[float] | None = None
    num_channels: int = 0
    usual_channels: str = ""
    is_repeated: bool = False

    @classmethod
    def of(cls, values: Mapping[str, VideoValues]):
        """That of the videos that are not zero throughout; None where there are none."""
        sound = {video: found for video, found in values.items() if 0 < found.rms < float("inf")}
        if not sound:
            return None
        rms = [found.rms for found in sound.values()]
        is_whole = all(video.is_whole for video in values.values())
        num_channels, usual = usual_channels(sound)
        return cls(
            least=min(rms),
            median=statistics.median(rms),
            most=max(rms),
            is_whole=is_whole,
            negative=_span(found.negative for found in sound.values()),
            norm_spread=_span(found.norm_spread for found in sound.values()),
            num_channels=num_channels,
            usual_channels=usual,
            is_repeated=any(found.run for found in sound.values()),
        )

    @classmethod
    def from_record(cls, record):
        """That of the fields in a file; ValueError or TypeError for anything else."""
        found = cls(**record)
        spans = [span for span in (found.negative, found.norm_spread) if span is not None]
        numbers = (found.least, found.median, found.most, found.num_channels, *(n for span in spans for n in span))
        if not all(isinstance(flag, bool) for flag in (found.is_whole, found.is_repeated)):
            raise ValueError("no yes or no")
        if not all(0 <= n < float("inf") for n in numbers) or not found.least > 0 or {*map(len, spans)} - {2}:
            raise ValueError("values that are none")
        unpack(found.usual_channels, found.num_channels)
        return found


def _span(numbers):
    """(least, largest) of those that are known, or None."""
    known = [number for number in numbers if number is not None]
    return (min(known), max(known)) if known else None


def value_lines(
    values: Mapping[str, VideoValues], lists: Mapping[str, Sequence[str]], checksums: Mapping[str, str] | None = None
):
    """Lines about videos whose features are unlike those of the others; () where nothing is odd.

    `lists` are the names of videos by subset, "train" and others; videos of the same `checksums` are told elsewhere.
    """
    moving = {video: found for video, found in values.items() if not found.is_constant and found.rms > 0}
    by_list = {name: [video for video in videos if video in moving] for name, videos in lists.items()}
    found = [norm_split(moving, by_list), *_list_splits(moving, by_list)]
    # One cause, one line: groups that were told are not told again for their scale or signs.
    found += [find(moving, by_list) for find in (scale_split, sign_split)]
    splits = {}
    for split in filter(None, found):
        if split.group not in splits and frozenset(moving.keys() - split.group) not in splits:
            splits[split.group] = split
    lines = [split.line for split in splits.values()]
    # Nor are their videos: they are compared with those of their own group.
    groups = {}
    for video in moving:
        groups.setdefault(tuple(video in group for group in splits), []).append(video)
    for videos in groups.values():
        lines += _scale_lines({video: moving[video].rms for video in videos})
    lines += _whole_lines(moving) + channel_lines(moving, by_list) + form_lines(moving)
    lines += still_lines(values) + repeat_lines(moving)
    return (*lines, *pieces_note(moving, by_list, checksums or {}))


def compare_values(values: Mapping[str, VideoValues], trained: ValueRange):
    """Lines about new videos whose features are unlike those that a run was trained with."""
    lines = []
    still = [video for video, found in values.items() if found.is_constant]
    if still:
        lines.append(f"{count(still, 'video')} with features that are the same in every frame: {name_some(still)}")
    moving = {video: found for video, found in values.items() if not found.is_constant and found.rms > 0}
    of_other_norms = [video for video, found in moving.items() if _has_other_norms(found, trained)]
    if of_other_norms and trained.norm_spread:
        kinds = ["norms that vary", "the same norm in all frames"]
        new, former = kinds if trained.norm_spread[1] <= SAME_NORM else kinds[::-1]
        lines.append(
            f"{new} in {_named(of_other_norms, values)}, {former} of the features trained with: were only some "
            "normalised (L2)?"
        )
    far = {
        video: found.rms
        for video, found in moving.items()
        if video not in of_other_norms and _is_far(found.rms, trained)
    }
    if far:
        lines.append(
            f"values of {_named(far, values)} are {_times(far.values(), trained.median)} as large as those of the "
            "features trained with (root mean square): another extractor, or another scaling?"
        )
    other_signs = [v for v, found in moving.items() if v not in far and _has_other_signs(found, trained)]
    if other_signs and trained.negative:
        new, former = ("no", "many") if trained.negative[0] else ("many", "none")
        lines.append(
            f"{new} values below 0 in {_named(other_signs, values)}, {former} in the features trained with: another "
            "extractor, layer or scaling?"
        )
    whole = [video for video, found in moving.items() if found.is_whole and not trained.is_whole]
    if whole:
        lines.append(
            f"whole numbers only in {_named(whole, values)}, fractions in the features trained with: were they "
            "rounded, or saved as integers?"
        )
    lines += compare_channels(moving, trained.usual_channels, trained.num_channels) + still_lines(values)
    # Where features trained with are repeated, new ones are to be so too.
    repeated = {v: dataclasses.replace(found, run=0.0) if trained.is_repeated else found for v, found in moving.items()}
    return (*lines, *repeat_lines(repeated))


def _has_other_norms(found, trained):
    """Whether frames have the same norm in a video and others in those trained with, or the other way round."""
    if found.norm_spread is None or trained.norm_spread is None:
        return False
    least, most = trained.norm_spread
    is_same = found.norm_spread <= SAME_NORM and least >= OTHER_NORM
    return is_same or (found.norm_spread >= OTHER_NORM and most <= SAME_NORM)


def _has_other_signs(found, trained):
    """Whether a video has no value below 0 and those trained with have many, or the other way round."""
    if found.negative is None or trained.negative is None or found.is_whole or trained.is_whole:
        return False
    least, most = trained.negative
    has_none = found.negative == 0 and least >= SOME_NEGATIVE
    return has_none or (found.negative >= SOME_NEGATIVE and most == 0)


def _is_far(rms, trained):
    """Whether a root mean square is beyond all of those trained with by far."""
    least, most = min(trained.least, trained.median), max(trained.most, trained.median)
    beyond = rms > most * _OTHER_LIST or rms < least / _OTHER_LIST
    return beyond and rms > 0 and not 1 / _OTHER_SCALE < rms / trained.median < _OTHER_SCALE


def _list_splits(moving, by_list):
    """A Split for every list whose values are of another scale than those of the training videos."""
    train = [moving[video].rms for video in by_list.get("train", ())]
    for name, videos in by_list.items():
        found = [moving[video].rms for video in videos]
        if name == "train" or set(videos) & set(by_list.get("train", ())) or min(len(train), len(found)) < _MIN_VIDEOS:
            continue
        ratio = statistics.median(found) / statistics.median(train)
        apart = min(found) > max(train) if ratio > 1 else max(found) < min(train)
        if max(ratio, 1 / ratio) >= _OTHER_LIST and apart:
            yield Split(
                f"values of the {name} videos are {_times([ratio], 1.0)} as large as those of the training videos "
                "(root mean square): are both of the same extractor and scaling?",
                frozenset(videos),
            )


def _scale_lines(rms):
    """The line, if any, about videos whose values are much larger or smaller than those of most."""
    if len(rms) < _MIN_VIDEOS:
        return []
    median = statistics.median(rms.values())
    ratios = {video: max(value / median, median / value) for video, value in rms.items()}
    # Where videos differ by nature, as sparse scores do, only those beyond this spread are told.
    spread = float(np.quantile([*ratios.values()], 0.75, method="lower"))
    odd = {video: rms[video] for video, ratio in ratios.items() if ratio >= _OTHER_SCALE * max(1.0, spread / 1.5)}
    if not odd:
        return []
    return [
        f"values of {_named(odd, rms)} are {_times(odd.values(), median)} as large as those of the others (root mean "
        "square): another extractor, or another scaling?"
    ]


def _whole_lines(moving):
    """The line, if any, about a few videos of whole numbers among others."""
    whole = [video for video, found in moving.items() if found.is_whole]
    if not whole or 2 * len(whole) >= len(moving):
        return []
    return [
        f"whole numbers only in {_named(whole, moving)}, fractions in the others: were they rounded, or saved as "
        "integers?"
    ]


def _named(odd, everything):
    """ "v1", or "3 of 20 videos (v1, v2, v3)"."""
    names = list(odd)
    return names[0] if len(names) == 1 else f"{len(names)} of {len(everything)} videos ({name_some(names)})"


def _times(values, usual):
    """ "37 times", "0.02 times", "37 to 52 times"."""
    ratios = sorted({f"{value / usual:.2g}": value for value in values}.items(), key=lambda pair: pair[1])
    texts = [ratios[0][0]] if len(ratios) == 1 else [ratios[0][0], ratios[-1][0]]
    return " to ".join(f"{float(text):g}" for text in texts) + " times"
