"""What the tools of this package share: exit codes and messages without a traceback, and numbers as options."""

import argparse
import contextlib
import math
import os
import pathlib
import sys

from fact_jax.types import UserError

INTERRUPTED = 130  # what shells report for Ctrl-C


def run(tool, argv=None):
    """Runs `tool(argv)` and ends the program with the exit code it returns.

    Code 2 and a message on stderr for a UserError or a file that cannot be read or written, 130 after Ctrl-C, 1 when
    nobody reads the output any more.
    """
    try:
        code = tool(argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output, such as `| head`, has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        code = 2
    raise SystemExit(code)


def parser(module, doc, epilog):
    """An argparse parser of `python -m MODULE`, described by the first line of its docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}", description=doc.split("\n\n")[0], allow_abbrev=False, epilog=epilog
    )


def new_folder(name):
    """The path of a folder to write; a UserError if there is something already."""
    folder = pathlib.Path(name).expanduser()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} exists already. Choose a new or an empty folder.")
    return folder


@contextlib.contextmanager
def writing(path):
    """Turns an OSError into a UserError that says that `path` cannot be written."""
    try:
        yield
    except BrokenPipeError:
        raise  # of a print, see `run`
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error


def number(low, high, *, or_zero=False):
    """An argparse type: a finite number from `low` to `high`, or 0 with `or_zero`."""
    expected = f"expected a number from {low:g} to {high:g}{', or 0' if or_zero else ''}"

    def read(text):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (low <= value <= high or (or_zero and value == 0)):
            raise argparse.ArgumentTypeError(f"{text!r}; {expected}")
        return value

    return read


def frame_rate(*, or_zero=False):
    """An argparse type: frames per second, or 0 for "not known" with `or_zero`."""
    return number(0.001, 1e6, or_zero=or_zero)
