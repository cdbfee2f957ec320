"""What times that do not fit one another usually mean: a guess from the factor between them, in words."""

import collections

import numpy as np

from data_pipelines.core.wording import count, name_some

# By how many times a factor may miss that of a cause.
_NEAR = 1.35
# No camera of these datasets makes more frames a second.
_MOST_FPS = 250.0


# Share of the videos that fit as they are from which on it is the others that are wrong, not the settings.
_SOME = 0.2
# What times of a video in percent come to, with rounding.
_MOST_PERCENT = 100.5
PERCENT = (
    "the times look like percent of the video: all end by 100, and near it, however long the video; expected seconds"
)
# Videos with the very same annotations, of so many segments, that are no chance, and their share of all.
_MIN_COPIES, _MIN_SEGMENTS, _COPIED = 3, 2, 0.5


def _is_near(factor, wanted):
    return (wanted > 0) & (wanted / _NEAR < factor) & (factor < wanted * _NEAR)


def _fps(known):
    return float(np.median([entry.fps for entry in known]))


def cause_of_span(known):
    """Why features cover another time than the stated durations of TimedVideos."""
    factor = float(np.median([entry.span / entry.duration for entry in known]))
    fps, stride = _fps(known), float(np.nanmedian([entry.step * entry.fps for entry in known]))
    fit = f"config.data.feature_stride={stride / factor:.4g} or fps {fps * factor:.4g} would fit"
    numbers = f"the features span {factor:.3g} times the duration"
    if fps > _MOST_FPS:
        return f"{numbers}: the fps, {fps:.4g}, look {1 / factor:.3g} times too large; {fit}"
    if _is_near(1 / factor, fps):
        return f"{numbers}: the durations look like frames, expected seconds"
    if _is_near(1 / factor, 1000):
        return f"{numbers}: the durations look like milliseconds, expected seconds"
    spans = [entry.span for entry in known]
    if len(known) > 2 and len({entry.duration for entry in known}) == 1 and max(spans) > 1.1 * min(spans):
        return f"{numbers}: all {len(known)} durations are {known[0].duration:g} s, which no recording has by chance"
    for unit, seconds in (("minutes", 60.0), ("hours", 3600.0)):
        if _is_near(factor, seconds):
            return f"{numbers}: the durations look like {unit}, expected seconds; otherwise {fit}"
    return f"{numbers}: feature_stride, window or fps are not those of the features; {fit}"


def cause_of_long_times(known, wrong):
    """Why segments of many TimedVideos lie behind the end of their video; `wrong` are those videos."""
    if copied := _cause_of_copies(known):
        return copied
    if look_like_percent(known):
        return PERCENT
    if np.isnan([entry.duration for entry in known]).all():
        return cause_of_late_times(known)
    factor = float(np.median([entry.video.segments.max() / entry.limit for entry in wrong]))
    if 2 <= len(known) - len(wrong) >= _SOME * len(known):
        return _cause_of_some(known, wrong, factor)
    near = _units_of(factor, _fps(known))
    guess = f"the times look like {near[0]}" if near else f"the times are about {factor:.3g} times too large"
    return f"{guess}; expected seconds within the stated duration"


def _cause_of_some(known, wrong, factor):
    """Why segments of some videos alone lie `factor` times as far as they can, where those of the others fit."""
    which = f"{len(wrong)} of {count(known, 'video')} ({name_some([e.video.video_id for e in wrong])})"
    near = _units_of(factor, _fps(wrong))
    like = f"look like {near[0]}" if near else f"are about {factor:.3g} times too large"
    return f"the times of {which} {like}, those of the others fit their video; expected seconds in all"


def cause_of_late_times(known):
    """Why segments of many TimedVideos lie behind their last feature."""
    if copied := _cause_of_copies(known):
        return copied
    if look_like_percent(known):
        return PERCENT
    factors = np.array([entry.video.segments.max() / entry.span for entry in known])
    wrong = [entry for entry, factor in zip(known, factors, strict=True) if factor > 2.0]
    if len(wrong) >= 2 <= (factors <= 1.25).sum() >= _SOME * len(known) and len(wrong) >= 0.9 * (factors > 1.25).sum():
        return _cause_of_some(known, wrong, float(np.median(factors[factors > 2.0])))
    factor = float(np.quantile(factors, 0.9))
    fps, numbers = _fps(known), f"the times reach {factor:.3g} times as far as the features"
    if fps > _MOST_FPS:
        return f"{numbers}: the fps, {fps:.4g}, look too large"
    stride = float(np.nanmedian([entry.step * entry.fps for entry in known]))
    others = "".join(f", or do the times look like {unit}?" for unit in _units_of(factor, fps))
    fit = f"config.data.feature_stride={stride * factor:.4g} or fps {fps / factor:.4g} would fit"
    return f"{numbers}: feature_stride or fps are not those of the features ({fit}){others}"


def look_like_percent(known):
    """Whether the last segments of TimedVideos end near 100, and never behind it, however long the videos are."""
    ends = np.array([entry.video.segments.max() for entry in known])
    limits = np.array([entry.limit for entry in known])
    if len(known) < 3 or ends.max() > _MOST_PERCENT or np.median(ends) < 75.0 or limits.max() < 1.25 * limits.min():
        return False
    # Seconds grow with the video, shares do not.
    return bool(np.std(np.log(ends)) < 0.5 * np.std(np.log(ends / limits)))


def other_unit(factors, fps):
    """(unit, bool [V] of the videos stated in it) where other videos are right as they are; None if that is not so.

    `factors` [V] say how many times too large the numbers of a video are, 1 where they fit; `fps` are the frames per
    second [V]. Two videos of each, and a fifth of all that fit, are no chance.
    """
    factors, fps = np.asarray(factors, float), np.asarray(fps, float)
    if len(factors) < 4:
        return None
    fits = _is_near(factors, 1.0)
    units = {"frames": fps, "milliseconds": 1000.0, "minutes": 1 / 60, "hours": 1 / 3600}
    near = {name: _is_near(factors, unit) & ~fits for name, unit in units.items()}
    name = max(near, key=lambda unit: near[unit].sum())
    enough = fits.sum() >= max(2, _SOME * len(factors)) and near[name].sum() >= max(2, 0.9 * (~fits).sum())
    return (name, near[name]) if enough else None


def _cause_of_copies(known):
    """That many TimedVideos have the very same annotations, if so; "" otherwise."""
    alike = collections.defaultdict(list)
    for entry in known:
        if len(entry.video.labels) >= _MIN_SEGMENTS:
            alike[entry.video.segments.tobytes(), entry.video.labels.tobytes()].append(entry.video.video_id)
    names = max(alike.values(), key=len, default=[])
    if len(names) < max(_MIN_COPIES, _COPIED * len(known)):
        return ""
    of = f"{len(names)} of {count(known, 'video')} have the very same annotations, to the last digit"
    return f"{of} ({name_some(names)}): were those of one video copied to the others? Give each its own"


def _units_of(factor, fps):
    """What times in seconds were multiplied by, the nearest first."""
    units = {"frames": fps, "milliseconds": 1000.0, "seconds times 10": 10.0}
    near = {name: abs(np.log(factor / unit)) for name, unit in units.items() if _is_near(factor, unit)}
    return sorted(near, key=near.get)


def cause_of_short_times(known):
    """(whether the times cannot be seconds, what they look like) of segments at the very start of their videos."""
    ends = np.array([entry.video.segments.max() for entry in known])
    limits = np.array([entry.limit for entry in known])
    if 0.5 <= np.quantile(ends, 0.9) <= 1.0 and np.median(limits) >= 5.0:
        return True, "hardly a time is more than 1, so that the times look like shares of the video"
    factor = float(np.quantile(limits / np.maximum(ends, 1e-9), 0.1))
    units = {"minutes": 60.0, "hours": 3600.0, "features": _seconds_per_feature(known)}
    near = [name for name, unit in units.items() if _is_near(factor, unit)]
    guess = f"do the times look like {near[0]}, not seconds?" if near else "are the times seconds?"
    return False, f"{guess} A feature_stride that is too large or fps that are too low do the same"


def _seconds_per_feature(known):
    steps = [entry.step for entry in known if np.isfinite(entry.step)]
    return float(np.median(steps)) if steps else 0.0
