"""Which annotated videos a run trains with and evaluates, and a line for all that it leaves out."""

import collections
import os
from typing import NamedTuple

import numpy as np

from data_pipelines.core.problems import Problem
from fact_jax.types import nearest

SUBSETS = ("train", "test")
_FORM = 'expected "annotations": [{"label": NAME, "segment": [start, end]}, ...], times in seconds'
_MAX_NAMED = 3


class ChosenVideos(NamedTuple):
    """AnnotatedVideo lists by subset, "train" and "test"; list of Problem; lines about what is left out or odd."""

    videos: dict
    problems: list
    notes: tuple


def choose_videos(train_database, test_database, table, data):
    """ChosenVideos of two Databases, which may be the same one.

    `table` is what the subset table says, subset by video, or None; `data` is the LocalizationDataConfig.
    """
    problems, notes, videos = [], [], {}
    is_one = train_database.path == test_database.path
    for subset, database in zip(SUBSETS, (train_database, test_database), strict=True):
        wanted = getattr(data, f"{subset}_subsets")
        if not is_one and all(not video.subset for video in database.videos.values()):
            # A file for each needs no subsets.
            videos[subset] = list(database.videos.values())
        else:
            videos[subset] = database.in_subsets(wanted)
        if database.videos and not videos[subset]:
            problems.append(_no_video(database, wanted, subset))
        problems += _unread_annotations(database, videos[subset], subset)
    problems += _shared_videos(videos, train_database, test_database, data)
    problems += _table_problems(table, (train_database, test_database), data)
    if not problems:
        notes += _unused(videos, train_database, test_database)
        if _same_on_purpose(is_one, data):
            notes.append(f"the {len(videos['test'])} videos to train with are those that are evaluated")
        notes += _table_notes(table, (train_database, test_database))
        notes += _class_notes(videos, train_database.class_ids, data)
        notes += _repeated_notes(videos, data)
    return ChosenVideos(videos, problems, tuple(notes))


def _no_video(database, wanted, subset):
    there = ", ".join(sorted({repr(video.subset) for video in database.videos.values()}))
    found = f"no video of the subsets {', '.join(map(repr, wanted))} (config.data.{subset}_subsets)"
    return Problem(str(database.path), 0, found, f"the file has {there}")


def _unread_annotations(database, videos, subset):
    """Problems of annotations under another key, and of an evaluation with nothing to find."""
    others = [video for video in videos if video.other_key]
    keys = sorted({video.other_key for video in others})
    if others:
        count = f"{len(others)} of {len(videos)} {subset} videos, such as {others[0].video_id!r}, have no annotations"
        found = f"{count}, but something under {', '.join(map(repr, keys))}"
        yield Problem(str(database.path), 0, found, _FORM)
    elif subset == "test" and videos and not any(len(video.segments) for video in videos):
        found = f"none of the {len(videos)} test videos has a segment, so that there is nothing to score"
        yield Problem(str(database.path), 0, found, _FORM)


def _shared_videos(videos, train_database, test_database, data):
    both = {video.video_id for video in videos["train"]} & {video.video_id for video in videos["test"]}
    is_one = train_database.path == test_database.path
    if both and not _same_on_purpose(is_one, data):
        found = f"{len(both)} videos are to be trained with and tested on, such as {min(both)!r}"
        expected = "train_subsets and test_subsets apart" if is_one else f"others than those of {train_database.path}"
        yield Problem(str(test_database.path), 0, found, f"expected {expected}")


def _same_on_purpose(is_one, data):
    """Whether the settings evaluate the videos that are trained with."""
    return is_one and set(data.train_subsets) == set(data.test_subsets)


def _table_problems(table, databases, data):
    names = {name for database in databases for name in database.videos}
    if table and names and not names & table.keys():
        first = next(iter(table))
        guess = nearest(first, names)
        hint = f"did you mean {guess!r}?" if guess else f"they have {min(names)!r}"
        found = f"no video of the table is in the annotations: it has {first!r}"
        yield Problem(os.path.join(os.path.expanduser(data.dir), data.subset_table), 0, found, hint)


def _table_notes(table, databases):
    if table is None:
        return
    names = {name for database in databases for name in database.videos}
    unknown = [name for name in table if name not in names]
    if unknown:
        yield f"{len(unknown)} of {len(table)} videos of the subset table have no annotations: {_named(unknown)}"
    missing = [name for name in sorted(names) if name not in table]
    if missing:
        yield f"{len(missing)} annotated videos are not in the subset table: {_named(missing)}"


def _unused(videos, train_database, test_database):
    """Lines about videos of other subsets, and evaluated ones without a segment."""
    used = {video.video_id for listed in videos.values() for video in listed}
    others = collections.Counter()
    for database in {database.path: database for database in (train_database, test_database)}.values():
        others.update(video.subset for name, video in database.videos.items() if name not in used)
    for subset, count in sorted(others.items()):
        reason = f"are of the subset {subset!r}" if subset else "are of no subset"
        yield f"{count} annotated videos {reason} and are not used"
    empty = [video.video_id for video in videos["test"] if not len(video.segments)]
    if empty:
        count = f"{len(empty)} of {len(videos['test'])} test videos have no segment"
        yield f"{count}; all that is found there counts as wrong: {_named(empty)}"


def _class_notes(videos, class_ids, data):
    """Lines about classes that look like one another, and those that are evaluated and never seen in training."""
    alike = collections.defaultdict(list)
    for name in class_ids:
        alike[name.casefold()].append(name)
    for names in alike.values():
        if len(names) > 1:
            yield f"the classes {', '.join(map(repr, names))} differ in capitals only and are used as different ones"
    counts = [collections.Counter(int(n) for video in videos[s] for n in video.labels) for s in SUBSETS]
    unseen = [name for name, number in class_ids.items() if counts[1][number] and not counts[0][number]]
    if data.num_classes == 1:
        return
    if unseen:
        segments = sum(counts[1][class_ids[name]] for name in unseen)
        yield f"{len(unseen)} classes of {segments} test segments have no training segment: {_named(unseen)}"
    ids = set(class_ids.values())
    count = data.num_classes or max(ids, default=-1) + 1
    empty = [str(number) for number in range(count) if number not in ids]
    if empty:
        hint = "; are the ids counted from 1?" if min(ids, default=0) == 1 else ""
        yield f"{len(empty)} of {count} class ids have no annotation: {_named(empty)}{hint}"


def _repeated_notes(videos, data):
    effects = {"train": "config.data.remove_doubles=True counts them once", "test": "they count once"}
    if data.remove_doubles:
        effects["train"] = "they count once"
    for subset, effect in effects.items():
        repeated = sum(_repeated(video) for video in videos[subset])
        if repeated:
            yield f"{repeated} {subset} annotations repeat another one, with the same class and times; {effect}"


def _repeated(video):
    rows = np.column_stack([video.segments, video.labels])
    return len(rows) - len(np.unique(rows, axis=0))


def _named(names):
    more = f", and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
