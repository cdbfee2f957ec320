"""Segments of a dataset against the stated durations, and against how far the features reach."""

import collections

import numpy as np

from data_pipelines.core.wording import count, verb
from data_pipelines.localization.causes import (
    PERCENT,
    cause_of_late_times,
    cause_of_long_times,
    cause_of_short_times,
    look_like_percent,
)
from data_pipelines.localization.timed import ENOUGH, FEW, IMPOSSIBLE, NEARLY_ALL, Findings, listed, slack

# Share of the videos from which a fault is one of a group of videos.
_MANY = 0.1
# Videos that are told one by one.
_MAX_SINGLE = 20
# Share of the time that features cover from which on a later end is odd.
_ODD_END = 1.25
# Share of the segments behind the last feature from which the features do not belong to the annotations.
_TOO_MANY_BEHIND = 0.25
# Share of the segments of a subset with the very same times from which on that is no chance.
_SAME_TIMES = 0.5
# Share of a video by which all of its segments have ended where their times are in a larger unit, such as minutes.
_VERY_START = 1 / 30
# Share of a video that a segment may leave out and spans it all the same.
_EDGE = 0.02


def check_segments(timed, features_are_wrong):
    """Segments against the duration, or the span of the features where none is stated."""
    known = [entry for entry in timed if np.isfinite(entry.limit) and len(entry.video.segments)]
    found = Findings([], [])
    wrong = [entry for entry in known if _is_contradictory(entry)]
    if len(wrong) >= min(ENOUGH, len(known)) > 1 and (
        len(wrong) > _MANY * len(known) or len(wrong) > max(_MAX_SINGLE, FEW * len(timed))
    ):
        total = sum(len(entry.video.segments) for entry in known)
        behind = sum(_behind(entry, entry.limit).sum() for entry in known)
        of = f"in {len(wrong)} of {count(known, 'video')} segments lie behind the end"
        worst = max(wrong, key=lambda entry: entry.video.segments.max() / entry.limit)
        text = f"{of} ({behind} of {count(total, 'segment')}): in {worst.video.video_id!r} {_segment_text(worst)}"
        found.problems.append((worst.subset, text, cause_of_long_times(known, wrong)))
        return found
    if len(wrong) > FEW * len(timed):
        hint = "expected seconds of this video"
        found.problems.extend((e.subset, f"video {e.video.video_id!r}: {_segment_text(e)}", hint) for e in wrong)
    elif wrong:
        names = listed(wrong, lambda entry: f"{entry.video.video_id!r}: {_segment_text(entry)}")
        of = f"segments of {len(wrong)} of {count(timed, 'video')} lie behind their end"
        found.lines.append(f"Odd times: {of}: {names}.")
    found.lines.extend(_overruns([entry for entry in known if not _is_contradictory(entry)]))
    found.lines.extend(_whole_videos(known))
    found.lines.extend(_placeholders(known))
    found.lines.extend(_short_ones(known))
    if look_like_percent(known) and not features_are_wrong:
        found.lines.append(f"Odd times: {PERCENT}.")
    elif len(known) >= ENOUGH and not features_are_wrong:
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
    too_long = entry.video.segments[:, 1] > IMPOSSIBLE * entry.limit + slack(entry.limit)
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
    spans = {subset: [] for subset in ("train", "test")}
    for e in known:
        starts, ends = e.video.segments.T
        spans.setdefault(e.subset, []).extend((starts <= _EDGE * e.limit) & (ends >= (1 - _EDGE) * e.limit))
    spans = {subset: np.array(found) for subset, found in spans.items() if found}
    whole = [subset for subset, found in spans.items() if len(found) >= ENOUGH and found.mean() >= NEARLY_ALL]
    if not whole:
        return
    number, total = (sum(int(call(spans[subset])) for subset in whole) for call in (np.sum, len))
    kind = f"{whole[0]} segment" if len(whole) < len(spans) else "segment"
    which = f"every {kind} spans" if number == total else f"{number} of {total} {kind}s span"
    others = [
        f"{int((~found).sum())} of {count(found, f'{subset} segment')}"
        for subset, found in spans.items()
        if subset not in whole
    ]
    but = f", unlike {others[0]}" if others else ""
    yield f"Odd times: {which} the whole of its video{but}; are these labels of videos, without times?"


def _placeholders(known):
    """A line for a subset most of whose segments have the same times, which no two actions share."""
    for subset in dict.fromkeys(entry.subset for entry in known):
        segments = [e.video.segments[_is_part(e)] for e in known if e.subset == subset]
        times = collections.Counter(map(tuple, np.concatenate(segments).tolist()))
        (start, end), number = times.most_common(1)[0] if times else ((0.0, 0.0), 0)
        total = sum(len(entry.video.segments) for entry in known if entry.subset == subset)
        if number >= max(ENOUGH, _SAME_TIMES * total):
            of = f"{number} of {count(total, f'{subset} segment')} {verb(number, 'are')} from {start:g} to {end:g} s"
            yield f"Odd times: {of}, to the last digit; does it stand for times that nobody marked?"


def _is_part(entry):
    """bool [N], the segments that do not span their whole video, as those of trimmed clips do."""
    starts, ends = entry.video.segments.T
    return (starts > _EDGE * entry.limit) | (ends < (1 - _EDGE) * entry.limit)


def _short_ones(known):
    """A line where the segments of some videos end at their very start, and those of nearly all others go on."""
    reach = np.array([entry.video.segments.max() / entry.limit for entry in known])
    short = reach <= _VERY_START
    others = reach[~short]
    if short.sum() < max(3, _MANY * len(known)) or len(others) < 3 or np.mean(others >= 1 / 3) < NEARLY_ALL:
        return
    wrong = [entry for entry, is_short in zip(known, short, strict=True) if is_short]
    ends = np.array([entry.video.segments.max() for entry in wrong])
    unit = "minutes or shares of the video" if ends.max() <= 1.0 else "minutes"
    numbers = listed(wrong, lambda e: f"{e.video.video_id!r} {e.video.segments.max():.3g} of {e.limit:.1f} s")
    of = f"the segments of {len(wrong)} of {count(known, 'video')} end in the first {100 * _VERY_START:.0f} % of it"
    yield f"Odd times: {of}, unlike those of the others: {numbers}; do their times look like {unit}, not seconds?"


def check_behind_features(timed):
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
