"""Features that say themselves where they lie in time (VIDEO.json), in place of settings and annotations."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from data_pipelines.core.dataset_times import read_times
from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.feature_times import EXACT, FeatureTimes
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count
from data_pipelines.localization.annotations import NEAR_FPS, UNKNOWN_DURATION
from data_pipelines.localization.config import LocalizationDataConfig

_NEAR = 0.01  # share by which a stride or a window may be rounded


def read_store_times(store: Any, videos: Mapping[str, Any], data: LocalizationDataConfig):
    """(FeatureTimes by video, problems) of the features of a FeatureStore; {} where none have any.

    `videos` is a dict from subset to AnnotatedVideos. Settings that contradict the features are problems.
    """
    names = dict.fromkeys(video.video_id for listed in videos.values() for video in listed)
    times: dict[str, FeatureTimes] = {}
    problems: list[Problem] = []
    for stream in getattr(store, "streams", ()):
        if stream.is_hdf5:
            continue
        shapes = {}
        for name in names:
            try:
                shapes[name] = stream.shape(name)
            except FeatureFileError:
                continue  # told where all features are checked
        found, wrong = read_times({name: stream.path(name) for name in shapes}, shapes)
        problems += wrong
        for name, own in found.items():
            known = times.setdefault(name, own)
            if known.rows != own.rows or np.abs(known.times - own.times).max() > EXACT:
                expected = "expected streams that lie alike in time: extract them with the same --every"
                problems.append(
                    Problem(str(stream.path(name)), 0, "lies in time otherwise than the first one", expected)
                )
    if times and data.reader == "tfds":
        found = "features with .json files beside them, which a prepared copy does not keep"
        problems.append(Problem(str(store.streams[0].place), 0, found, "set config.data.reader=files"))
    return times, problems + contradictions(times, data)


def contradictions(times: Mapping[str, FeatureTimes], data: LocalizationDataConfig) -> list[Problem]:
    """Problems of settings that say something else than the features; defaults say nothing."""
    stated = {
        "feature_stride": lambda found: _mean_gap(found) * found.video["fps"],
        "window": lambda found: found.window * found.video["fps"],
        "fps": lambda found: found.video["fps"],
    }
    problems = []
    for name, of in stated.items():
        value, default = getattr(data, name), getattr(LocalizationDataConfig, name)
        known = {video: of(found) for video, found in times.items() if found.video.get("fps") and found.rows > 1}
        allowed = NEAR_FPS if name == "fps" else _NEAR
        others = {video: own for video, own in known.items() if abs(value - own) > allowed * max(value, own)}
        if value == default or not others:
            continue
        video = next(iter(others))
        text = f"config.data.{name} is {value:g}, and {video}.json says {others[video]:.4g}"
        text += f", as those of {count(len(others), 'video')}" if len(others) > 1 else ""
        expected = f"leave the setting out: the features say it themselves (config.data.{name}={default:g})"
        problems.append(Problem(data.dir, 0, text, expected))
    return problems


def _mean_gap(found):
    return (found.times[-1] - found.times[0]) / max(found.rows - 1, 1)


def completed(video: Any, found: FeatureTimes | None) -> Any:
    """An AnnotatedVideo with the frame rate of its features, and their end where it has no duration."""
    if found is None:
        return video
    duration = found.duration if video.duration >= UNKNOWN_DURATION else video.duration
    return dataclasses.replace(video, fps=found.video.get("fps") or video.fps or 1.0, duration=duration)


def grid_of(rule: Any, found: FeatureTimes):
    """The grid of a video whose features say where they lie; `rule` is a GridRule."""
    return rule.listed(found.times, found.start, found.duration, found.video.get("fps") or 1.0)
