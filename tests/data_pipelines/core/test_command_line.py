"""What the tools share: how a tool ends, and which numbers its options take."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from data_pipelines.core import command_line
from fact_jax.types import UserError


def ending(tool):
    """Exit code of a tool."""
    with pytest.raises(SystemExit) as stop:
        command_line.run(tool, [])
    return stop.value.code


def fail_with(error):
    def tool(_):
        raise error

    return tool


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("no such class"), "error: no such class\n"),
        (PermissionError(13, "Permission denied", "lists/x.txt"), "error: lists/x.txt: Permission denied\n"),
        (OSError(28, "No space left on device"), "error: No space left on device\n"),
        (OSError("of no kind"), "error: of no kind\n"),
    ],
)
def test_code_2_and_a_message_for_what_the_user_can_change(capsys, error, text):
    """Not code 1, which says that the work is done but for some videos."""
    assert ending(fail_with(error)) == 2 and capsys.readouterr().err == text


def test_other_codes(capsys):
    assert ending(lambda _: 1) == 1 and ending(fail_with(KeyboardInterrupt())) == 130
    with pytest.raises(ZeroDivisionError):
        command_line.run(fail_with(ZeroDivisionError()), [])
    assert capsys.readouterr().err == "stopped\n"


def test_writing_names_the_place_and_leaves_a_closed_pipe_to_run():
    with pytest.raises(UserError, match="^out cannot be written: Is a directory.$"), command_line.writing("out"):
        raise IsADirectoryError(21, "Is a directory", "out/.x.tmp")
    with pytest.raises(BrokenPipeError), command_line.writing("out"):
        raise BrokenPipeError


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("2.5", 2.5), ("1e1", 10), (" 3 ", 3), ("0", 0), ("-0.0", 0)])
def test_numbers_in_the_range(text, value):
    assert command_line.number(1, 10, or_zero=True)(text) == value


@pytest.mark.parametrize("text", ["0.99", "10.1", "-1", "nan", "inf", "-inf", "1e400", "", "ten", "1,5"])
def test_numbers_out_of_the_range(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number from 1 to 10, or 0$"):
        command_line.number(1, 10, or_zero=True)(text)
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number from 1 to 10$"):
        command_line.number(1, 10)("0")


@pytest.mark.parametrize("tool", ["extract_epic", "inspect_dataset", "write_config", "write_synthetic"])
def test_every_tool_is_a_program_that_says_what_it_needs(tool):
    command = [sys.executable, "-m", f"data_pipelines.{tool}"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "required" in done.stderr and "Traceback" not in done.stderr
