"""Labels against the videos themselves: whether these are there, as long as the project says, and go on as far."""

import dataclasses

import numpy as np

from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count
from data_pipelines.label_tools.media import LENGTH_SLACK, frame_edges
from data_pipelines.video.frame_times import is_variable


def check_videos(recordings, videos, resolution):
    """(Recordings with the lengths and rates of their videos, lines, Problems); `videos` is a MediaFolder.

    Ends up to LENGTH_SLACK seconds behind a video are cut, which is told where it is more than rounding to `resolution`
    seconds. Without a video a Recording stays as it is.
    """
    opened, problems, notes = videos.open({one.video: one.media for one in recordings})
    checked, cut = [], 0
    for one in recordings:
        video = opened.get(one.video)
        if video is None:
            checked.append(one)
            continue
        end = float(frame_edges(video)[-1])
        if one.duration and abs(one.duration - end) > LENGTH_SLACK:
            found = f"{one.video!r} is {one.duration:.3f} s long here, and {end:.3f} s in {video.path}"
            expected = "is this the video that was labelled? Give the right one, or correct the length in the tool"
            problems.append(Problem(one.path, 0, found, expected))
        events = []
        for event in one.events:
            if event.end > end + LENGTH_SLACK or (event.start >= end and not event.is_point):
                found = f"{event.text} lies behind the end of {video.path} at {end:.3f} s"
                problems.append(
                    Problem(one.path, event.line, found, "move its end, or delete it; or is the video cut?")
                )
            elif event.end > end:
                cut += event.end > end + resolution / 2
                event = dataclasses.replace(event, start=min(event.start, end), end=end)
            events.append(event)
        fps = 0.0 if _varies(video) else float(video.rate)
        checked.append(dataclasses.replace(one, events=tuple(events), duration=round(end, 6), fps=round(fps, 6)))
    if cut:
        notes.append(f"{count(cut, 'event')} ended up to {LENGTH_SLACK} s behind the video: cut")
    return checked, notes, problems


def _varies(video):
    index = getattr(video, "index", None)
    if index is not None:
        return is_variable(index.pts)
    return len(video) > 2 and bool(np.ptp(np.diff(video.times)) > 1e-3)
