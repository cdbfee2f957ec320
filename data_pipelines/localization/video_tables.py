"""Tables with something for every video (durations, scores of the classes) against the videos that they are for."""

from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count
from fact_jax.types import nearest

_MAX_NAMED = 3


def missing_videos(path, names, video_ids, what):
    """A list of Problem, at most one: videos of `video_ids` that a table with these `names` has no `what` of."""
    missing = [video for video in video_ids if video not in names]
    if not missing:
        return []
    guess = nearest(missing[0], names)
    found = f"no {what} of {len(missing)} of {count(video_ids, 'video')}, such as {missing[0]!r}"
    return [Problem(str(path), 0, found, f"it has {guess!r}" if guess else f"expected the {what} of every video")]


def unused_names(path, names, video_ids, what):
    """Lines, at most one: names of the table that belong to none of `video_ids`."""
    known = set(video_ids)
    unused = [name for name in names if name not in known]
    if not unused:
        return ()
    more = f", and {len(unused) - _MAX_NAMED} more" if len(unused) > _MAX_NAMED else ""
    listed = ", ".join(unused[:_MAX_NAMED]) + more
    of = f"{len(unused)} of {count(names, 'video')}"
    return (f"{path}: the {what} of {of} are not used, as there is no such video: {listed}",)
