"""Files of a folder that nobody reads, counted by ending: what to say of them, so that none is skipped in silence."""

import collections
import contextlib
import os
import pathlib

from data_pipelines.core.wording import count, verb


def unread_text(folder, suffixes, own=()):
    """ "3 .npz files and 1 .pt file": the files of a folder that end in none of `suffixes`; "" where there are none.

    Hidden files, folders and the paths of `own` do not count. Nor does a folder that cannot be listed.
    """
    endings, known = collections.Counter(), {os.path.basename(path) for path in own if _lies_in(path, folder)}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()]
        others = (name for name in names if not name.endswith(tuple(suffixes)) and name not in known)
        endings.update(pathlib.PurePath(name).suffix for name in others)
    texts = [
        count(number, f"{ending} file") if ending else f"{count(number, 'file')} without an ending"
        for ending, number in sorted(endings.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def unread_lines(folders, suffixes, own=()):
    """Lines, one for every one of `folders` with files that end in none of `suffixes`; see `unread_text`."""
    for folder in dict.fromkeys(map(str, folders)):
        if text := unread_text(folder, suffixes, own):
            are = verb(1 if text.startswith("1 ") and " and " not in text else 2, "are")
            yield f"{text} of {folder} {are} not read: expected {' or '.join(suffixes)}"


def _lies_in(path, folder):
    return os.path.abspath(os.path.dirname(path)) == os.path.abspath(folder)
