"""Whether features and labels go together, told from their lengths in all videos of a dataset at once.

`config.data.length_tolerance` is for rounding at the end of a video. Another rate of the features is within it where
videos are short, and would put most labels beside the wrong features. Lengths are given as a dict from video id to
(stored features, lines of the label file).
"""

import collections
import dataclasses
import statistics

from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count

# A pattern is told from so many videos or more, of which this share follow it.
_MIN_VIDEOS = 3
_FOLLOWING = 0.9
# Labels per feature, or features per label, that are another rate however short the videos are; more where all videos
# are equally long, as a constant difference looks the same there.
_OTHER_RATE = 1.25
_OTHER_RATE_OF_EQUALS = 1.5
# Frames that rounding at the end of a video explains.
_MOST_ROUNDING = 3


@dataclasses.dataclass(frozen=True)
class Pattern:
    """What the lengths of most videos have in common.

    Attributes:
      rate: labels per feature; 1.0 where the difference is the same in all videos.
      shift: labels more than features, where it is the same; 0 otherwise.
      videos: those that follow the pattern.
    """

    rate: float
    shift: int
    videos: frozenset

    @property
    def is_other_rate(self):
        """Whether the rate differs by more than two clocks do."""
        return max(self.rate, 1 / self.rate) >= _OTHER_RATE


def find_pattern(lengths):
    """The Pattern that at least nine in ten videos follow, or None: equal lengths, or differences without a rule."""
    if len(lengths) < _MIN_VIDEOS:
        return None
    gaps = {video: labels - frames for video, (frames, labels) in lengths.items()}
    rate = statistics.median(labels / frames for frames, labels in lengths.values())
    common = statistics.mode(gaps.values())
    same = frozenset(video for video, gap in gaps.items() if gap == common)
    shifted = common != 0 and len(same) >= _FOLLOWING * len(lengths)
    if shifted and len(set(lengths.values())) == 1 and max(rate, 1 / rate) >= _OTHER_RATE_OF_EQUALS:
        return Pattern(rate, 0, same)
    if shifted:
        return Pattern(1.0, common, same)
    rest = {video: abs(labels - rate * frames) for video, (frames, labels) in lengths.items()}
    # Rounding leaves out, or adds, a part of one feature or label.
    fitting = frozenset(video for video, value in rest.items() if value <= max(rate, 1.0))
    spread = statistics.fmean(abs(gap - statistics.median(gaps.values())) for gap in gaps.values())
    if len(fitting) < _FOLLOWING * len(lengths) or statistics.fmean(rest[video] for video in fitting) >= spread:
        return None
    return Pattern(rate, 0, fitting)


def length_problems(layout, lengths):
    """Problems of features and labels whose lengths contradict each other; a common cause is one Problem."""
    tolerance = layout.data.length_tolerance
    beyond = {video for video, (frames, labels) in lengths.items() if abs(frames - labels) > tolerance}
    if beyond and (found := _one_length(lengths)):
        expected = "expected one feature per label: were they resampled or cut to one length? Extract them anew"
        return [Problem(str(layout.feature_dir), 0, found, expected)]
    pattern, problems = find_pattern(lengths), []
    most_beyond = pattern and 2 * len(beyond & pattern.videos) > len(pattern.videos)
    if pattern and (pattern.is_other_rate or most_beyond):
        problems.append(Problem(str(layout.feature_dir), 0, *_common_cause(pattern, lengths, tolerance)))
        beyond -= pattern.videos
    for video in sorted(_of_another_rate(lengths, pattern.videos if pattern else frozenset()) - beyond):
        frames, labels = lengths[video]
        found = f"{frames} frames of features for {labels} labels, {_rate_text(labels / frames)}"
        expected = "expected as many, as in the other videos: is this one of another rate, or cut?"
        problems.append(Problem(str(layout.feature_file(video)), 0, found, expected))
    fitting = 0 if pattern else len(lengths) - len(beyond)
    for part in _parts_of_other_rates({video: lengths[video] for video in lengths if video in beyond}):
        found, expected = _common_cause(part, lengths, tolerance)
        also = f", while {fitting} of {count(lengths, 'video')} have one" if fitting else ""
        problems.append(Problem(str(layout.feature_dir), 0, f"{found}{also}", expected))
        beyond -= part.videos
    for video in (video for video in lengths if video in beyond):
        frames, labels = lengths[video]
        found = f"{count(frames, 'frame')} of features for {count(labels, 'label')}"
        expected = f"expected them within {tolerance} (config.data.length_tolerance)"
        if _whole_rate(frames, labels):
            found += f", {_rate_text(labels / frames)}"
            expected += ": is one of the two of another rate?"
        problems.append(Problem(str(layout.feature_file(video)), 0, found, expected))
    return problems


def _parts_of_other_rates(lengths):
    """Yields a Pattern for each set of two or more videos, of which no other set has the rate."""
    by_rate = collections.defaultdict(list)
    for video, (frames, labels) in lengths.items():
        by_rate[_whole_rate(frames, labels)].append(video)
    rest = by_rate.pop(0.0, [])
    for rate, videos in by_rate.items():
        if len(videos) > 1:
            yield Pattern(rate, 0, frozenset(videos))
    pattern = find_pattern({video: lengths[video] for video in rest})
    if pattern and not pattern.shift:
        yield pattern


def _whole_rate(frames, labels):
    """Labels per feature if there are a whole number of them for every feature, or the other way round; 0.0 if not."""
    more, less = max(frames, labels), min(frames, labels)
    number = round(more / less)
    if number < 2 or abs(more - number * less) > number:
        return 0.0
    return float(number) if labels > frames else 1 / number


def _of_another_rate(lengths, following):
    """Videos so short that another rate of theirs is within the tolerance, while the others are as long as labels.

    Those that follow the Pattern of the others are none. What is common among the others is no other rate either.
    """
    rates = {video: max(labels / frames, frames / labels) for video, (frames, labels) in lengths.items()}
    gaps = {video: abs(labels - frames) for video, (frames, labels) in lengths.items()}
    odd = {video for video, rate in rates.items() if rate >= _OTHER_RATE_OF_EQUALS} - following
    usual = max((gap for video, gap in gaps.items() if video not in odd), default=0)
    if len(lengths) < _MIN_VIDEOS or 2 * len(odd) >= len(lengths):
        return set()
    return {video for video in odd if gaps[video] > max(usual, _MOST_ROUNDING)}


def _rate_text(rate):
    more, less = ("labels", "feature") if rate > 1 else ("features", "label")
    return f"about {max(rate, 1 / rate):.2g} {more} for every {less}"


def length_notes(lengths, heading=""):
    """Lines on what is cut off features or labels of a dataset without `length_problems`; () where nothing is.

    `heading` is the class with which all label files begin, and that is nowhere else, if there is one.
    """
    pattern, notes = find_pattern(lengths), []
    shifted = pattern.videos if pattern and pattern.shift else frozenset()
    if pattern and shifted:
        why = f"But {_heading_text(heading)}" if heading and pattern.shift == 1 else _why(pattern)
        notes.append(f"{_how_shifted(pattern, lengths)}: the last {abs(pattern.shift)} of each are dropped. {why}")
    gaps = {video: labels - frames for video, (frames, labels) in lengths.items() if video not in shifted}
    cut = [_cut_off("labels", {video: gap for video, gap in gaps.items() if gap > 0})]
    cut.append(_cut_off("features", {video: -gap for video, gap in gaps.items() if gap < 0}))
    if text := " and ".join(filter(None, cut)):
        drift = f" {found}: were they resampled or cut to one length?" if (found := _one_length(lengths)) else ""
        if pattern and not shifted and pattern.rate != 1 and max(map(abs, gaps.values())) > 2:
            rate = f"{pattern.rate:.4g} labels for every feature"
            drift = f" The difference grows with the length, {rate}: are features and labels of the same frame rate?"
        notes.append(f"features and labels are cut to the shorter of the two: {text} are dropped at the end.{drift}")
    if heading and not (shifted and pattern.shift == 1):
        notes.append(_heading_text(heading))
    return tuple(notes)


def _heading_text(heading):
    return (
        f"label files begin with {quote(heading)}, which is nowhere else: is that a line of headings? Then every label "
        "is one frame late: take the line out of all files, and the class out of the class list"
    )


def _one_length(lengths):
    """Says that all videos have as many features, whatever their labels; "" where they do not."""
    features, labels = ({pair[place] for pair in lengths.values()} for place in (0, 1))
    if len(lengths) < _MIN_VIDEOS or len(features) > 1 or len(labels) < _MIN_VIDEOS:
        return ""
    return (
        f"all {len(lengths)} videos have {count(min(features), 'feature')}, for {min(labels)} to {max(labels)} labels"
    )


def _common_cause(pattern, lengths, tolerance):
    """(found, what to do) of a Pattern that cannot be right."""
    if pattern.shift:
        expected = f"expected them within {tolerance} (config.data.length_tolerance). {_why(pattern)}"
        return _how_shifted(pattern, lengths), expected
    example = min(pattern.videos)
    frames, labels = lengths[example]
    more, less, rate = (
        ("labels", "feature", pattern.rate) if pattern.rate > 1 else ("features", "label", 1 / pattern.rate)
    )
    # A part of a feature or label at the end of every video moves the rate a little.
    is_whole = round(rate) > 1 and abs(rate - round(rate)) < 0.1 * rate
    number = str(round(rate)) if is_whole else f"{rate:.{2 if pattern.is_other_rate else 4}g}"
    found = (
        f"about {number} {more} for every {less} in {len(pattern.videos)} of {count(lengths, 'video')}, such as "
        f"{example!r} with {count(labels, 'label')} and {count(frames, 'feature')}"
    )
    kept = f"every {_ordinal(round(rate))} of the {more}" if is_whole else f"as many {more} as {less}s"
    return found, (
        f"expected one feature per label: make features and labels at the same rate, or keep {kept} "
        "(config.data.sample_rate thins out both and does not help)"
    )


def _ordinal(number):
    return f"{number}{'nd' if number == 2 else 'rd' if number == 3 else 'th'}"


def _how_shifted(pattern, lengths):
    more, less = ("label", "features") if pattern.shift > 0 else ("feature", "labels")
    which = "all" if len(pattern.videos) == len(lengths) else f"{len(pattern.videos)} of"
    return f"{which} {len(lengths)} videos have {count(abs(pattern.shift), more)} more than {less}"


def _why(pattern):
    """What a constant difference usually means, and what to do."""
    size = abs(pattern.shift)
    if pattern.shift < 0:
        return (
            "It usually means padded features, or labels that leave out the start or the end of a video: find out which"
        )
    if size == 1:
        return "It usually means features of pairs of frames, such as optical flow"
    return (
        f"It usually means features of clips of {size + 1} frames, each of which belongs to the middle of its clip. To "
        f"centre the labels, drop the first {size // 2} and the last {size - size // 2} lines of every label file: see "
        "data_pipelines/segmentation/README.md, lengths that differ"
    )


def _cut_off(what, gaps):
    """ "20 labels in 3 videos, at most 9 in 'v1'", or "" where there are none."""
    if not gaps:
        return ""
    largest = max(gaps, key=gaps.__getitem__)
    where = count(gaps, "video")
    most = f", at most {gaps[largest]} in {largest!r}" if len(gaps) > 1 else f" ({largest!r})"
    return f"{sum(gaps.values())} {what} in {where}{most}"
