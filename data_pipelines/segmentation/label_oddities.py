"""Labels that are sound line by line and cannot be those of their video: shuffled ones, and those of another video."""

import collections

import numpy as np

from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some, verb

# Labels of a video from which on the order of them says something.
_MIN_LABELS = 16
# Mean frames of a segment that are told in any case, and up to which labels are told that change nearly as often, by
# this share, as if they were shuffled: single frames of rare actions do so, too, where nearly all is background.
_SHORTEST, _SHORT, _AS_SHUFFLED = 2.0, 5.0, 0.7
# Videos, and the share of them, that begin with a line of headings where there are such lines.
_MIN_VIDEOS, _HEADED = 3, 0.9
# Segments of labels whose equal in another video is no chance.
_MIN_SEGMENTS = 3
# Videos of one class: at most this share is odd, where so many others nearly all have several segments.
_FEW, _MIN_OTHERS = 0.2, 3


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


def one_class_notes(labels, class_names, background_ids):
    """The line, if any, about a few videos of one action from end to end, where the others have several segments.

    `labels` are as in `label_notes`. What is nothing but background is told elsewhere.
    """
    segments = {video: np.count_nonzero(np.diff(found)) + 1 for video, found in labels.items()}
    single = {
        video: class_names[labels[video][0]]
        for video, number in segments.items()
        if number == 1 and len(labels[video]) >= _MIN_LABELS and labels[video][0] not in background_ids
    }
    others = sorted(number for video, number in segments.items() if video not in single)
    if not single or len(single) > max(1, _FEW * len(labels)) or len(others) < _MIN_OTHERS:
        return []
    if others[len(others) // 10] < _MIN_SEGMENTS:
        return []
    texts = [f"{video} ({quote(name)})" for video, name in single.items()]
    return [
        f"labels of {len(single)} of {count(labels, 'video')} are one class from the first to the last frame, where "
        f"the others have about {others[len(others) // 2]} segments: {name_some(texts)}. Is that a placeholder, or "
        "were they never labelled? Leave them out of the lists if so"
    ]


def heading_of(labels):
    """Class id that is the first label of nearly every video, int [N] by video, and nowhere else; None without one.

    It comes from a line of headings, which moves all labels by one frame.
    """
    begun = [found for found in labels.values() if len(found) > 1]
    if len(begun) < _MIN_VIDEOS:
        return None
    first, number = collections.Counter(int(found[0]) for found in begun).most_common(1)[0]
    everywhere = sum(np.count_nonzero(found == first) for found in labels.values())
    return first if number == everywhere and number >= _HEADED * len(begun) else None


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
