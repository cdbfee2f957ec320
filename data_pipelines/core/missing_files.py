"""What to say of a file that is missing: the file of its folder whose name is nearest."""

import contextlib
import dataclasses
import os
import pathlib

from data_pipelines.core.text_files import other_unicode_form
from fact_jax.types import nearest

# Comparing names takes a while: where thousands are missing the first few tell enough.
_MAX_HINTS = 3
_MAX_NAMES = 5000


class HintedFolder:
    """A folder in which files are missing; it is listed once, when the first one is."""

    def __init__(self, path, suffix, otherwise, taken=()):
        """`suffix` ends the names of its files; `otherwise` is what to say where no name is near.

        Files with a name in `taken` are those of others.
        """
        self._path, self._suffix, self._otherwise = pathlib.Path(path), suffix, otherwise
        self._taken = frozenset(taken)
        self._names, self._hints = None, 0

    def hint(self, problem):
        """Returns the Problem with the file that may be meant, if it is that of a missing file; others as they are."""
        if problem.found != "file is missing" or problem.expected:
            return problem
        name, guess = pathlib.Path(problem.path).name, ""
        plain = pathlib.Path(name.removesuffix(self._suffix)).stem + self._suffix
        if plain != name and os.path.isfile(self._path / plain):
            guess = plain  # that of a video without the ending of its file
        elif self._hints < _MAX_HINTS:
            self._hints += 1
            guess = nearest(name, self._list())
        found = f"{self._path.name} has {guess!r}{other_unicode_form(name, guess)}"
        return dataclasses.replace(problem, expected=found if guess else self._otherwise)

    def _list(self):
        if self._names is None:
            self._names = []
            with contextlib.suppress(OSError), os.scandir(self._path) as entries:
                names = (entry.name for entry in entries if entry.name.endswith(self._suffix))
                names = (name for name in names if name not in self._taken)
                self._names = sorted(name for name, _ in zip(names, range(_MAX_NAMES), strict=False))
        return self._names
