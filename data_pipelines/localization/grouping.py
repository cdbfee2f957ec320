"""Problems of many videos that are one fault: told once, with a count."""

import dataclasses
import re

from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count

_VIDEO = re.compile(r"video ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"): (.*)", re.DOTALL)
# Videos with the very same problem, and problems with the same remedy, from which on they are told together.
_SAME, _ALIKE, _SHOWN = 4, 10, 3


def group_videos(problems):
    """The list of Problem with those that several videos have alike together; others and the order stay.

    The text of such a problem begins with "video 'NAME': ".
    """
    return _shorten(_merge(problems))


def _merge(problems):
    """One for the very same problem of _SAME or more videos."""
    groups = {}
    for problem in problems:
        groups.setdefault((problem.path, problem.line, _rest(problem), problem.expected), []).append(problem)
    merged = []
    for group in groups.values():
        first = group[0]
        if len(group) >= _SAME and _video(first):
            text = f"{_rest(first)}, in {len(group)} videos such as {_video(first)}"
            merged.append((first, dataclasses.replace(first, found=text)))
        else:
            merged += [(problem, problem) for problem in group]
    return _in_order(problems, merged)


def _shorten(problems):
    """The first _SHOWN of more than _ALIKE problems with the same remedy, and how many there are."""
    groups, shortened = {}, []
    for problem in problems:
        key = (problem.path, problem.expected, bool(_video(problem) and problem.expected))
        groups.setdefault(key, []).append(problem)
    for (path, expected, has_video), group in groups.items():
        kept = [(problem, problem) for problem in group]
        if has_video and len(group) > _ALIKE:
            videos = count(set(map(_video, group)), "video")
            more = f"{len(group) - _SHOWN} more problems like these, of {videos} in all"
            kept = [*kept[:_SHOWN], (group[_SHOWN], Problem(path, 0, more, expected))]
        shortened += kept
    return _in_order(problems, shortened)


def _video(problem):
    """The video that a problem is of, in quotation marks, or ""."""
    found = _VIDEO.match(problem.found)
    return found[1] if found else ""


def _rest(problem):
    """The text of a problem without its video."""
    found = _VIDEO.match(problem.found)
    return found[2] if found else problem.found


def _in_order(problems, pairs):
    """The second ones of pairs (problem of the list, what takes its place), in the order of the list."""
    places = {id(problem): place for place, problem in enumerate(problems)}
    return [shown for _, shown in sorted(pairs, key=lambda pair: places[id(pair[0])])]
