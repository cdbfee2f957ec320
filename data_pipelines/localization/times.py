"""Times of a dataset against one another: segments, stated durations, and how far the features reach.

What cannot be is refused: once for the dataset where most videos have it, with the likely cause, else video by video.
Published files contradict themselves in a few videos (THUMOS14 has segments minutes behind the stated duration); so
few are told, not refused.
"""

import numpy as np

from data_pipelines.core.wording import count, verb
from data_pipelines.localization.annotations import AnnotatedVideo
from data_pipelines.localization.causes import cause_of_span, other_unit
from data_pipelines.localization.segment_times import check_behind_features, check_segments
from data_pipelines.localization.timed import ENOUGH, FEW, IMPOSSIBLE, NEARLY_ALL, Findings, TimedVideo, listed, slack

# Share of the videos from which a difference is one of the whole dataset.
_MOST = 0.5
# By how many times two lengths differ that are oddly different, and different beyond doubt.
_ODD, _WRONG = 1.25, 1.5
# By how many times features are shorter than their video, where they were not only cut.
_FAR_TOO_SHORT = 4.0
# Seconds beyond the stated end that the last feature of hardly a video sees, and by which durations are exact.
_BEYOND, _EXACT = 1.0, 0.1


def usual_windows(stride):
    """Video frames that features usually see where there is one every `stride` frames, the fewest first."""
    return sorted({8, 16, 24, 32, 64, stride, 2 * stride})


def check_times(timed):
    """Findings of TimedVideos."""
    unit, others = _in_another_unit(timed)
    spans = _durations_in_another_unit(timed, unit, others) if others else _check_spans(timed)
    # Segments against a duration in minutes say nothing more.
    segments = check_segments([entry for entry in timed if entry.video.video_id not in others], spans.problems)
    behind = Findings([], []) if spans.problems or segments.problems else check_behind_features(timed)
    return Findings(*(spans[part] + segments[part] + behind[part] for part in range(2)))


def duration_lines(num_features, durations, data, fps):
    """Lines about durations, seconds by video, that do not fit the stored features of a video, their number by video.

    `data` has `feature_stride` and `window`, `fps` are the frames per second.
    """
    if data.feature_stride <= 0:
        return [*_spread_lines({name: (n, durations[name]) for name, n in num_features.items() if name in durations})]
    step, window = data.feature_stride / fps, data.window / fps
    no_segments = np.zeros((0, 2)), np.zeros(0, np.int32)
    videos = [
        AnnotatedVideo(name, "", durations[name], fps, *no_segments) for name in num_features if name in durations
    ]
    timed = [TimedVideo(v, "", fps, (num_features[v.video_id] - 1) * step + window, step, window) for v in videos]
    unit, others = _in_another_unit(timed)
    found = _durations_in_another_unit(timed, unit, others) if others else _check_spans(timed)
    return [f"Odd times: {text}; {hint}" for _, text, hint in found.problems] + found.lines


def _spread_lines(known):
    """A line about durations of a few videos that give their features far other steps than those of nearly all.

    `known` is (number of features, seconds) by video. Where all videos have as many, steps grow with the duration, and
    say nothing.
    """
    numbers, seconds = np.array(list(known.values()), np.float64).reshape(-1, 2).T
    if len(known) < 3 or numbers.max() < _ODD * numbers.min():
        return
    steps = seconds / numbers
    ratios = steps / np.median(steps)
    is_odd = np.maximum(ratios, 1 / ratios) >= IMPOSSIBLE
    if not is_odd.any() or is_odd.sum() > len(known) / 3 or np.ptp(ratios[~is_odd]) > _WRONG - 1:
        return
    odd = [(name, *known[name], step) for name, step, is_it in zip(known, steps, is_odd, strict=True) if is_it]
    text = listed(odd, lambda e: f"{e[0]!r} {e[2]:.4g} s for {count(e[1], 'feature')}, {e[3]:.3g} s each")
    of = f"{len(odd)} of {count(known, 'video')} {verb(odd, 'have')} other seconds per feature"
    yield f"Odd times: {of} than the others, {np.median(steps):.3g} s: {text}; are the durations all in seconds?"


def _in_another_unit(timed):
    """(unit, {name: TimedVideo} of the videos whose durations look like it) where those of the others fit; else {}."""
    known = _with_both(timed)
    found = other_unit([entry.duration / entry.span for entry in known], [entry.fps for entry in known])
    unit, where = found or ("", [])
    return unit, {e.video.video_id: e for e, is_other in zip(known, where, strict=False) if is_other}


def _durations_in_another_unit(timed, unit, others):
    """Findings about the videos, by name, whose durations are in another unit."""
    wrong, number = list(others.values()), len(_with_both(timed))
    of = f"the durations of {len(wrong)} of {count(number, 'video')} look like {unit}"
    numbers = listed(wrong, lambda e: f"{e.video.video_id!r} {e.duration:.4g} where the features span {e.span:.1f} s")
    text = f"{of}: {numbers}; those of {number - len(wrong)} fit their features as seconds"
    hint = f"expected seconds in all, not {unit}"
    if len(wrong) <= FEW * number:
        return Findings([], [f"Odd times: {text}; {hint}."])
    return Findings([(wrong[0].subset, text, hint)], [])


def _with_both(timed):
    """The TimedVideos with a duration and features."""
    return [entry for entry in timed if np.isfinite(entry.duration) and np.isfinite(entry.step)]


def _check_spans(timed):
    """What the features cover against the stated durations."""
    known = _with_both(timed)
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
    found.lines.extend(list(_too_wide(known)) or list(_small_difference(known)) or _difference_at_one_rate(known))
    return found


def _single_spans(known, ratios):
    """Videos whose features cover far more or far less than their duration, where most fit."""
    found = Findings([], [])
    pairs = list(zip(known, ratios, strict=True))
    long = [entry for entry, ratio in pairs if ratio >= IMPOSSIBLE]
    short = [entry for entry, ratio in pairs if 1 / ratio >= _FAR_TOO_SHORT]
    hint = "are these the features of another video, or is its fps or duration another?"
    if len(long) + len(short) > FEW * len(known):
        for what, entries in (("more than twice its duration", long), ("less than a quarter of its duration", short)):
            for entry in entries:
                text = f"video {entry.video.video_id!r}: the features cover {what} ({_span_text(entry)})"
                found.problems.append((entry.subset, text, hint))
        long = short = []
    for what, odd in (
        ("more", [entry for entry, ratio in pairs if _WRONG <= ratio < IMPOSSIBLE]),
        ("more than twice", long),
        ("less", [entry for entry, ratio in pairs if _WRONG <= 1 / ratio < _FAR_TOO_SHORT]),
        ("less than a quarter of", short),
    ):
        if odd:
            than = "than their duration" if what in ("more", "less") else "their duration"
            of = f"{len(odd)} of {count(known, 'video')} {verb(odd, 'have')} features that cover {what} {than}"
            numbers = listed(odd, lambda e: f"{e.video.video_id!r} {e.span:.1f} of {e.duration:.1f} s")
            found.lines.append(f"Odd times: {of}: {numbers}; {hint}")
    return found


def _too_wide(known):
    """A line where the last feature of nearly every video sees well beyond its end, and a usual window would fit."""
    beyond = np.array([entry.span - entry.duration for entry in known])
    if len(known) < ENOUGH or np.quantile(beyond, 1 - NEARLY_ALL) <= _BEYOND:
        return
    stride, window = (float(np.median([getattr(e, name) * e.fps for e in known])) for name in ("step", "window"))
    left = [(entry.duration - entry.span + entry.window) * entry.fps for entry in known]
    least, most = np.quantile(left, (1 - NEARLY_ALL, NEARLY_ALL)) + _EXACT * np.array([1, -1]) * max(
        entry.fps for entry in known
    )
    fitting = [w for w in usual_windows(stride) if w < window and w <= least and most < w + stride]
    if fitting:
        text = f"the last feature of most videos sees {np.median(beyond):.2f} s beyond the stated duration (median)"
        hint = (
            f"the same in all: is config.data.window what a feature sees? Not {window:g} but {fitting[0]:g} would fit"
        )
        yield f"Odd times: {text}, {hint}."


def _small_difference(known, of="most videos", hint=""):
    """A line where most videos, `of` in words, differ a little with the same sign, by the same seconds or share."""
    longer = np.array([entry.span - entry.duration for entry in known])
    durations = np.array([entry.duration for entry in known])
    allowed = slack(durations) + [0.5 * entry.window + 2 * entry.step for entry in known]
    if max(np.mean(longer > allowed), np.mean(-longer > allowed)) <= _MOST:
        return
    median = float(np.median(longer))
    where = "behind" if median > 0 else "before"
    text = f"Odd times: the features of {of} end {abs(median):.2f} s {where} the stated duration (median)"
    if np.std(longer) / abs(median) < np.std(longer / durations) / abs(np.median(longer / durations)):
        yield (
            f"{text}, the same in all: is config.data.window what a feature sees? Where features are padded at both "
            "ends, set it to config.data.feature_stride."
        )
    else:
        yield f"{text}; {hint or cause_of_span(known)}."


def _difference_at_one_rate(known):
    """Lines about the videos of one fps among several, where most of these, not of all, have a small difference."""
    rates = sorted({entry.fps for entry in known})
    for rate in rates if len(rates) > 1 else ():
        group = [entry for entry in known if entry.fps == rate]
        if len(group) >= ENOUGH:
            factor = float(np.median([entry.span / entry.duration for entry in group]))
            hint = f"they span {factor:.3g} times it: is the fps of these another? {rate * factor:.4g} would fit"
            yield from _small_difference(group, f"most of the {count(group, 'video')} of {rate:g} fps", hint)


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
