"""Labels of lists as numbers of classes, whether they are given as numbers or as names."""

import collections

from data_pipelines.core.names import why_no_class
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import is_id, quote, read_lines
from data_pipelines.core.wording import count, name_some
from fact_jax.types import nearest

# More classes than this are a slip in a number.
_MOST_CLASSES = 100_000


def number_labels(column, labels, names_file, num_classes=0):
    """Numbers the labels of one column of the lists.

    Args:
      column: its name, for messages.
      labels: by subset, "train" first, (path of the list, [(line, label)]).
      names_file: text file with the name of a class in every line, in the order of their numbers; it need not be there.
      num_classes: how many there are in a published dataset, whose lists have numbers; 0: your own.

    Returns (names of the classes, {label: number}, problems). Without a file, names are those of the training
    list in the order of the alphabet; where all labels are numbers, they count from 0 to the largest of that list.
    """
    used = {label for _, rows in labels.values() for _, label in rows}
    trained = {label for _, label in labels["train"][1]}
    names, problems = _names_of(names_file)
    are_numbers = bool(used) and all(map(is_id, used)) and not (names and used <= set(names))
    if num_classes:
        return _numbered(column, labels, names, num_classes, names_file, problems)
    if are_numbers and not names:
        names = tuple(map(str, range(max(map(int, trained), default=-1) + 1)))
        if len(names) > _MOST_CLASSES:
            line = next(line for line, label in labels["train"][1] if int(label) == len(names) - 1)
            found = f"{column} {len(names) - 1}"
            expected = f"expected numbers of classes from 0, less than {_MOST_CLASSES}"
            return (), {}, [*problems, Problem(str(labels["train"][0]), line, found, expected)]
    if are_numbers:
        return _numbered(column, labels, names, len(names), names_file, problems)
    if not names:
        names = tuple(sorted(trained))
        problems = _unfit(column, labels["train"], names)
    numbers = {name: number for number, name in enumerate(names)}
    where = names_file.name if names_file.exists() else "the training list"

    def hint(label):
        near = nearest(label, names)
        return f"did you mean {near!r}?" if near else f"expected one of {where}: {name_some(names, 10)}"

    problems += _unknown(column, labels, set(numbers), hint)
    return names, numbers, problems


def _names_of(path):
    """(names of a file, problems), () where there is none."""
    if not path.exists():
        return (), []
    lines, problems = read_lines(path)
    found, wrong = {}, Problems(path)
    for line, name in enumerate(lines, 1):
        if reason := why_no_class(name):
            wrong.add(str(path), line, reason, "expected the name of a class in every line")
        elif name in found:
            wrong.add(str(path), line, f"{quote(name)} for the second time", f"it is in line {found[name]} already")
        else:
            found[name] = line
    return tuple(found), problems + wrong.listed()


def _numbered(column, labels, names, num_classes, names_file, problems):
    """Numbers as they are; `names`, if any, have to be as many."""
    if names and len(names) != num_classes:
        expected = f"expected {num_classes}, one per {column}"
        problems = [*problems, Problem(str(names_file), 0, count(names, "name"), expected)]
    names = names if len(names) == num_classes else tuple(map(str, range(num_classes)))
    numbers = {label: int(label) for _, rows in labels.values() for _, label in rows if is_id(label)}
    numbers = {label: number for label, number in numbers.items() if number < num_classes}

    def hint(label):
        told = f"expected a number from 0 to {num_classes - 1}"
        return told if is_id(label) else f"{told}; are these headings, or names?"

    problems = problems + _unknown(column, labels, set(numbers), hint)
    return names, numbers, problems


def _unknown(column, labels, known, hint):
    """A problem for every label that is none of `known`, each with the lines that have it."""
    problems = []
    for path, rows in labels.values():
        lines = collections.defaultdict(list)
        for line, label in rows:
            if label not in known:
                lines[label].append(line)
        wrong = Problems(path)
        for label, found in lines.items():
            where = f" in {len(found)} lines" if len(found) > 1 else ""
            wrong.add(str(path), found[0], f"unknown {column} {quote(label)}{where}", hint(label))
        problems += wrong.listed()
    return problems


def _unfit(column, listed, names):
    """Problems of names that no class can have."""
    path, rows = listed
    first = {}
    for line, label in rows:
        first.setdefault(label, line)
    wrong = Problems(path)
    for name in names:
        if reason := why_no_class(name):
            wrong.add(str(path), first[name], f"{reason} ({column})", "expected the name of a class, or its number")
    return wrong.listed()
