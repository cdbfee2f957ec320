"""Annotations of EPIC-Kitchens: class lists, actions with start and stop, and the label of every frame.

Two forms of action lists are read, told apart by their columns: that of epic-kitchens-100-annotations
(EPIC_100_train.csv and EPIC_100_validation.csv: video_id, start_timestamp, stop_timestamp, verb_class, noun_class) and
that of C2-Action-Detection (training.csv and validation.csv: video, start, stop, verb, noun, times as numbers of frames
at 30 per second). A file whose name ends in .gz is unpacked on reading.
"""

import collections
import dataclasses
import fractions
import math
import re

import numpy as np

from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problem, count_problems, format_problems
from data_pipelines.core.text_files import is_id, quote, read_table
from fact_jax.types import UserError

BACKGROUND = "background"
# Columns of video, start, stop, verb and noun in either form.
_TIMESTAMPS = ("video_id", "start_timestamp", "stop_timestamp", "verb_class", "noun_class")
_FRAMES = ("video", "start", "stop", "verb", "noun")


@dataclasses.dataclass(frozen=True)
class Action:
    """One annotated action: frames start <= number < stop (numbers from 1), verb and noun by class id."""

    start: int
    stop: int
    verb: int
    noun: int


@dataclasses.dataclass(frozen=True)
class Dataset:
    """What the annotations say.

    Attributes:
      videos: dict from "train" and "test" to lists of video ids.
      actions: dict from video id to a list of Action.
      lengths: dict from video id to its frames, or None: as many as the LMDBs have.
      verbs, nouns: names by id, background last; None = no labels are written.
      pairs: (verb id, noun id) by class id, background first.
    """

    videos: dict
    actions: dict
    lengths: dict | None
    verbs: tuple | None = None
    nouns: tuple | None = None
    pairs: tuple = ()

    @property
    def class_names(self):
        """Name "<verb>,<noun>" of every class."""
        return [f"{self.verbs[verb]},{self.nouns[noun]}" for verb, noun in self.pairs]


def read_dataset(action_files, fps, verb_file=None, noun_file=None, length_file=None):
    """Reads all annotations into a Dataset; a UserError names every problem of every file.

    Args:
      action_files: dict from "train" and "test" to the CSV files of their actions.
      fps: frames per second of the features.
      verb_file, noun_file: CSV files of the classes; None for both = no names are known.
      length_file: CSV file of the lengths; None = not known.
    """
    verbs, nouns, pairs, lengths, problems = None, None, (), None, []
    if verb_file:
        verbs, problems = read_class_names(verb_file)
        nouns, more = read_class_names(noun_file)
        problems = problems + more
    sizes = (len(verbs) if verbs else None, len(nouns) if nouns else None)
    videos, actions = {}, {}
    for subset, path in action_files.items():
        found, more = read_actions(path, fps, *sizes)
        problems += more
        twice = [video for video in found if video in actions]
        problems += [Problem(str(path), 0, f"video {video!r} is in the training list too") for video in twice]
        videos[subset] = list(found)
        actions.update(found)
    if length_file:
        lengths, more = read_lengths(length_file)
        unknown = [video for video in actions if lengths and video not in lengths]
        problems += more + [Problem(str(length_file), 0, f"no length of video {video!r}") for video in unknown]
    if problems:
        raise UserError(f"The annotations have {count_problems(problems)}:\n{format_problems(problems)}")
    if verbs:
        # Background comes last among verbs and nouns, so that all others keep their published ids, and the last verb
        # and noun do occur, which the published model insists on.
        occurring = sorted({(action.verb, action.noun) for found in actions.values() for action in found})
        pairs = ((len(verbs), len(nouns)), *occurring)
        verbs, nouns = (*verbs, BACKGROUND), (*nouns, BACKGROUND)
    return Dataset(videos, actions, lengths, verbs, nouns, pairs)


def read_class_names(path):
    """(keys by id, problems) of EPIC_100_verb_classes.csv or EPIC_100_noun_classes.csv (columns id and key)."""
    rows, problems = read_table(path, [("id", "key")])
    names = []
    for number, row in rows:
        if row["id"] != str(len(names)):
            problems.append(Problem(str(path), number, f"class id {quote(row['id'])}", f"expected {len(names)}"))
        if not row["key"] or "," in row["key"] or row["key"] in (BACKGROUND, *names):
            problems.append(Problem(str(path), number, f"name {quote(row['key'])}", "expected a new one, no comma"))
        names.append(row["key"])
    return tuple(names), problems


def read_actions(path, fps, num_verbs=None, num_nouns=None):
    """Reads a CSV list of actions in one of the two forms; returns ({video id: [Action]} in file order, problems).

    A time stamp of s seconds is frame floor(s * fps), and 1 at least, which is how C2-Action-Detection made its list.
    `num_verbs` and `num_nouns` are the sizes of the class lists; None = ids are not checked.
    """
    rows, problems = read_table(path, [_TIMESTAMPS, _FRAMES])
    actions = collections.defaultdict(list)
    rate = fractions.Fraction(str(fps))
    for number, row in rows:
        columns = _TIMESTAMPS if _TIMESTAMPS[0] in row else _FRAMES
        video, start, stop, verb, noun = (row[name].strip() for name in columns)
        frames = [_frame(text, rate if columns is _TIMESTAMPS else None) for text in (start, stop)]
        sizes = {"verb": (verb, num_verbs), "noun": (noun, num_nouns)}
        wrong = [
            f"{kind} {quote(text)}"
            for kind, (text, size) in sizes.items()
            if not is_id(text) or (size is not None and int(text) >= size)
        ]
        wrong += [f"time {quote(text)}" for text, frame in zip((start, stop), frames, strict=True) if frame is None]
        if "/" in video or why_no_video(video):
            wrong.append(f"video {quote(video)}")
        if wrong:
            expected = "expected ids of the class lists, and times such as 00:01:02.34"
            problems.append(Problem(str(path), number, ", ".join(wrong), expected))
        elif frames[1] < frames[0]:
            problems.append(Problem(str(path), number, f"stops at {stop} before it starts at {start}"))
        else:
            # An action shorter than a frame still shows in one.
            actions[video].append(Action(frames[0], max(frames[1], frames[0] + 1), int(verb), int(noun)))
    return dict(actions), problems


def read_lengths(path):
    """({video id: frames}, problems) of video_lengths.csv of C2-Action-Detection (columns video and frames)."""
    rows, problems = read_table(path, [("video", "frames")])
    lengths = {}
    for number, row in rows:
        if is_id(row["frames"]) and int(row["frames"]) > 1:
            lengths[row["video"].strip()] = int(row["frames"])
        else:
            problems.append(Problem(str(path), number, f"frames {quote(row['frames'])}", "expected 2 or more"))
    return lengths, problems


def frame_labels(actions, num_frames):
    """Which action every frame shows: int64 [T], index of an action or -1 for background; entry i is frame i + 1.

    Where actions overlap, the one that started last shows; of those that started together, the one that stops first.
    When it is over, an earlier one that still goes on shows again.
    """
    labels = np.full(num_frames, -1, np.int64)
    order = sorted(range(len(actions)), key=lambda i: (actions[i].start, -actions[i].stop))
    for index in order:
        labels[actions[index].start - 1 : actions[index].stop - 1] = index
    return labels


def _frame(text, rate):
    """Number of a frame: of a time stamp HH:MM:SS.SS at `rate`, or the number itself if `rate` is None; None if bad."""
    if rate is None:
        return max(int(text), 1) if is_id(text) else None
    match = re.fullmatch(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,9})?)", text, re.ASCII)
    if not match:
        return None
    # Exact: in floating point 2.3 s would be frame 68 of 30 per second.
    seconds = 3600 * int(match[1]) + 60 * int(match[2]) + fractions.Fraction(match[3])
    return max(math.floor(seconds * rate), 1)
