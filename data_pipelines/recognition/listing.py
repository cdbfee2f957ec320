"""What a dataset of labelled clips lists, before any video is opened."""

import collections
import dataclasses
import os
import pathlib
from fractions import Fraction

from data_pipelines.core.missing_files import HintedFolder
from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.recognition import list_oddities
from data_pipelines.recognition.class_numbers import number_labels
from data_pipelines.recognition.clip_lists import COLUMNS, PAIR, read_list
from data_pipelines.video.checks import VIDEO_SUFFIXES
from data_pipelines.video.image_folder import IMAGE_SUFFIXES
from data_pipelines.video.opening import ARRAY_SUFFIXES

SUBSETS = ("train", "test")
LISTS = {"train": "train.csv", "test": "val.csv"}
VIDEO_DIRS = ("clips", "videos")  # of your own dataset; or its folder itself
NAMES = {"label": "classes.txt", "verb": "verbs.txt", "noun": "nouns.txt"}
# Of the published datasets; {column: number of classes}.
PUBLISHED_CLASSES = {"epic": {"verb": 97, "noun": 300}, "ssv2": {"label": 174}, "kinetics": {"label": 400}}
PACKED = ".gz"
# Of files whose clips are called without them.
_ENDINGS = (*VIDEO_SUFFIXES, *ARRAY_SUFFIXES, *IMAGE_SUFFIXES)


@dataclasses.dataclass(frozen=True)
class Head:
    """What a classifier of the network tells apart: "label", or "noun" and "verb"."""

    name: str
    class_names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ListedClip:
    """One clip of a list.

    Attributes:
      clip_id: unique in its list.
      path: of its video.
      labels: a number of a class for every head.
      start, stop: seconds of the video at which the clip begins and ends; None: the whole video.
      source, line: the list that has it.
    """

    clip_id: str
    path: pathlib.Path
    labels: tuple[int, ...]
    start: Fraction | None
    stop: Fraction | None
    source: str
    line: int


@dataclasses.dataclass(frozen=True)
class Listing:
    """ListedClips by subset of SUBSETS in the order of the lists; heads; problems; lines for the user.

    `missing` are paths of listed videos that are not there, with the clips whose they are.
    """

    clips: dict[str, tuple[ListedClip, ...]]
    heads: tuple[Head, ...]
    problems: list[Problem]
    notes: tuple[str, ...] = ()
    missing: tuple[Problem, ...] = ()


def heads_of(labels, names) -> tuple[Head, ...]:
    """Heads of columns; published networks tell nouns first, though lists have verbs first."""
    order = tuple(reversed(labels)) if labels == PAIR else labels
    return tuple(Head(column, tuple(names[column])) for column in order)


def list_paths(data, root) -> dict[str, pathlib.Path]:
    """{subset: path of its list}; one that is compressed takes the place of one that is not there."""
    paths = {subset: root / (data.lists[subset] or usual) for subset, usual in LISTS.items()}
    packed = {subset: path.with_name(path.name + PACKED) for subset, path in paths.items()}
    return {s: packed[s] if packed[s].exists() and not path.exists() else path for s, path in paths.items()}


def read_listing(data, root) -> Listing:
    """The Listing of a dataset in the folder `root`; `data` is a RecognitionDataConfig."""
    paths = list_paths(data, root)
    lists = {subset: read_list(path, data.layout) for subset, path in paths.items()}
    problems = [_of_list(problem, paths) for found in lists.values() for problem in found.problems]
    columns = lists["train"].labels
    if lists["test"].labels != columns and all(found.rows for found in lists.values()):
        told = f"labels in the columns {', '.join(lists['test'].labels)}"
        problems.append(
            Problem(str(paths["test"]), 0, told, f"expected {', '.join(columns)}, as {paths['train'].name}")
        )
        return Listing(dict.fromkeys(SUBSETS, ()), (), problems)
    if not all(found.rows for found in lists.values()):
        return Listing(dict.fromkeys(SUBSETS, ()), (), problems)
    names, numbers, notes = {}, {}, [*_unread(paths, lists)]
    notes += [*list_oddities.unread_copies(paths.values(), PACKED), *list_oddities.unread_names(root, columns, NAMES)]
    for place, column in enumerate(columns):
        given = {s: (paths[s], [(row.line, row.labels[place]) for row in lists[s].rows]) for s in SUBSETS}
        names[column], numbers[column], wrong = number_labels(
            column, given, root / NAMES[column], _num_classes(data, column)
        )
        notes += list_oddities.label_notes(column, given["train"], root / NAMES[column])
        problems += wrong
    heads = heads_of(columns, names)
    notes += list_oddities.class_notes(heads)
    clips, missing = {}, []
    for subset in SUBSETS:
        found = _clips(paths[subset], lists[subset].rows, columns, numbers, heads, _Videos(data, root, subset))
        clips[subset], wrong, absent = found
        problems += wrong
        missing += absent
    notes += _in_both(clips)
    if (own := _own_folder(root)) != root and data.layout == "custom":
        notes += list_oddities.unread_folders(own, [root / name for name in VIDEO_DIRS])
        notes += list_oddities.unlisted(own, [clip for found in clips.values() for clip in found])
    return Listing(clips, heads, problems, tuple(notes), tuple(missing))


def _of_list(problem, paths):
    """The Problem of a list, with what may be meant where the list is missing."""
    if problem.found != "file is missing":
        return problem
    path = pathlib.Path(problem.path)
    return dataclasses.replace(problem, expected=list_oddities.other_lists(path, paths.values()))


def _num_classes(data, column):
    """Of a published dataset, 0 of your own."""
    known = PUBLISHED_CLASSES.get(data.layout)
    return (data.num_classes if known and column == "label" else 0) or (known[column] if known else 0)


def _unread(paths, lists):
    for subset, found in lists.items():
        if found.unread:
            are = verb(found.unread, "are")
            yield f"{paths[subset]}: {count(found.unread, 'column')} {are} not read: {name_some(found.unread)}"


def _clips(path, rows, columns, numbers, heads, videos):
    """(ListedClips, problems, problems of missing videos) of the rows of one list."""
    clips, seen, taken, wrong, missing = [], {}, set(), Problems(path), []
    for row in rows:
        if reason := why_no_video(row.video):
            wrong.add(str(path), row.line, f"{reason}: {quote(row.video)}", "expected the name of a video")
            continue
        video = videos.path(row.video)
        key = (str(video), row.start, row.stop)
        if key in seen:
            found = f"{quote(row.video)} for the second time" + ", with the same start and stop" * bool(row.stop)
            wrong.add(str(path), row.line, found, f"it is in line {seen[key]} already: expected every clip once")
            continue
        seen[key] = row.line
        if not os.path.exists(video):
            absent = videos.missing(Problem(str(path), row.line, f"{video}: file is missing"), video, row.video)
            missing.append(_or_headings(absent, row, rows))
            continue
        of = {column: numbers[column].get(label) for column, label in zip(columns, row.labels, strict=True)}
        if None in of.values():
            continue  # a problem already
        clip_id = _clip_id(row, taken)
        taken.add(clip_id)
        labels = tuple(of[head.name] for head in heads)
        clips.append(ListedClip(clip_id, video, labels, row.start, row.stop, str(path), row.line))
    return tuple(clips), wrong.listed(), missing


def _or_headings(problem, row, rows):
    """The problem of a missing video; the first row may be headings with other names, whose labels no other row has."""
    if row.line > 1 or any(set(row.labels) & set(other.labels) for other in rows[1:]):
        return problem
    return dataclasses.replace(problem, expected=f"{problem.expected}; headings are called {', '.join(COLUMNS)}")


def _clip_id(row, taken):
    """The name of a clip, which none of the set `taken` is: that of its video, and its seconds."""
    part = "" if row.stop is None else f"_{float(row.start):g}-{float(row.stop):g}"
    names = (_plain(row.video) + part, row.video + part, f"{row.video}{part}_line{row.line}")
    return next(name for name in names if name not in taken)


def _plain(video):
    """The name of a video without the ending of its file."""
    path = pathlib.PurePosixPath(video)
    return str(path.with_suffix("")) if path.suffix.lower() in _ENDINGS else video


def _own_folder(root):
    """Where the videos of your own dataset lie."""
    return next((root / name for name in VIDEO_DIRS if (root / name).is_dir()), root)


class _Videos:
    """Where the videos of one list lie."""

    def __init__(self, data, root, subset):
        self._layout = data.layout
        published = root / LISTS[subset].removesuffix(".csv") if data.layout == "kinetics" else root
        self.folder = _own_folder(root) if data.layout == "custom" else published
        self._by_name, self._hints = None, {}

    def path(self, name):
        """Of the name of a video in the list; its file may be missing."""
        if self._layout == "epic":
            return self.folder / f"{name}.mp4"
        path = self.folder / name
        if self._layout == "custom" and not path.exists() and len(found := self._files(name)) == 1:
            return self.folder / found[0]
        return path

    def missing(self, problem, path, name):
        """The problem of a missing file, with the file that may be meant."""
        if path.parent not in self._hints:
            self._hints[path.parent] = HintedFolder(path.parent, "", f"expected it in {self.folder}")
        hint = self._hints[path.parent].hint(Problem(str(path), 0, "file is missing")).expected
        if self._layout == "custom" and (others := self._files(_plain(name))):
            hint = f"{self.folder.name} has {' and '.join(map(repr, others))}"
            hint += ": expected one, or its ending in the list" * (len(others) > 1)
        return dataclasses.replace(problem, expected=hint)

    def _files(self, name):
        """The files with this name but for its ending, in order."""
        if self._by_name is None:
            self._by_name = collections.defaultdict(list)
            for folder, _, files in os.walk(self.folder):
                for file in files:
                    place = pathlib.Path(folder, file).relative_to(self.folder)
                    self._by_name[str(place.with_suffix(""))].append(str(place))
        return sorted(self._by_name.get(name, ()))


def _in_both(clips):
    """A line about videos, or parts of them, that are trained on and evaluated."""
    parts = collections.defaultdict(list)
    for clip in clips["train"]:
        parts[clip.path].append(clip)
    both = [clip.clip_id for clip in clips["test"] if any(_overlap(clip, other) for other in parts.get(clip.path, ()))]
    if both:
        yield f"Trained on and evaluated as well, {count(both, 'clip')}: {name_some(both)}"


def _overlap(one, other):
    if one.stop is None or other.stop is None:
        return True
    return one.start < other.stop and other.start < one.stop
