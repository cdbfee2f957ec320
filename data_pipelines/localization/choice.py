"""Which annotated videos a run trains with and evaluates, and a line for all that it leaves out."""

import collections
import difflib
import os
from typing import NamedTuple

import numpy as np

from data_pipelines.core.names import with_slips
from data_pipelines.core.problems import Problem
from data_pipelines.core.video_names import other_form
from data_pipelines.core.wording import count, verb
from data_pipelines.localization.class_oddities import class_notes
from data_pipelines.localization.config import SUBSET_TABLES
from data_pipelines.localization.doubles import near_doubles, twins
from fact_jax.types import nearest

SUBSETS = ("train", "test")
_FORM = 'expected "annotations": [{"label": NAME, "segment": [start, end]}, ...], times in seconds'
_MAX_NAMED = 3
# How alike the name of a subset that is not used and of one that is have to be for a slip of the pen.
_SLIP = 0.85
# Share of the annotations from which on those with the times of another class are odd.
_MANY_TWINS = 0.05


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
        databases = {database.path: database for database in (train_database, test_database)}.values()
        notes += _spellings(videos)
        notes += _unused(videos, databases, data)
        if _same_on_purpose(is_one, data):
            notes.append(f"the {count(videos['test'], 'video')} to train with are those that are evaluated")
        notes += _table_notes(table, databases)
        notes += _unused_tables(data)
        notes += [note for database in databases for note in database.notes]
        notes += class_notes(videos, train_database.class_ids, data)
        notes += _repeated_notes(videos, data)
        notes += _near_double_notes(videos)
        notes += _twin_notes(videos, train_database.class_ids)
        notes += _copy_notes(videos)
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
        of = f"{len(others)} of {count(videos, f'{subset} video')}, such as {others[0].video_id!r}"
        found = f"{of}, {verb(others, 'have')} no annotations, but something under {', '.join(map(repr, keys))}"
        yield Problem(str(database.path), 0, found, _FORM)
    elif subset == "test" and videos and not any(len(video.segments) for video in videos):
        found = f"no test video of {len(videos)} has a segment, so that there is nothing to score"
        yield Problem(str(database.path), 0, found, _FORM)


def _shared_videos(videos, train_database, test_database, data):
    both = {video.video_id for video in videos["train"]} & {video.video_id for video in videos["test"]}
    is_one = train_database.path == test_database.path
    if both and not _same_on_purpose(is_one, data):
        found = f"{count(both, 'video')} {verb(both, 'are')} to be trained with and tested on, such as {min(both)!r}"
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
        of = f"{len(unknown)} of {count(table, 'video')} of the subset table"
        lacking = sorted(names - table.keys())
        hinted = [f"{name} ({form[1]})" if (form := other_form(name, lacking)) else name for name in unknown]
        yield f"{of} {verb(unknown, 'have')} no annotations: {_named(with_slips(hinted, lacking))}"
    missing = [name for name in sorted(names) if name not in table]
    if missing:
        there = f"{count(missing, 'annotated video')} {verb(missing, 'are')} not in the subset table"
        yield f"{there}, and {verb(missing, 'keep')} the subset of the annotations, if any: {_named(missing)}"
    changes = collections.defaultdict(list)
    for video in (video for database in databases for video in database.videos.values() if video.overruled):
        changes[video.overruled, video.subset].append(video.video_id)
    for (stated, used), listed in changes.items():
        of = f"{count(set(listed), 'video')} of the subset {stated!r} in the annotations {verb(set(listed), 'are')}"
        yield f"{of} of {used!r} in the subset table, which is used: {_named(list(dict.fromkeys(listed)))}"


def _unused_tables(data):
    """Lines, at most one, about a table of subsets in the folder of a dataset whose settings name none."""
    if data.subset_file or not data.dir:
        return
    root, found = os.path.expanduser(data.dir), []
    for table in SUBSET_TABLES:
        folder, name = os.path.split(table)
        before, _, after = name.partition("{split}")
        listed = sorted(os.listdir(os.path.join(root, folder))) if os.path.isdir(os.path.join(root, folder)) else []
        found += [os.path.join(folder, file) for file in listed if file.startswith(before) and file.endswith(after)]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        what = f"{found[0]}{more} {verb(found, 'are')} not used: subsets are those of {data.annotation_file}"
        yield f"{what}; config.data.subset_file={found[0]} takes the subsets of the table"


def _spellings(videos):
    """Lines about subsets whose names are written in several ways, which are used as one."""
    ways = collections.defaultdict(collections.Counter)
    for video in (video for listed in videos.values() for video in listed):
        ways[video.subset][video.stated_subset] += 1
    for subset, counts in ways.items():
        if len(counts) > 1:
            listed = " and ".join(f"{way!r} in {count(number, 'video')}" for way, number in counts.most_common())
            yield f"the subset {subset!r} is written {listed}; they are taken for one"


def _unused(videos, databases, data):
    """Lines about videos of other subsets, and evaluated ones without a segment."""
    used = {video.video_id for listed in videos.values() for video in listed}
    others = collections.Counter()
    for database in databases:
        others.update(video.subset for name, video in database.videos.items() if name not in used)
    wanted = sorted({subset.lower() for subset in (*data.train_subsets, *data.test_subsets)})
    for subset, number in sorted(others.items()):
        are = verb(number, "are")
        reason = f"of the subset {subset!r}" if subset else "of no subset"
        guess = difflib.get_close_matches(subset, wanted, n=1, cutoff=_SLIP)
        hint = f"; did you mean {guess[0]!r}?" if guess and guess[0] != subset else ""
        yield f"{count(number, 'annotated video')} {are} {reason} and {are} not used{hint}"
    empty = [video.video_id for video in videos["test"] if not len(video.segments)]
    if empty:
        of = f"{len(empty)} of {count(videos['test'], 'test video')} {verb(empty, 'have')} no segment"
        yield f"{of}; all that is found there counts as wrong: {_named(empty)}"


def _repeated_notes(videos, data):
    effects = {"train": "config.data.remove_doubles=True counts doubles once", "test": "doubles count once"}
    if data.remove_doubles:
        effects["train"] = effects["test"]
    for subset, effect in effects.items():
        repeated = sum(_repeated(video) for video in videos[subset])
        if repeated:
            what = f"{count(repeated, f'{subset} annotation')} {verb(repeated, 'repeat')} another one"
            yield f"{what}, with the same class and times; {effect}"


def _repeated(video):
    rows = np.column_stack([video.segments, video.labels])
    return len(rows) - len(np.unique(rows, axis=0))


def _near_double_notes(videos):
    for subset, listed in videos.items():
        number, total = sum(near_doubles(v.segments, v.labels) for v in listed), sum(len(v.labels) for v in listed)
        if number:
            of = f"{number} of {count(total, f'{subset} annotation')} {verb(number, 'have')} nearly the same times as"
            merged = "; were the annotations of two people merged?" if number > total / 2 else ""
            yield f"{of} another one of the same class and video; all of them count{merged}"


def _twin_notes(videos, class_ids):
    """A line where many segments of a video come again under another class, and none of the two implies the other."""
    everything = [video for listed in videos.values() for video in listed]
    number, pairs = twins(everything)
    total = sum(len(video.labels) for video in everything)
    if number > _MANY_TWINS * total:
        names = {number: name for name, number in class_ids.items()}
        shown = _named([f"{names[a]!r} and {names[b]!r}" for a, b in pairs])
        of = f"{number} of {count(total, 'annotation')} have the very same times as one of another class in their video"
        yield f"{of}, and all of them count: {shown}"


def _copy_notes(videos):
    """A line for every set of videos with the very same annotations, of three or more segments."""
    alike = collections.defaultdict(list)
    for video in (video for listed in videos.values() for video in listed):
        if len(video.labels) > 2:
            alike[video.segments.tobytes(), video.labels.tobytes()].append(video.video_id)
    for names in alike.values():
        if len(set(names)) > 1:
            named = _named(list(dict.fromkeys(names)))
            yield f"{count(set(names), 'video')} have the very same annotations, to the last digit: {named}"


def _named(names):
    more = f", and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
