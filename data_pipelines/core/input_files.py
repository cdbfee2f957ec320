"""Which feature files the names, folders and patterns of --input stand for."""

import glob
import os
import pathlib
import re

from data_pipelines.core.problems import Problem
from data_pipelines.core.unread_files import unread_lines, unread_text

FILE_IS_MISSING = "file is missing"
# "**" between slashes, which stands for any folders.
_DEEP = re.compile(r"(?:^|/)\*\*(?:/|$)")


def find_files(inputs, suffixes=(".npy",)):
    """Lists the files that names, folders and patterns stand for, each once, in order: (absolute paths, problems).

    `suffixes` are those of the files that are taken of a folder. A Problem is whatever names no file.
    """
    paths, problems = {}, []
    for text in inputs:
        found, wrong = _expand(os.path.expanduser(str(text)), suffixes)
        problems += wrong
        for path in found:
            # One file under two names is two videos; the same name twice, by whatever way, is one.
            paths.setdefault((path.name, os.path.realpath(path)), path)
    return list(paths.values()), problems


def skipped_lines(inputs, suffixes):
    """Lines about files of the folders among `inputs` that `find_files` does not take."""
    folders = (os.path.expanduser(str(text)) for text in inputs)
    yield from unread_lines((folder for folder in folders if os.path.isdir(folder)), suffixes)


def _expand(text, suffixes):
    """Returns (paths, problems) of one input."""
    try:
        if os.path.isdir(text):
            names = sorted(name for name in os.listdir(text) if name.endswith(suffixes))
            if not names:
                deep = os.path.join(text, "**", f"*{suffixes[0]}")
                expected, others = f"sub-folders are not searched; '{deep}' does", unread_text(text, suffixes)
                found = f"the folder holds no {' or '.join(suffixes)} file" + f", but {others}" * bool(others)
                return [], [Problem(text, 0, found, expected)]
            return [pathlib.Path(os.path.abspath(os.path.join(text, name))) for name in names], []
    except OSError as error:
        return [], [Problem(text, 0, f"folder cannot be read ({error.strerror})")]
    if os.path.lexists(text):
        return [pathlib.Path(os.path.abspath(text))], []
    if not glob.has_magic(text):
        return [], [Problem(text, 0, FILE_IS_MISSING)]
    problems = []
    names = sorted({name for name in _match(text, problems) if not os.path.isdir(name)})
    if not (names or problems):
        problems.append(Problem(text, 0, "no file matches this pattern"))
    return [pathlib.Path(os.path.abspath(name)) for name in names], problems


def _match(pattern, problems):
    """The names that match a pattern; adds a problem for every folder below a "**" that cannot be listed."""
    deep = _DEEP.search(pattern)
    if not deep:
        return glob.glob(pattern)
    before = pattern[: deep.start()] or ("/" if pattern.startswith("/") else "")
    names = []
    for folder in _folders_below(glob.glob(before) if before else [""], problems):
        names += _match(os.path.join(glob.escape(folder), pattern[deep.end() :] or "*"), problems)
    return names


def _folders_below(folders, problems):
    """These folders and all below, links followed, each once: links may lead in circles, in which glob gets lost."""
    waiting, seen = [folder for folder in reversed(folders) if os.path.isdir(folder or ".")], set()
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder or ".")
            names = sorted(os.listdir(folder or "."), reverse=True)
        except OSError as error:
            problems.append(Problem(folder, 0, f"folder cannot be read ({error.strerror})"))
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        yield folder
        below = (os.path.join(folder, name) for name in names if not name.startswith("."))
        waiting += [path for path in below if os.path.isdir(path)]
