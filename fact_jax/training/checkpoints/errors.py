"""What goes wrong with checkpoints, in words."""

import contextlib
import functools
import logging
import shutil
import sys
from pathlib import Path

from fact_jax import files

# What Orbax, TensorStore and the JSON reader raise for files that are missing, cut short or of another shape.
READ_ERRORS = (ValueError, LookupError, OSError, TypeError)
# What they raise for files that cannot be written, and what their texts then say of a full disk.
WRITE_ERRORS = (OSError, ValueError, RuntimeError)
FULL_TEXTS = ("No space left on device", "RESOURCE_EXHAUSTED", "Disk quota exceeded")


@functools.cache
def quiet_orbax() -> None:
    """Keeps tracebacks of errors off the screen that Orbax raises as well, and that are then answered in words here.

    It logs them, asyncio logs what became of the other files of the same checkpoint, and TensorStore reports to an
    event loop that is over by then.
    """
    for name in ("absl", "asyncio"):
        logging.getLogger(name).addFilter(_is_worth_a_line)
    other = sys.unraisablehook

    def hook(unraisable):
        error = unraisable.exc_value
        if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
            other(unraisable)

    sys.unraisablehook = hook


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return not (record.exc_info and {"orbax", "asyncio"} & set(Path(record.pathname).parts))


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message says why."""


@contextlib.contextmanager
def readable(path: Path):
    """Turns what the readers raise for a damaged checkpoint into one CheckpointError."""
    try:
        yield
    except READ_ERRORS as error:
        raise CheckpointError(f"{path} cannot be read: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """Returns one line that says what a reader raised."""
    lines = str(error).strip().splitlines()
    # TensorStore appends how it had opened the array, in two thousand letters.
    reason = lines[0].partition(" [tensorstore_spec")[0] if lines else ""
    # A KeyError's text is the key alone, which says nothing.
    if not reason or isinstance(error, KeyError) and " " not in reason:
        return f"{type(error).__name__} {reason}".strip()
    return reason


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room on the disk."""
    return getattr(error, "errno", None) in files.FULL or any(text in str(error) for text in FULL_TEXTS)


def save_error(error: BaseException, folder: Path, step: int | None, size: int) -> str:
    """Returns what to tell the user of a save that Orbax gave up: of checkpoint `step`, with `size` bytes of arrays."""
    kept = ", ".join(sorted((path.name for path in folder.iterdir() if path.name.isdecimal()), key=int)) or "none"
    free = shutil.disk_usage(folder).free
    reason = "the disk is full" if is_full(error) else reason_of(error)
    room = f"{files.readable_size(free)} free, up to {files.readable_size(size)} needed"
    return (
        f"the checkpoint of step {step} cannot be written to {folder}: {reason} ({room}). Checkpoints that are there "
        f"as before: {kept}. Put that right and run the same command again to go on from the last one."
    )
