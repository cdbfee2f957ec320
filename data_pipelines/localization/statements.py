"""What annotations state a second time, beside what is read of them: lines where the two disagree."""

import numpy as np

from data_pipelines.core.json_files import number_of
from data_pipelines.core.names import with_slips
from data_pipelines.core.wording import count, name_some, verb

# Frames, and share of the time, by which numbers of frames and seconds may differ: rounding, 29.97 and 30 a second.
_FRAMES, _SHARE = 2.0, 0.02
_NAMES = ("nodeName", "name", "label")
_TAXONOMY = "taxonomy"


def frame_lines(entries):
    """A line where "segment(frames)" is not "segment" in frames; `entries` are those of the file, by video."""
    total, wrong, example = 0, set(), ""
    number = 0
    for video, entry in entries.items():
        items, fps = entry.get("annotations"), number_of(entry.get("fps"), quoted=True)
        for item in items if isinstance(items, list) and fps else ():
            pairs = [_pair(item.get(key)) for key in ("segment", "segment(frames)")] if isinstance(item, dict) else []
            if not all(pairs):
                continue
            total += 1
            seconds, frames = map(np.array, pairs)
            if np.any(np.abs(frames - seconds * fps) > np.maximum(_FRAMES, _SHARE * np.abs(frames))):
                number += 1
                wrong.add(video)
                example = example or (
                    f"{video!r} from {seconds[0]:g} to {seconds[1]:g} s, frames {frames[0]:g} to {frames[1]:g} "
                    f"at {fps:g} fps"
                )
    if number:
        of = f'"segment(frames)" of {number} of {count(total, "segment")}, in {count(wrong, "video")}, '
        yield f"{of}{verb(number, 'are')} another time than the seconds, which are used: {example}"


def taxonomy_lines(taxonomy, class_ids):
    """A line where the file lists classes, as ActivityNet does, and those of annotations are not among them.

    `taxonomy` is its list of dicts, or whatever the file has in its place.
    """
    nodes = [node for node in taxonomy if isinstance(node, dict)] if isinstance(taxonomy, list) else []
    listed = {node[key] for node in nodes for key in _NAMES if isinstance(node.get(key), str)}
    unknown = [name for name in class_ids if name not in listed]
    if listed and unknown:
        of = f"{len(unknown)} of {count(class_ids, 'class')} of the annotations"
        named = name_some(with_slips(unknown, sorted(listed)))
        yield f'{of} {verb(unknown, "are")} not in the "{_TAXONOMY}" of the file, which is not read: {named}'


def _pair(value):
    """[first, second] of a list of two numbers, else None."""
    numbers = (
        [number_of(part, quoted=True) for part in value] if isinstance(value, list) and len(value) == 2 else [None]
    )
    return None if None in numbers else numbers
