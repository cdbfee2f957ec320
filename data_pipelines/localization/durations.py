"""Durations of videos, for predictions: how long a video is cannot always be told from its features."""

import pathlib
from typing import NamedTuple

from data_pipelines.core.json_files import number_of, read_json
from data_pipelines.core.problems import Problem, Problems, refuse
from data_pipelines.core.wording import count
from data_pipelines.localization.annotations import MAX_SECONDS, NEAR_FPS, UNKNOWN_DURATION, read_database
from data_pipelines.localization.video_tables import missing_videos

_TITLE = "The file of --durations"


class StatedTimes(NamedTuple):
    """What a file states of videos, by name: their seconds, and the frames per second of those that have some."""

    seconds: dict
    fps: dict


def read_durations(path):
    """Reads a file with the seconds of every video: StatedTimes; a UserError names all that is wrong.

    It is .json, {VIDEO: seconds}, or annotations with a "duration" for every video (see `annotations.read_database`);
    there, videos without one are left out. Both may be compressed (.gz).
    """
    path = pathlib.Path(path).expanduser()
    content, problems = read_json(path, "durations, {VIDEO: seconds}, or annotations")
    if isinstance(content, dict) and not any(isinstance(value, dict) for value in content.values()):
        told = Problems(path)
        told.extend(problems)
        durations = {}
        for video, value in content.items():
            number = number_of(value)
            if number is None or not 0 < number <= MAX_SECONDS:
                found = f"the duration of video {video!r} is {value!r:.60}"
                told.add(str(path), 0, found, "expected seconds, a number more than 0")
            else:
                durations[video] = number
        if not content:
            told.add(str(path), 0, "no videos", "expected {VIDEO: seconds}")
        refuse(_TITLE, told.listed())
        return StatedTimes(durations, {})
    if content is None:
        refuse(_TITLE, problems)
    database, problems = read_database(path)
    refuse(_TITLE, problems)
    durations = {name: video.duration for name, video in database.videos.items() if video.duration < UNKNOWN_DURATION}
    if not durations:
        refuse(_TITLE, [Problem(str(path), 0, "annotations without a duration", "expected 'duration': seconds")])
    return StatedTimes(durations, {name: video.fps for name, video in database.videos.items() if video.fps})


def check_durations(path, durations, video_ids):
    """Raises a UserError if a video of `video_ids` has no duration in a table."""
    refuse(_TITLE, missing_videos(path, durations, video_ids, "duration"))


def rate_lines(path, stated, video_ids, fps):
    """A line where a file states other frames per second of some of the videos than `fps`, which are used."""
    known = [stated[video] for video in video_ids if video in stated]
    others = [rate for rate in known if abs(rate / fps - 1) > NEAR_FPS]
    if fps and others:
        rates = f"{min(others):g}" if min(others) == max(others) else f"{min(others):g} to {max(others):g}"
        yield f"{path}: states {rates} frames per second for {len(others)} of {count(known, 'video')}; {fps:g} are used"
