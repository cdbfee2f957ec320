"""Videos whose features are those of another video, or a piece of them."""

import collections
import itertools

import numpy as np

from data_pipelines.core.repeats import SKETCH
from data_pipelines.core.wording import count, name_some

# Frames of a sketch that two videos have in common: so many, and this share of those of the shorter one. What more
# videos have in common is no sign of two.
_MIN_SHARED, _SHARED, _MOST_VIDEOS = 4, 0.5, 16
# Of fewer channels, frames may be the same by chance.
_MIN_CHANNELS = 4


def copies_note(contents, lists):
    """Lines, at most one, about videos whose features are those of another.

    `contents` has by video what is the same for the same features, `lists` the names of the videos by subset: scores on
    a copy of a video of "train" say nothing of new videos.
    """
    first, copies, across = {}, [], []
    subsets = _subsets_of(contents, lists)
    for video, content in contents.items():
        other = first.setdefault(content, video)
        if other == video:
            continue
        copies.append(f"{video} (as {other})")
        if _is_across(subsets[video], subsets[other]):
            across.append(copies[-1])
    if not copies:
        return ()
    line = f"{count(copies, 'video')} with the features of another: {name_some(copies)}"
    if across:
        which = "" if len(across) == len(copies) else f", of {name_some(across)}"
        line += f"; one of the two is trained with and the other evaluated{which}"
    return (line,)


def pieces_note(values, lists, checksums):
    """Lines, at most one, about videos whose frames are, for the most part, frames of a longer one.

    `values` are VideoValues by video, `lists` as in `copies_note`; those with the same `checksums` are told there.
    """
    sketches, with_mark = {}, collections.defaultdict(list)
    for video, found in values.items():
        if found.num_channels >= _MIN_CHANNELS and not found.is_whole:
            sketches[video] = np.frombuffer(bytes.fromhex(found.sketch), ">u4")
            for mark in sketches[video].tolist():
                with_mark[mark].append(video)
    shared = collections.Counter()
    for videos in with_mark.values():
        if len(videos) <= _MOST_VIDEOS:
            shared.update(itertools.combinations(videos, 2))
    pieces, subsets = {}, _subsets_of(sketches, lists)
    for pair, number in shared.items():
        # Ties go to the second, which is the one that is evaluated where lists begin with "train".
        video, other = sorted(reversed(pair), key=lambda name: values[name].num_frames)
        # Sketches of two videos say nothing of frames beyond the nearer end.
        ends = [sketch[-1] for sketch in (sketches[video], sketches[other]) if len(sketch) == SKETCH]
        within = np.count_nonzero(sketches[video] <= min(ends)) if ends else len(sketches[video])
        is_copy = checksums.get(video, video) == checksums.get(other, other)
        if number >= max(_MIN_SHARED, _SHARED * within) and not is_copy:
            found = _is_across(subsets[video], subsets[other]), number / within, other
            pieces[video] = max(pieces.get(video, found), found)
    if not pieces:
        return ()
    texts = {
        video: f"{video} (about {share:.0%} of its {values[video].num_frames} frames are in {other})"
        for video, (_, share, other) in pieces.items()
    }
    line = f"{count(pieces, 'video')} with frames of another: {name_some(texts.values())}"
    across = [video for video, (is_across, _, _) in pieces.items() if is_across]
    if across:
        which = "" if len(across) == len(pieces) else f", of {name_some(across)}"
        line += f"; one of the two is trained with and the other evaluated{which}"
    return (f"{line}. Was it cut out of that one? Its scores say nothing of new videos" if across else line,)


def _subsets_of(videos, lists):
    """Set of the names of subsets by video."""
    names = {subset: set(listed) for subset, listed in lists.items()}
    return {video: {subset for subset, listed in names.items() if video in listed} for video in videos}


def _is_across(one, other):
    """Whether one video of two, of these subsets each, is trained with and the other evaluated."""
    return any("train" in first and second - {"train"} for first, second in ((one, other), (other, one)))
