"""Settings for a folder of annotated segments: where its features lie in time, and how long its videos are.

Feature i of a video of F frames sees `window` frames from frame i * stride on, so n features tell F up to a stride:
F - stride * (n - 1) is at least the window and less than window + stride. Of many videos of different lengths, that
tells the stride, and the window if it is a usual one.
"""

import dataclasses
import re
from typing import NamedTuple

import numpy as np

from data_pipelines.core.problems import refuse
from data_pipelines.core.wording import count, name_some
from data_pipelines.localization import checks
from data_pipelines.localization.annotations import UNKNOWN_DURATION
from data_pipelines.localization.causes import other_unit
from data_pipelines.localization.stated_times import completed, read_store_times
from data_pipelines.localization.times import usual_windows
from data_pipelines.tools.config_text import Proposal
from fact_jax.ops.time_grid import GridRule
from fact_jax.types import UserError

BASES = {"actionformer": ("custom",)}
# Share by which a stride may differ from a whole number, and seconds by which stated durations may be wrong.
_STRIDE_TOLERANCE, _DURATION_TOLERANCE_SEC = 0.02, 0.1
# Share of the videos that a stride has to fit, and videos of which pairs are looked at.
_MOST, _MOST_PAIRED = 0.75, 500
# Seconds from a feature to the next from which on durations look like milliseconds or, where all are whole, frames.
_MS_STEP, _FRAMES_STEP = 20.0, 2.0
_USUAL_FPS = (10, 12, 15, 24, 25, 30, 50, 60)
# Training videos are padded to a multiple of what the coarsest level of configs/actionformer_custom.py needs: stride 32
# times the 18 frames that its windows move by.
_LENGTH_STEP, _MAX_LENGTH = 32 * 18, 2304


_SETTINGS = (
    "dataset", "dir", "annotation_file", "subset_file", "split", "feature_places", "feature_prefix", "feature_suffix",
    "skip_missing", "train_subsets", "test_subsets", "feature_stride", "window", "fps",
)  # fmt: skip


def propose(folder, system, arguments):
    """Proposal for a LocalizationFolder; a UserError names problems, or what has to be given."""
    refuse(folder.data.dir, _by_option(folder.problems))
    videos = [video for found in folder.videos.values() for video in found if video.video_id in folder.lengths]
    given = {name: getattr(arguments, name) for name in ("feature_stride", "window")}
    stated = {name: float(value) for name, value in given.items() if value is not None}
    data = dataclasses.replace(folder.data, **stated)
    times, problems = read_store_times(folder.store, folder.videos, data)
    refuse(folder.data.dir, _by_option(problems))
    if times:
        reasons = [_told_by_features(times)]
        of_subset = {
            subset: [completed(video, times.get(video.video_id)) for video in found]
            for subset, found in folder.videos.items()
        }
        folder = dataclasses.replace(folder, videos=of_subset)
    else:
        grid, reasons = _choose_grid(folder, videos, arguments)
        data = dataclasses.replace(folder.data, **grid)
    notes = _check(folder, data, times)
    max_frames, more = _choose_length(folder)
    fields = {name: getattr(data, name) for name in _SETTINGS} | {"max_frames": max_frames}
    reasons = [*_description(folder), *folder.findings, *notes, *reasons, *more, _action_lengths(folder, data, times)]
    reasons.append(f"model and training settings of configs/{system}_custom.py, which are those of THUMOS14")
    settings = {"train.batch_size": arguments.batch_size} if arguments.batch_size else {}
    return Proposal(
        system, f"{system}_custom", f"{system}_base", "localization_datasets", data.dataset, fields, settings, reasons
    )


def _told_by_features(times):
    """The line about features that say themselves where they lie in time, FeatureTimes by video."""
    gaps = [
        found.stride if found.stride else float(np.diff(found.times).mean())
        for found in times.values()
        if found.rows > 1
    ]
    spread = f"{min(gaps):.4g}" if np.ptp(gaps) < 1e-6 else f"{min(gaps):.4g} to {max(gaps):.4g}"
    return f"VIDEO.json beside the features says where they lie in time: every {spread} s"


def _choose_grid(folder, videos, arguments):
    """(fields of config.data, reasons)."""
    without = [video for video in videos if not (arguments.fps or video.fps)]
    if without:
        raise UserError(
            f"{folder.database.path}: no fps of {count(without, 'video')}, such as {without[0].video_id!r}. Give the "
            "frames per second of the videos that the features were made of: --fps 25"
        )
    rates = [arguments.fps or video.fps for video in videos]
    spread = f"{min(rates):g}" if min(rates) == max(rates) else f"{min(rates):g} to {max(rates):g}"
    reasons = [f"fps: {spread}, {'as given' if arguments.fps else 'of the annotations'}"]
    timed = [(video, rate) for video, rate in zip(videos, rates, strict=True) if video.duration < UNKNOWN_DURATION]
    measured = _Measured(
        tuple(video.video_id for video, _ in timed),
        np.array([video.duration for video, _ in timed]),
        np.array([rate for _, rate in timed]),
        np.array([folder.lengths[video.video_id] for video, _ in timed], float),
    )
    stride, fits, reason = _choose_stride(measured, arguments.feature_stride)
    reasons.append(reason)
    if stride == 0:
        return {"feature_stride": 0.0}, reasons
    left, slack = measured.left(stride)[fits], _DURATION_TOLERANCE_SEC * max(rates)
    window, reason = _choose_window(left, stride, slack, arguments.window)
    return {"feature_stride": float(stride), "window": float(window)}, [*reasons, reason]


class _Measured(NamedTuple):
    """Videos with a duration and features: names, seconds [V], frames per second [V], stored features [V]."""

    names: tuple
    durations: np.ndarray
    rates: np.ndarray
    lengths: np.ndarray

    @property
    def frames(self):
        """Video frames [V]."""
        return self.durations * self.rates

    def left(self, stride):
        """Frames [V] that strides from the first feature to the last one leave."""
        return self.frames - stride * (self.lengths - 1)


def _choose_stride(videos, given):
    """(video frames from a feature to the next, bool [V] of the videos that it fits, reason); 0: spread evenly."""
    frames, lengths = videos.frames, videos.lengths
    everywhere = np.ones(len(lengths), bool)
    if given is not None:
        return given, everywhere, f"feature_stride={given:g}, as given"
    ask = "give the video frames from one feature to the next: --feature_stride 16 (0: spread evenly over each video)"
    if len(lengths) < 3:
        raise UserError(f"{count(len(lengths), 'video')} with a duration and features tell no stride; {ask}")
    if lengths.min() == lengths.max():
        if frames.max() > 1.1 * frames.min():
            reason = f"feature_stride=0: videos of every duration have {lengths[0]:g} features, spread evenly"
            return 0, everywhere, reason
        raise UserError(f"All videos are about as long, which tells no stride; {ask}")
    _insist_on_one_unit(videos)
    slope, fits = _slope(frames, lengths)
    stride = round(slope)
    if fits.mean() < _MOST:
        raise UserError(
            f"Durations and numbers of features fit no stride: only {int(fits.sum())} of {count(fits, 'video')} are "
            f"near the best one, {slope:.4g} frames; {ask}"
        )
    _insist_on_seconds(videos, slope)
    if stride < 1 or abs(slope - stride) > _STRIDE_TOLERANCE * stride:
        raise UserError(_no_whole_stride(videos, slope))
    if fits.all():
        return (
            stride,
            fits,
            f"feature_stride={stride}: by it, durations grow with the features of {len(lengths)} videos",
        )
    others = [
        f"{name} ({length:g} features in {seconds:.1f} s)"
        for name, length, seconds, fit in zip(videos.names, lengths, videos.durations, fits, strict=True)
        if not fit
    ]
    which = f"durations grow with the features of {int(fits.sum())} of {count(fits, 'video')}"
    return stride, fits, f"feature_stride={stride}: by it, {which}, but not those of {name_some(others)}"


def _slope(frames, lengths):
    """(video frames per feature, bool [V] of the videos that it fits): the line through all, or else through most."""
    slope = np.polyfit(lengths, frames, 1)[0]
    left = frames - round(slope) * (lengths - 1)
    if round(slope) >= 1 and np.ptp(left) <= 3 * round(slope) + slope:
        return slope, np.ones(len(lengths), bool)
    # A few videos of another rate turn the line through all; the median over pairs does not heed them.
    chosen = np.linspace(0, len(lengths) - 1, min(len(lengths), _MOST_PAIRED)).astype(int)
    steps, frames_between = (np.subtract.outer(values[chosen], values[chosen]) for values in (lengths, frames))
    slope = float(np.median(frames_between[steps > 0] / steps[steps > 0]))
    left = frames - slope * (lengths - 1)
    fits = np.abs(left - np.median(left)) <= 2 * max(slope, 1.0)
    if len(set(lengths[fits])) > 2:
        slope = float(np.polyfit(lengths[fits], frames[fits], 1)[0])
    return slope, fits


def _insist_on_one_unit(videos):
    """Raises a UserError if some durations look like another unit than the others, by the seconds per feature."""
    seconds = videos.durations / videos.lengths
    for usual in np.quantile(seconds, (0.1, 0.9)):
        found = other_unit(seconds / usual, videos.rates)
        # Of two units it is the one with a feature every few frames to seconds that is right.
        if found and usual < _FRAMES_STEP and usual * videos.rates.max() >= 1:
            unit, where = found
            named = [f"{videos.names[place]} {videos.durations[place]:g}" for place in np.flatnonzero(where)]
            raise UserError(
                f"The durations of {where.sum()} of {count(where, 'video')} look like {unit}: {name_some(named)}; "
                "those of the others fit their features as seconds. Expected seconds in all. If they are seconds, give "
                "--feature_stride and --window."
            )


def _insist_on_seconds(videos, slope):
    """Raises a UserError if durations look like milliseconds or frames, by the seconds from a feature to the next."""
    if len(videos.durations) > 2 and len(set(videos.durations.tolist())) == 1 and np.ptp(videos.lengths):
        raise UserError(
            f"All {len(videos.durations)} durations are {videos.durations[0]:g} s: they tell nothing of the features. "
            "Put the right ones in, or give --feature_stride and --window."
        )
    seconds = slope / float(np.median(videos.rates))
    are_whole = (videos.durations == np.round(videos.durations)).all()
    unit = "milliseconds" if seconds >= _MS_STEP else "frames" if are_whole and seconds >= _FRAMES_STEP else ""
    if unit:
        raise UserError(
            f"A feature would come every {seconds:.3g} s: the durations look like {unit}, expected seconds "
            f"({videos.names[0]!r}: {videos.durations[0]:g}). If they are seconds, give --feature_stride and --window."
        )


def _no_whole_stride(videos, slope):
    """Text of an error: features come every `slope` frames, which is usual where they were made at another fps."""
    found = f"Features come every {slope:.4g} video frames by the durations, which is no whole number"
    rates = set(videos.rates.tolist())
    usual = [(fps, fps * slope / rate) for rate in rates for fps in _USUAL_FPS if abs(fps / rate - 1) > 0.01]
    usual = [(fps, s) for fps, s in usual if round(s) >= 1 and abs(s - round(s)) <= 0.25 * _STRIDE_TOLERANCE * s]
    if len(rates) == 1 and usual:
        (rate,) = rates
        fps, stride = min(usual, key=lambda pair: abs(np.log(pair[0] / rate)))
        return (
            f"{found}. At {fps:g} frames per second, not {rate:g}, they would come every {round(stride)}: "
            f"--fps {fps:g}. If {rate:g} is right, say so: --feature_stride {slope:.4g}"
        )
    return f"{found}. If they are resampled, say so: --feature_stride {slope:.4g} (0: spread evenly over each video)"


def _choose_window(residual, stride, slack, given):
    """(video frames that a feature sees, reason); `residual` are the frames of every video that its strides leave."""
    if given is not None:
        return given, f"window={given:g}, as given"
    ask = "give the video frames that a feature sees: --window"
    if not residual.size:
        raise UserError(f"Without durations the window cannot be told; {ask} 16")
    least, most = residual.min() + slack, residual.max() - slack
    fitting = [window for window in usual_windows(stride) if window <= least and most < window + stride]
    if len(fitting) == 1:
        return fitting[0], (
            f"window={fitting[0]}: what the strides leave of a video, {residual.min():.4g} to {residual.max():.4g} "
            "frames; of usual windows this one fits"
        )
    seen = f"strides of {stride:g} leave {residual.min():.4g} to {residual.max():.4g} frames of a video"
    if fitting:
        raise UserError(f"Windows of {' and '.join(map(str, fitting))} fit the durations; {ask} {fitting[0]}")
    if most < 0 or np.ptp(residual) > 3 * stride + 2 * slack:
        raise UserError(
            f"No window fits: {seen}, and a window has to be about as long in all: strides of {stride:g} at the stated "
            "fps contradict the durations. Without --feature_stride the durations tell the stride."
        )
    raise UserError(f"No usual window fits: {seen}; {ask} {stride:g}, if features are made of {stride:g} frames each")


def _check(folder, data, times):
    """Refuses what the check before training would refuse with these settings; returns the lines it would print."""
    checked = checks.check_videos(folder.store, folder.videos, data, GridRule.of(data), times)
    refuse(data.dir, _by_option(checked.problems))
    return [_option_names(note) for note in checked.notes]


def _by_option(problems):
    """Problems that name the options of the tool, not the settings that they are for."""

    return [dataclasses.replace(p, found=_option_names(p.found), expected=_option_names(p.expected)) for p in problems]


def _option_names(text):
    """A text with the options of the tool in the place of the settings that they are for."""
    return re.sub(r"config\.data\.(feature_stride|window|fps|skip_missing|(?:train|test)_subsets)\b", r"--\1", text)


def _choose_length(folder):
    """(features that training videos are padded or cut to, reasons)."""
    lengths = [folder.lengths[video.video_id] for video in folder.videos["train"] if video.video_id in folder.lengths]
    longest = max(lengths, default=1)
    frames = min(-(-longest // _LENGTH_STEP) * _LENGTH_STEP, _MAX_LENGTH)
    if longest > frames:
        cut = sum(length > frames for length in lengths)
        return frames, [
            f"max_frames={frames}: {count(cut, 'training video')} of up to {longest} features get cut in pieces"
        ]
    return frames, [
        f"max_frames={frames}: the multiple of {_LENGTH_STEP} that holds training videos, up to {longest} features"
    ]


def _action_lengths(folder, data, times):
    """How long actions are, in features, for whoever chooses the levels of the network."""
    rule, spans = GridRule.of(data), []
    for video in folder.videos["train"]:
        if video.video_id in folder.lengths:
            grid = checks.grid_of_video(rule, folder.lengths[video.video_id], video, data, times)
            spans += np.diff(grid.to_grid(video.segments), axis=1).ravel().tolist()
    if not spans:
        return "actions: none to train with"
    low, middle, high = np.percentile(spans, (5, 50, 95))
    return (
        f"actions last {low:.3g} to {high:.3g} features (5 to 95 %), {middle:.3g} in the middle; model.regression_from "
        "and regression_to, in features, say which level of the network finds which"
    )


def _description(folder):
    numbers = ", ".join(count(found, f"{subset} video") for subset, found in folder.videos.items())
    segments = sum(len(video.segments) for found in folder.videos.values() for video in found)
    classes, channels = count(folder.database.class_ids, "class"), count(folder.feature_dim, "channel")
    return [f"{folder.data.dir}: {numbers}, {classes}, {channels}, {count(segments, 'segment')}"]
