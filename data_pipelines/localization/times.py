"""Times of a dataset against one another: segments, stated durations, and how far the features reach.

What cannot be is refused: once for the dataset where most videos have it, with the likely cause, else video by video.
Published files contradict themselves in a few videos (THUMOS14 has segments minutes behind the stated duration); so
few are told, not refused.
"""

from typing import NamedTuple

import numpy as np

from data_pipelines.core.wording import count, verb
from data_pipelines.localization.annotations import UNKNOWN_DURATION, AnnotatedVideo
from data_pipelines.localization.causes import (
    cause_of_late_times,
    cause_of_long_times,
    cause_of_short_times,
    cause_of_span,
)

# Share of the videos that may contradict themselves and are told only; of THUMOS14 1.2 % do.
_FEW = 0.02
# Shares of the videos from which a fault is one of a group of videos, and of the whole dataset.
_MANY, _MOST = 0.1, 0.5
# Share of the time that features cover from which on a later end is odd.
_ODD_END = 1.25
# Share of the segments behind the last feature from which the features do not belong to the annotations.
_TOO_MANY_BEHIND = 0.25
# By how many times two lengths differ that are oddly different, and different beyond doubt.
_ODD, _WRONG, _IMPOSSIBLE = 1.25, 1.5, 2.0
# By how many times features are shorter than their video, where they were not only cut.
_FAR_TOO_SHORT = 4.0
# Videos from which on a pattern can be told from chance.
_ENOUGH = 5
# Seconds beyond the stated end that the last feature of hardly a video sees, and by which durations are exact.
_BEYOND, _EXACT = 1.0, 0.1
# Share of the segments that span their whole video from which they say nothing of times, and of a video that is left.
_ALL, _EDGE = 0.9, 0.02
# Videos that are told one by one, and those that a line names.
_MAX_SINGLE, _MAX_NAMED = 20, 3


class TimedVideo(NamedTuple):
    """An annotated video with what its features cover.

    Attributes:
      video, subset: an AnnotatedVideo of "train" or "test".
      fps: frames per second that are used.
      span: seconds from the start of the video to the end of the last feature's window; nan without features.
      step, window: seconds from one stored feature to the next, and that a feature sees; nan without features, and
        where features are spread over the duration.
    """

    video: AnnotatedVideo
    subset: str
    fps: float
    span: float = np.nan
    step: float = np.nan
    window: float = np.nan

    @property
    def duration(self):
        """Stated seconds; nan where there are none."""
        return self.video.duration if self.video.duration < UNKNOWN_DURATION else np.nan

    @property
    def limit(self):
        """Seconds that a segment has to lie in: the duration or, where none is stated, the span."""
        return self.span if np.isnan(self.duration) else self.duration


def usual_windows(stride):
    """Video frames that features usually see where there is one every `stride` frames, the fewest first."""
    return sorted({8, 16, 24, 32, 64, stride, 2 * stride})


class Findings(NamedTuple):
    """What a check found.

    Attributes:
      problems: list of (subset, found, expected).
      lines: list of texts about what is odd and is used as it is.
    """

    problems: list
    lines: list


def check_times(timed):
    """Findings of TimedVideos."""
    spans = _check_spans(timed)
    segments = _check_segments(timed, spans.problems)
    behind = Findings([], []) if spans.problems or segments.problems else _check_behind_features(timed)
    return Findings(*(spans[part] + segments[part] + behind[part] for part in range(2)))


def duration_lines(num_features, durations, data, fps):
    """Lines about durations, seconds by video, that do not fit the stored features of a video, their number by video.

    `data` has `feature_stride` and `window`, `fps` are the frames per second.
    """
    if data.feature_stride <= 0:
        return []
    step, window = data.feature_stride / fps, data.window / fps
    no_segments = np.zeros((0, 2)), np.zeros(0, np.int32)
    videos = [
        AnnotatedVideo(name, "", durations[name], fps, *no_segments) for name in num_features if name in durations
    ]
    timed = [TimedVideo(v, "", fps, (num_features[v.video_id] - 1) * step + window, step, window) for v in videos]
    found = _check_spans(timed)
    return [f"Odd times: {text}; {hint}" for _, text, hint in found.problems] + found.lines


def slack(seconds):
    """Seconds by which a stated duration may be wrong: they are rounded, and a video's sound may be longer."""
    return np.maximum(1.0, 0.02 * seconds)


def _check_spans(timed):
    """What the features cover against the stated durations."""
    known = [entry for entry in timed if np.isfinite(entry.duration) and np.isfinite(entry.step)]
    if not known:
        return Findings([], [])
    ratios = np.array([_excess(entry) for entry in known])
    median = float(np.median(ratios))
    largest = max(median, 1 / median)
    if largest >= _ODD:
        off = int(np.sum(np.maximum(ratios, 1 / ratios) >= _ODD))
        typical = known[int(np.argmin(np.abs(np.log(ratios / median))))]
        found = f"in {off} of {count(known, 'video')} the features and the duration differ ({_span_text(typical)})"
        hint = cause_of_span(known)
        if largest >= _WRONG:
            return Findings([(known[0].subset, found, hint)], [])
        return Findings([], [f"Odd times: {found}; {hint}."])
    found = _single_spans(known, ratios)
    found.lines.extend(list(_too_wide(known)) or _small_difference(known))
    return found


def _single_spans(known, ratios):
    """Videos whose features cover far more or far less than their duration, where most fit."""
    found = Findings([], [])
    pairs = list(zip(known, ratios, strict=True))
    long = [entry for entry, ratio in pairs if ratio >= _IMPOSSIBLE]
    short = [entry for entry, ratio in pairs if 1 / ratio >= _FAR_TOO_SHORT]
    hint = "are these the features of another video, or is its fps or duration another?"
    if len(long) + len(short) > _FEW * len(known):
        for what, entries in (("more than twice its duration", long), ("less than a quarter of its duration", short)):
            for entry in entries:
                text = f"video {entry.video.video_id!r}: the features cover {what} ({_span_text(entry)})"
                found.problems.append((entry.subset, text, hint))
        long = short = []
    for what, odd in (
        ("more", [entry for entry, ratio in pairs if _WRONG <= ratio < _IMPOSSIBLE]),
        ("more than twice", long),
        ("less", [entry for entry, ratio in pairs if _WRONG <= 1 / ratio < _FAR_TOO_SHORT]),
        ("less than a quarter of", short),
    ):
        if odd:
            than = "than their duration" if what in ("more", "less") else "their duration"
            of = f"{len(odd)} of {count(known, 'video')} {verb(odd, 'have')} features that cover {what} {than}"
            numbers = _listed(odd, lambda e: f"{e.video.video_id!r} {e.span:.1f} of {e.duration:.1f} s")
            found.lines.append(f"Odd times: {of}: {numbers}; {hint}")
    return found


def _too_wide(known):
    """A line where the last feature of nearly every video sees well beyond its end, and a usual window would fit."""
    beyond = np.array([entry.span - entry.duration for entry in known])
    if len(known) < _ENOUGH or np.quantile(beyond, 1 - _ALL) <= _BEYOND:
        return
    stride, window = (float(np.median([getattr(e, name) * e.fps for e in known])) for name in ("step", "window"))
    left = [(entry.duration - entry.span + entry.window) * entry.fps for entry in known]
    least, most = np.quantile(left, (1 - _ALL, _ALL)) + _EXACT * np.array([1, -1]) * max(entry.fps for entry in known)
    fitting = [w for w in usual_windows(stride) if w < window and w <= least and most < w + stride]
    if fitting:
        text = f"the last feature of most videos sees {np.median(beyond):.2f} s beyond the stated duration (median)"
        hint = (
            f"the same in all: is config.data.window what a feature sees? Not {window:g} but {fitting[0]:g} would fit"
        )
        yield f"Odd times: {text}, {hint}."


def _small_difference(known):
    """A line where most videos have a small difference of the same sign, by the same seconds or the same share."""
    longer = np.array([entry.span - entry.duration for entry in known])
    durations = np.array([entry.duration for entry in known])
    allowed = slack(durations) + [0.5 * entry.window + 2 * entry.step for entry in known]
    if max(np.mean(longer > allowed), np.mean(-longer > allowed)) <= _MOST:
        return
    median = float(np.median(longer))
    where = "behind" if median > 0 else "before"
    text = f"Odd times: the features of most videos end {abs(median):.2f} s {where} the stated duration (median)"
    if np.std(longer) / abs(median) < np.std(longer / durations) / abs(np.median(longer / durations)):
        yield (
            f"{text}, the same in all: is config.data.window what a feature sees? Where features are padded at both "
            "ends, set it to config.data.feature_stride."
        )
    else:
        yield f"{text}; {cause_of_span(known)}."


def _excess(entry):
    """How many times the duration the features cover; 1.0 where they may fit it, with rounding and any padding."""
    least = entry.span - entry.window - slack(entry.duration)
    most = entry.span + entry.step + slack(entry.duration)
    if entry.duration < least:
        return least / entry.duration
    return min(most / entry.duration, 1.0)


def _span_text(entry):
    """What the features of a video cover, with the numbers."""
    stored = count(round((entry.span - entry.window) / entry.step) + 1, "feature")
    spans = f"{stored}, one every {entry.step:.4g} s (feature_stride / fps), span {entry.span:.1f} s"
    return f"{entry.video.video_id!r}: {spans}, duration {entry.duration:.1f} s"


def _check_segments(timed, features_are_wrong):
    """Segments against the duration, or the span of the features where none is stated."""
    known = [entry for entry in timed if np.isfinite(entry.limit) and len(entry.video.segments)]
    found = Findings([], [])
    wrong = [entry for entry in known if _is_contradictory(entry)]
    if len(wrong) >= min(_ENOUGH, len(known)) > 1 and (
        len(wrong) > _MANY * len(known) or len(wrong) > max(_MAX_SINGLE, _FEW * len(timed))
    ):
        total = sum(len(entry.video.segments) for entry in known)
        behind = sum(_behind(entry, entry.limit).sum() for entry in known)
        of = f"in {len(wrong)} of {count(known, 'video')} segments lie behind the end"
        worst = max(wrong, key=lambda entry: entry.video.segments.max() / entry.limit)
        text = f"{of} ({behind} of {count(total, 'segment')}): in {worst.video.video_id!r} {_segment_text(worst)}"
        found.problems.append((worst.subset, text, cause_of_long_times(known, wrong)))
        return found
    if len(wrong) > _FEW * len(timed):
        hint = "expected seconds of this video"
        found.problems.extend((e.subset, f"video {e.video.video_id!r}: {_segment_text(e)}", hint) for e in wrong)
    elif wrong:
        names = _listed(wrong, lambda entry: f"{entry.video.video_id!r}: {_segment_text(entry)}")
        of = f"segments of {len(wrong)} of {count(timed, 'video')} lie behind their end"
        found.lines.append(f"Odd times: {of}: {names}.")
    found.lines.extend(_overruns([entry for entry in known if not _is_contradictory(entry)]))
    found.lines.extend(_whole_videos(known))
    if len(known) >= _ENOUGH and not features_are_wrong:
        share = np.quantile([entry.video.segments.max() / entry.limit for entry in known], 0.9)
        if share < 1 / 3:
            certain, cause = cause_of_short_times(known)
            text = f"the segments of most videos lie in the first {100 * share:.2g} % of their video: {cause}"
            if certain:
                found.problems.append((known[0].subset, text, "expected seconds"))
            else:
                found.lines.append(f"Odd times: {text}.")
    return found


def _behind(entry, limit):
    """bool [N], segments that start after `limit` seconds, beyond what rounding does."""
    return entry.video.segments[:, 0] > limit + slack(limit)


def _is_contradictory(entry):
    """Whether a segment starts after the end of a video, or ends twice as late; of features alone, all segments."""
    if np.isnan(entry.duration):
        return bool(_behind(entry, entry.limit).all())
    too_long = entry.video.segments[:, 1] > _IMPOSSIBLE * entry.limit + slack(entry.limit)
    return bool((_behind(entry, entry.limit) | too_long).any())


def _segment_text(entry):
    """The segments of a contradictory video, with the numbers."""
    segments, limit = entry.video.segments, entry.limit
    behind = int(_behind(entry, limit).sum())
    start, end = segments[segments[:, 1].argmax()]
    what = "the end of its features at" if np.isnan(entry.duration) else "its duration of"
    of = f"{behind} of {count(segments, 'segment')} {verb(behind, 'start')} after"
    which = of if behind else "a segment ends more than twice as late as"
    return f"{which} {what} {limit:.1f} s, such as the one from {start:.1f} to {end:.1f} s"


def _overruns(known):
    """A line about segments that end a little after the stated duration, and about starts a little before 0."""
    stated = [entry for entry in known if np.isfinite(entry.duration)]
    over = [entry for entry in stated if entry.video.segments.max() > entry.duration + 1e-3]
    if over:
        late = sum(int(np.sum(entry.video.segments[:, 1] > entry.duration + 1e-3)) for entry in over)
        worst = max(over, key=lambda entry: entry.video.segments.max() - entry.duration)
        most = worst.video.segments.max() - worst.duration
        where = f"of {count(over, 'video')} {verb(late, 'end')} after the stated duration, by up to {most:.2f} s"
        yield f"Odd times: {count(late, 'segment')} {where} ({worst.video.video_id!r})."
    early = [entry for entry in known if entry.video.segments.min() < 0]
    if early:
        least = min(entry.video.segments.min() for entry in early)
        yield f"Odd times: segments of {count(early, 'video')} start before 0, the first at {least:.2f} s."


def _whole_videos(known):
    """A line where segments begin and end with their video: such say what is in a video, not when."""
    spans = [
        (e.video.segments[:, 0] <= _EDGE * e.limit) & (e.video.segments[:, 1] >= (1 - _EDGE) * e.limit) for e in known
    ]
    number, total = sum(int(span.sum()) for span in spans), sum(map(len, spans))
    if total >= _ENOUGH and number >= _ALL * total:
        which = "every segment spans" if number == total else f"{number} of {total} segments span"
        yield f"Odd times: {which} the whole of its video; are these labels of videos, without times?"


def _check_behind_features(timed):
    """Segments behind the last feature: never learned, and never found."""
    found = Findings([], [])
    for subset in ("train", "test"):
        entries = [e for e in timed if e.subset == subset and np.isfinite(e.step) and len(e.video.segments)]
        counts = {entry.video.video_id: int(_behind(entry, entry.span).sum()) for entry in entries}
        behind, total = sum(counts.values()), sum(len(entry.video.segments) for entry in entries)
        if not behind:
            continue
        videos = sum(number > 0 for number in counts.values())
        worst = max(entries, key=lambda entry: counts[entry.video.video_id])
        of = f"{behind} of {count(total, f'{subset} segment')}, of {count(videos, 'video')},"
        text = f"{of} {verb(behind, 'start')} behind the last feature"
        example = f"as in {worst.video.video_id!r}, whose features end at {worst.span:.1f} s"
        if behind > _TOO_MANY_BEHIND * total:
            found.problems.append((subset, f"{text}, {example}", cause_of_late_times(entries)))
        else:
            missed = f"{verb(behind, 'count')} as missed where nothing reaches as far"
            effect = f"{verb(behind, 'are')} never learned" if subset == "train" else missed
            found.lines.append(f"Odd times: {text} and {effect}, {example}.")
    if not found.problems:
        found.lines.extend(_ends_behind_features(timed))
    return found


def _ends_behind_features(timed):
    """The line about segments that end behind the last feature of videos whose duration nobody states."""
    unknown = [e for e in timed if np.isnan(e.duration) and np.isfinite(e.step) and len(e.video.segments)]
    late = {e.video.video_id: e for e in unknown if e.video.segments.max() > _ODD_END * e.span + slack(e.span)}
    if late:
        worst = max(late.values(), key=lambda entry: entry.video.segments.max() / entry.span)
        of = f"of {len(late)} of {count(unknown, 'video')} without a duration a segment ends well behind the features"
        example = (
            f"{worst.video.video_id!r}, at {worst.video.segments.max():.1f} s, where features end at {worst.span:.1f}"
        )
        yield f"Odd times: {of}, as in {example} s."


def _listed(entries, text):
    parts = [text(entry) for entry in entries[:_MAX_NAMED]]
    more = [f"and {len(entries) - _MAX_NAMED} more"] if len(entries) > _MAX_NAMED else []
    return ", ".join(parts + more)
