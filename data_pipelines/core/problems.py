"""Faults of a dataset: each with its place, collected so that all of them are told at once."""

import contextlib
import dataclasses
import re

from fact_jax.files import as_text, atomic_write_text
from fact_jax.types import UserError

PROBLEMS_FILE = "data_problems.txt"
_MAX_SHOWN = 50
# Problems of one file that are told one by one.
_MAX_PROBLEMS = 20
# Files with the very same problem from which on they are told together; lines that differ in names and numbers alone,
# from which on the first few stand for all.
_SAME, _ALIKE, _SHOWN = 4, 10, 3
_VARYING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+(?:\.\d+)?| \(\d+ lines\)")


@dataclasses.dataclass(frozen=True)
class Problem:
    """One fault of a dataset, of the file or folder `path`.

    `line` counts from 1; 0 is the whole file. `expected` is what should be there, or what to do, or empty.
    """

    path: str
    line: int
    found: str
    expected: str = ""

    @property
    def text(self):
        """The problem without its place."""
        return f"{self.found}; {self.expected}" if self.expected else self.found

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.text}"


class Problems:
    """Collects problems; of those beyond a limit nothing is kept but their number."""

    def __init__(self, path, limit=_MAX_PROBLEMS):
        """Problems of a file or folder, of which `limit` are kept."""
        self._path, self._limit = str(path), limit
        self._kept, self._left_out = [], 0

    def add(self, *problem):
        """Adds Problem(*problem)."""
        self.extend([Problem(*problem)])

    def extend(self, problems):
        """Adds several of Problem."""
        for problem in problems:
            if len(self._kept) < self._limit:
                self._kept.append(problem)
            else:
                self._left_out += 1

    def listed(self):
        """Returns the problems, and one more that says how many were left out, if any."""
        if not self._left_out:
            return list(self._kept)
        return [*self._kept, Problem(self._path, 0, f"{self._left_out} more problems of this kind")]


def group_alike(problems, path):
    """Problems of lines of many files of the folder `path`: those of one cause together, with a count.

    The very same problem of several files is one. Of many that differ in names and numbers alone the first few are
    kept, and one more says how many there are. Problems of whole files stay as they are.
    """
    same, alike = {}, {}
    for problem in problems:
        key = (problem.found, problem.expected) if problem.line else id(problem)
        same.setdefault(key, []).append(problem)
    for group in same.values():
        files = list(dict.fromkeys(problem.path for problem in group))
        if group[0].line and len(files) >= _SAME:
            group = [dataclasses.replace(group[0], found=f"{group[0].found}, as in {len(files)} files")]
        for problem in group:
            key = _VARYING.sub("", f"{problem.found};{problem.expected}") if problem.line else id(problem)
            alike.setdefault(key, []).append(problem)
    grouped = []
    for group in alike.values():
        if len(group) > _ALIKE:
            files = len({problem.path for problem in group})
            more = f"{len(group) - _SHOWN} more problems like these, in {files} file{'s' * (files > 1)} in all"
            group = [*group[:_SHOWN], Problem(str(path), 0, more)]
        grouped += group
    return grouped


def count_problems(problems):
    """How many problems there are, in words: "1 problem", "2 problems"."""
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"


def format_problems(problems, max_shown=_MAX_SHOWN):
    """Lists problems with numbers under the file each is about; `max_shown` at most, then how many are left."""
    by_path = {}
    for problem in problems:
        by_path.setdefault(problem.path, []).append(problem)
    ordered = [problem for group in by_path.values() for problem in group]
    rows, path = [], None
    for number, problem in enumerate(ordered[:max_shown], 1):
        if problem.path != path:
            path = problem.path
            rows.append(path)
        place = f"line {problem.line}: " if problem.line else ""
        rows.append(f"  {number}. {place}{problem.text}")
    if len(ordered) > max_shown:
        rows.append(f"... and {len(ordered) - max_shown} more")
    return "\n".join(rows)


def refuse(title, problems, *, report_file=None, notes=()):
    """Raises a UserError that lists problems, counted and grouped by file, and then the notes, if there are problems.

    `title` has them. The full list goes to `report_file` when not all are shown; one of other problems is removed.
    """
    if report_file is not None and len(problems) <= _MAX_SHOWN:
        with contextlib.suppress(OSError):  # a folder that is there to be read from
            report_file.unlink(missing_ok=True)
    if not problems:
        return
    rows = [f"{title} has {count_problems(problems)}:", format_problems(problems, _MAX_SHOWN)]
    if len(problems) > _MAX_SHOWN and report_file is not None:
        try:
            atomic_write_text(report_file, as_text("".join(f"{problem}\n" for problem in problems)))
            rows.append(f"The full list is in {report_file}")
        except OSError as error:
            rows.append(f"The full list cannot be written to {report_file} ({error.strerror})")
    raise UserError("\n".join([*rows, *notes]))
