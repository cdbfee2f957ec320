"""Checks of a localization dataset before training: every problem at once."""

import collections
import contextlib
import dataclasses
import os

import numpy as np
from absl import logging
from tqdm import tqdm

from data_pipelines.core.copies import copies_note
from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.feature_values import value_lines
from data_pipelines.core.finite import (
    CheckedFeatures,
    CheckNotes,
    check_finite,
    checksum_of,
    constant_note,
    stat_digest,
)
from data_pipelines.core.problems import Problem
from data_pipelines.core.value_measures import measure
from data_pipelines.core.wording import count, verb
from data_pipelines.localization.annotations import NEAR_FPS, UNKNOWN_DURATION
from data_pipelines.localization.feature_names import (
    all_missing,
    hint_at_missing,
    place_of,
    place_of_fault,
    unread_lines,
)
from data_pipelines.localization.grouping import group_videos
from data_pipelines.localization.source import SegmentRules, prepare_segments
from data_pipelines.localization.stated_times import grid_of
from data_pipelines.localization.timed import TimedVideo
from data_pipelines.localization.times import check_times
from fact_jax.types import UserError

_MAX_NAMED = 3
# Files from which on it is no chance that all have as many rows.
_ENOUGH = 3


@dataclasses.dataclass(frozen=True)
class CheckedVideos:
    """What a check of the feature files gave.

    Attributes:
      usable: AnnotatedVideo lists by subset, those that can be trained with or tested on.
      lengths: stored features of every usable video, by name.
      feature_dim: D, 0 where there is none.
      notes: lines about videos that were left out.
    """

    usable: dict
    lengths: dict
    feature_dim: int
    problems: list
    notes: tuple


def check_videos(store, videos, data, rule, times=None):
    """Looks at the shapes of all features in a FeatureStore and at what goes with them; returns CheckedVideos.

    `videos` is a dict from subset, "train" or "test", to AnnotatedVideos; `times` one from video to FeatureTimes, of
    those whose features have them.
    """
    times = times or {}
    problems, notes, usable, shapes, unusable = [], [], {}, {}, {}
    for subset, listed in videos.items():
        usable[subset], missing, found = _check_shapes(store, subset, listed, data, shapes, unusable, times)
        problems += found
        if missing:
            what = f"{verb(missing, 'count')} as missed" if subset == "test" else f"{verb(missing, 'are')} left out"
            what += " in the evaluation" if subset == "test" else " of training"
            of = f"{len(missing)} of {count(listed, f'{subset} video')} {verb(missing, 'have')}"
            notes.append(f"{of} no features and {what}: {_names(missing)}")
        if listed and len(missing) == len(listed):
            problems.append(all_missing(store, missing))
    problems = hint_at_missing(store, problems, unusable, shapes)
    width, transposed, found = check_widths(store, shapes)
    problems += found
    # Of features that lie the wrong way round, nothing says how long they are.
    lengths = {name: length for name, (length, _) in shapes.items() if name not in transposed}
    timed = [
        _timed(v, subset, lengths, data, times.get(v.video_id)) for subset, listed in videos.items() for v in listed
    ]
    found = check_times(timed)
    problems += [Problem(place_of_annotations(data, subset), 0, *text) for subset, *text in found.problems]
    problems = group_videos(problems)
    notes += [*unread_lines(store, list(shapes)), *_fps_notes(videos, data), *found.lines]
    # What is wrong in the annotations has been told.
    if not problems and all(_is_sound(video) for listed in videos.values() for video in listed):
        usable["train"], left_out = _with_segments(usable["train"], lengths, data, rule, times)
        if left_out:
            has, is_ = verb(left_out, "have"), verb(left_out, "are")
            number = count(left_out, "training video")
            notes.append(f"{number} {has} no segment and {is_} left out: {_names(left_out)}")
        if not usable["train"] and videos["train"]:
            problems.append(Problem(place_of_annotations(data, "train"), 0, "no training video with a segment"))
    return CheckedVideos(usable, lengths, width, problems, tuple(notes))


def _check_shapes(store, subset, listed, data, shapes, unusable, times):
    """(usable videos, names of those without features, problems) of a subset.

    Their shapes are added to `shapes`, by name; those with a problem of their features to `unusable`, by its place.
    """
    usable, missing, problems = [], [], []
    for video in tqdm(listed, desc="Checking features", unit="video", disable=None, leave=False, delay=1.0):
        name = video.video_id
        if data.skip_missing and store.is_missing(name):
            missing.append(name)
            continue
        try:
            shapes[name] = store.shape(name)
        except FeatureFileError as error:
            place = place_of_fault(store, name)
            problems.append(Problem(place, 0, str(error)))
            unusable[place] = name
            continue
        found = [] if name in times else _time_problems(video, data)
        place = place_of_annotations(data, subset)
        problems += [Problem(place, 0, f"video {name!r}: {text}", hint) for text, hint in found]
        if not found and _is_sound(video):
            usable.append(video)
    return usable, missing, problems


def _timed(video, subset, lengths, data, times=None):
    """TimedVideo of an AnnotatedVideo; what it covers only if its features are usable and its frame rate is known."""
    fps, length = data.fps or video.fps, lengths.get(video.video_id)
    if times is not None and length:
        step = float(times.times[-1] - times.times[0]) / max(times.rows - 1, 1)
        return TimedVideo(video, subset, fps, times.duration, step, times.window)
    if not length or not fps or data.feature_stride <= 0:
        return TimedVideo(video, subset, fps)
    step, window = data.feature_stride / fps, data.window / fps
    return TimedVideo(video, subset, fps, (length - 1) * step + window, step, window)


def place_of_annotations(data, subset):
    """The annotation file of "train" or "test" of a LocalizationDataConfig, for messages."""
    return os.path.join(os.path.expanduser(data.dir), data.annotation_file_of(subset))


def _is_sound(video):
    """Whether the annotations say nothing impossible of a video."""
    return not (np.isnan(video.fps) or np.isnan(video.duration))


def _time_problems(video, data):
    """[(found, what to do)] of one video."""
    problems = []
    if not data.fps and not video.fps:
        problems.append(("no fps", "state them in the annotations, or for all videos with config.data.fps"))
    if data.feature_stride <= 0 and video.duration >= UNKNOWN_DURATION:
        problems.append(("no duration", "it is needed where features are spread evenly (config.data.feature_stride=0)"))
    return problems


def _fps_notes(videos, data):
    """A line where the settings have other frames per second than the annotations."""
    listed = [video for subset in videos.values() for video in subset]
    others = [video.fps for video in listed if data.fps and video.fps and abs(video.fps / data.fps - 1) > NEAR_FPS]
    if others:
        stated = f"{min(others):g}" if min(others) == max(others) else f"{min(others):g} to {max(others):g}"
        of = f"{len(others)} of {count(listed, 'video')}"
        yield f"config.data.fps={data.fps:g} is used; the annotations state {stated} for {of}"


def check_widths(store, shapes):
    """(D, names of videos whose features lie the wrong way round, problems) of shapes (T, D) by video."""
    if not shapes:
        return 0, set(), []
    (common, number), (rows, alike) = (
        collections.Counter(shape[axis] for shape in shapes.values()).most_common(1)[0] for axis in (1, 0)
    )
    if alike >= _ENOUGH and alike > len(shapes) / 2 >= number:
        transposed = {name for name, (length, _) in shapes.items() if length == rows}
        which = f"all {count(shapes, 'file')}" if alike == len(shapes) else f"{alike} of {count(shapes, 'file')}"
        first = min(transposed)
        found = f"{which} look transposed ({count(rows, 'row')} in each, as {first!r} of {shapes[first]})"
        place = os.path.dirname(place_of(store, first)) or place_of(store, first)
        return rows, transposed, [Problem(place, 0, found, "expected (features, channels): save their .T instead")]
    problems = []
    for name, (length, width) in shapes.items():
        if width != common:
            expected = f"expected {common}, as in {number} of {count(shapes, 'video')}"
            expected += ": this one looks transposed; save its .T instead" if length == common else ""
            found = f"{count(width, 'channel')} (shape {(length, width)})"
            problems.append(Problem(place_of(store, name), 0, found, expected))
    return common, set(), problems


def grid_of_video(rule, num_stored, video, data, times):
    """The grid of an AnnotatedVideo, by what its features or, where these say nothing, the settings say."""
    if video.video_id in times:
        return grid_of(rule, times[video.video_id])
    return rule.grid(num_stored, data.fps or video.fps, video.duration)


def _with_segments(videos, lengths, data, rule, times):
    """(videos that have a segment to train with, names of the others)."""
    rules = SegmentRules(False, data.remove_doubles, data.clip_segments, data.truncation_threshold)
    kept, left_out = [], []
    for video in videos:
        stored = lengths[video.video_id]
        grid = grid_of_video(rule, stored, video, data, times)
        segments, _ = prepare_segments(video, rule.length(stored), grid, rules, training=True)
        if len(segments):
            kept.append(video)
        else:
            left_out.append(video.video_id)
    return kept, left_out


def _names(names):
    more = f", and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


def check_values(store, checked, problems, workdir, data):
    """Looks for NaN and Inf in all features, once per workdir until a file changes.

    Returns (list of Problem, lines, CheckedFeatures).
    """
    notes = CheckNotes(workdir)
    paths = {stream.path(v.video_id) for stream in store.streams for vs in checked.usable.values() for v in vs}
    fingerprint = "" if problems else stat_digest((data.annotation_file, data.sample_rate), sorted(paths))
    if (known := notes.known(fingerprint)) is not None:
        logging.info("The data has not changed since it was checked.")
        return [], feature_lines(known, checked.usable), known
    bad = {problem.path for problem in problems}
    names = dict.fromkeys(video.video_id for videos in checked.usable.values() for video in videos)
    found, features_of = [], CheckedFeatures()
    for name in tqdm(names, desc="Checking values", unit="video", disable=None, leave=False, delay=1.0):
        if (place := place_of(store, name)) in bad:
            continue
        try:
            features = store.read(name)
            check_finite(features)
        except FeatureFileError as error:
            found.append(Problem(place, 0, str(error)))
            continue
        features_of.checksums[name], features_of.values[name] = checksum_of(features), measure(features)
    if not problems and not found:
        notes.add(fingerprint, features_of)
    return found, feature_lines(features_of, checked.usable), features_of


def feature_lines(features, usable):
    """Lines about the numbers of CheckedFeatures; `usable` are the AnnotatedVideos by subset."""
    constant = [name for name, values in features.values.items() if values.is_constant]
    changing = {name: checksum for name, checksum in (features.checksums or {}).items() if name not in constant}
    lists = {subset: [video.video_id for video in videos] for subset, videos in usable.items()}
    return (
        *constant_note(constant),
        *copies_note(changing, lists),
        *value_lines(features.values, lists, features.checksums),
    )


@contextlib.contextmanager
def unchanged(store, video_id):
    """In the `with` block, what is wrong with features that have passed the check is a UserError."""
    try:
        yield
    except FeatureFileError as error:
        place = place_of(store, video_id)
        raise UserError(f"{place}: {error}. The file has changed since it was checked.") from error
