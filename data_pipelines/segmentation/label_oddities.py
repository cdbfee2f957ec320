"""Labels that are sound line by line and cannot be those of their video: shuffled ones, and those of another video."""

import collections

import numpy as np

from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some, verb

# Labels of a video from which on the order of them says something.
_MIN_LABELS = 16
# Mean frames of a segment that are told in any case, and up to which labels are told that change nearly as often, by
# this share, as if they were shuffled: single frames of rare actions do so, too, where nearly all is background.
_SHORTEST, _SHORT, _AS_SHUFFLED = 2.0, 5.0, 0.7
# Segments of labels whose equal in another video is no chance.
_MIN_SEGMENTS = 3


def label_notes(labels):
    """Lines about the labels, int [N] by video, of a dataset without problems; () where nothing is odd."""
    notes, means = [], {}
    for video, found in labels.items():
        changes = int(np.count_nonzero(np.diff(found)))
        shares = np.unique(found, return_counts=True)[1] / max(len(found), 1)
        shuffled = (len(found) - 1) * (1 - np.square(shares).sum())
        mean = len(found) / (changes + 1)
        limit = _SHORT if changes >= _AS_SHUFFLED * shuffled else _SHORTEST
        if len(found) >= _MIN_LABELS and mean <= limit:
            means[video] = mean
    if means:
        texts = sorted({f"{mean:.1f}" for mean in means.values()}, key=float)
        about = " to ".join(dict.fromkeys((texts[0], texts[-1])))
        notes.append(
            f"labels of {len(means)} of {count(labels, 'video')} change as often as if they were shuffled (mean "
            f"segment {about} frames): {name_some(means)}. Were their lines sorted or mixed up, or were they made by a "
            "classifier that looks at single frames?"
        )
    for names in _copies(labels):
        text = f"{count(names, 'video')} have the very same labels: {name_some(names)}"
        notes.append(f"{text}. Was the label file of one copied to the others?")
    return tuple(notes)


def copy_problems(layout, lengths, labels):
    """(names of videos, Problems) of label files of other videos, which do not fit the features.

    `lengths` are (stored features, lines of the label file) by video, `labels` int [N].
    """
    copied, problems, tolerance = set(), [], layout.data.length_tolerance
    for names in _copies({video: labels[video] for video in lengths}):
        wrong = [name for name in names if abs(lengths[name][0] - lengths[name][1]) > tolerance]
        if wrong:
            copied |= set(wrong)
            have = f"{count(names, 'video')} have the very same {lengths[names[0]][1]} labels ({name_some(names)})"
            found = f"{have}, which do not fit the features of {len(wrong)} ({name_some(wrong)})"
            problems.append(
                Problem(
                    str(layout.label_dir),
                    0,
                    found,
                    f"expected labels of {'its' if len(wrong) == 1 else 'their'} own: {verb(wrong, 'were')} "
                    f"{'it' if len(wrong) == 1 else 'they'} copied from another video?",
                )
            )
    return copied, problems


def _copies(labels):
    """Lists of the names of videos with the same labels, int [N] by video, of some segments."""
    alike = collections.defaultdict(list)
    for video, found in labels.items():
        if np.count_nonzero(np.diff(found)) + 1 >= _MIN_SEGMENTS:
            alike[found.tobytes()].append(video)
    return [names for names in alike.values() if len(names) > 1]
