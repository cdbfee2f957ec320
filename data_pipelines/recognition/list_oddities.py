"""What is odd about lists of labelled clips and the files beside them, though they can be used."""

import os
import pathlib

from data_pipelines.core.names import alike_lines
from data_pipelines.core.text_files import is_id, quote
from data_pipelines.core.wording import count, name_some, verb

_HIDDEN = "."


def label_notes(column, listed, names_file):
    """Lines about the labels of one column of the training list.

    Args:
      column: its name.
      listed: (path of the list, [(line, label)]).
      names_file: text file with the names of the classes; it need not be there.
    """
    path, rows = listed
    first: dict[str, int] = {}
    for line, label in rows:
        first.setdefault(label, line)
    if names_file.exists():
        return []
    if all(map(is_id, first)):
        forms: dict[int, list[str]] = {}
        for label in first:
            forms.setdefault(int(label), []).append(label)
        twice = [" and ".join(map(quote, found)) for found in forms.values() if len(found) > 1]
        return [f"{path}: one {column} each, though written in two ways: {name_some(twice)}"] if twice else []
    notes = alike_lines(path, "labels", first)
    if numbers := [label for label in first if _is_number(label)]:
        told = f"{count(numbers, column)} taken for {'a name' if len(numbers) == 1 else 'names'}"
        why = "numbers of classes are whole, from 0, and then all of the column"
        notes.append(f"{path}, line {first[numbers[0]]}: {told}: {name_some(map(quote, numbers))}; {why}")
    return notes


def _is_number(label):
    return label.removeprefix("-").replace(".", "", 1).isdecimal()


def class_notes(heads):
    """Lines about heads that have nothing to tell apart."""
    for head in heads:
        if len(head.class_names) == 1:
            yield f"All clips have the same {head.name}, {quote(head.class_names[0])}: there is nothing to tell apart"


def unread_names(root, columns, names):
    """Lines about files of names that are not read; `names` are those of all columns, {column: file}."""
    for column, file in names.items():
        if column not in columns and (root / file).exists():
            yield f"{root / file} is not read: the lists have the columns {', '.join(columns)}"


def unread_copies(paths, ending):
    """Lines about compressed lists beside those that are read."""
    for path in paths:
        other = path.with_name(path.name + ending)
        if path.suffix != ending and other.exists():
            yield f"{other} is not read: {path.name} is there as well"


def unread_folders(own, folders):
    """Lines about folders of videos beside `own`, the one that is read."""
    for folder in folders:
        if folder != own and folder.is_dir():
            yield f"{folder} is not read: {own.name} is there as well"


def other_lists(path, others):
    """What to say of a list that is missing: the lists beside it, but for `others`."""
    known = {other.name for other in others}
    found = sorted({file.name for ending in ("*.csv", "*.csv.gz") for file in path.parent.glob(ending)} - known)
    beside = f"; {name_some(found)} {verb(found, 'are')} there, see config.data.train_list and test_list"
    return "expected a list of clips" + (beside if found else "")


def unlisted(folder, clips):
    """A line about files, or folders of images, of the folder of the videos that no clip is of."""
    used = {pathlib.Path(clip.path).relative_to(folder).parts[0] for clip in clips}
    left = sorted(name for name in os.listdir(folder) if name not in used and not name.startswith(_HIDDEN))
    if left:
        yield f"{folder}: {count(left, 'file')} in no list {verb(left, 'are')} not used: {name_some(left)}"
