"""What times that do not fit one another usually mean: a guess from the factor between them, in words."""

import numpy as np

# By how many times a factor may miss that of a cause.
_NEAR = 1.35
# No camera of these datasets makes more frames a second.
_MOST_FPS = 250.0


def _is_near(factor, wanted):
    return wanted > 0 and 1 / _NEAR < factor / wanted < _NEAR


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
    if np.isnan([entry.duration for entry in known]).all():
        return cause_of_late_times(known)
    factor = float(np.median([entry.video.segments.max() / entry.limit for entry in wrong]))
    near = _units_of(factor, _fps(known))
    guess = f"the times look like {near[0]}" if near else f"the times are about {factor:.3g} times too large"
    return f"{guess}; expected seconds within the stated duration"


def cause_of_late_times(known):
    """Why segments of many TimedVideos lie behind their last feature."""
    factor = float(np.quantile([entry.video.segments.max() / entry.span for entry in known], 0.9))
    fps, numbers = _fps(known), f"the times reach {factor:.3g} times as far as the features"
    if fps > _MOST_FPS:
        return f"{numbers}: the fps, {fps:.4g}, look too large"
    stride = float(np.nanmedian([entry.step * entry.fps for entry in known]))
    others = "".join(f", or do the times look like {unit}?" for unit in _units_of(factor, fps))
    fit = f"config.data.feature_stride={stride * factor:.4g} or fps {fps / factor:.4g} would fit"
    return f"{numbers}: feature_stride or fps are not those of the features ({fit}){others}"


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
