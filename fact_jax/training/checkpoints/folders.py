"""Folders beside finished checkpoints: what a killed process leaves, what is about to go, what is damaged.

A checkpoint disappears in one step, by a new name, before its files are removed one by one; so at whatever moment a
process is killed, a folder that has the name of a step holds a whole checkpoint, or one that was damaged from outside.
"""

import contextlib
import itertools
import os
import shutil
from pathlib import Path

# Ends the name of a checkpoint that Orbax is writing.
UNFINISHED = ".orbax-checkpoint-tmp"
# Below the folder of checkpoints: those that are being removed, and those of which a new version is being written.
REMOVED, REPLACED = ".removed", ".replaced"
# Beside the folder of checkpoints.
DAMAGED = "damaged"


def unfinished(folder: Path) -> list[Path]:
    """Returns the folders that a save in progress, or one that was cut short, has made."""
    return [path for path in folder.iterdir() if UNFINISHED in path.name] if folder.is_dir() else []


def tidy(folder: Path) -> None:
    """Removes what a process that is gone left; a checkpoint that was to be replaced and was not comes back.

    Only for the process that has the workdir, while nothing is being saved.
    """
    for path in unfinished(folder):
        shutil.rmtree(path, ignore_errors=True)
    replaced = folder / REPLACED
    for path in replaced.iterdir() if replaced.is_dir() else ():
        if not (folder / path.name).exists():
            os.rename(path, folder / path.name)
    discard_removed(folder)


def discard_removed(folder: Path) -> None:
    """Removes the files of checkpoints that are no longer wanted."""
    for name in (REMOVED, REPLACED):
        shutil.rmtree(folder / name, ignore_errors=True)


def lay_aside(folder: Path, step: int) -> None:
    """Makes room for a new version of a checkpoint; until that is written, `tidy` brings the old one back."""
    shelf = folder / REPLACED
    shutil.rmtree(shelf / str(step), ignore_errors=True)
    shelf.mkdir(exist_ok=True)
    os.rename(folder / str(step), shelf / str(step))


def set_aside(folder: Path, step: int) -> Path:
    """Moves a damaged checkpoint to `damaged/` beside the folder; returns its new place."""
    shelf = folder.parent / DAMAGED
    shelf.mkdir(exist_ok=True)
    names = itertools.chain([str(step)], (f"{step}-{number}" for number in itertools.count(2)))
    target = next(shelf / name for name in names if not (shelf / name).exists())
    os.rename(folder / str(step), target)
    return target


def force_to_disk(folder: Path) -> None:
    """Waits until the files of unfinished checkpoints are on the disk itself, not only in the system's memory.

    An older checkpoint may go as soon as a new one has its name, also where the machine then loses power.
    """
    for checkpoint in unfinished(folder):
        for path in [checkpoint, *checkpoint.rglob("*")]:
            with contextlib.suppress(FileNotFoundError):
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
