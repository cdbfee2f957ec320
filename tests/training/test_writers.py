"""metrics.jsonl, TensorBoard events and console lines."""

import io
import json
import math

import pytest

from fact_jax.training import writers


def test_rows_come_back_and_nan_is_null(tmp_path):
    writer = writers.JsonlWriter(tmp_path / "m.jsonl")
    writer.write(1, "train", {"loss": 0.1 + 0.2})
    writer.write(2, "test", {"Acc": math.nan, "Edit": math.inf})
    rows = writers.read_rows(tmp_path / "m.jsonl")
    assert rows == [{"step": 1, "train/loss": 0.1 + 0.2}, {"step": 2, "test/Acc": None, "test/Edit": None}]


def test_rewind_drops_what_comes_again(tmp_path):
    path = tmp_path / "m.jsonl"
    writer = writers.JsonlWriter(path)
    writer.rewind(0)
    assert not path.exists()
    for step in (2, 4, 6):
        writer.write(step, "train", {"loss": float(step)})
        writer.write(step, "test", {"Acc": float(step)})
    with open(path, "a") as file:
        file.write('{"step": 8, "trai')  # the process died here
    writer.rewind(4)
    assert [(row["step"], "test/Acc" in row) for row in writers.read_rows(path)] == [
        (2, False), (2, True), (4, False), (4, True)]
    writer.rewind(4, drop_groups_at_step=("test",))
    assert [(row["step"], "test/Acc" in row) for row in writers.read_rows(path)] == [(2, False), (2, True), (4, False)]
    writer.rewind(0)
    assert path.read_text() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]


def test_tensorboard_holds_the_scalars(tmp_path):
    from tensorboardX.proto import event_pb2

    writer = writers.TensorBoardWriter(tmp_path, 1)
    writer.write(5, "train", {"loss": 0.5, "F1@0.50": 0.25})
    writer.close()
    (path,) = tmp_path.iterdir()
    content, found, place = path.read_bytes(), {}, 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 8], "little")
        event = event_pb2.Event.FromString(content[place + 12 : place + 12 + size])
        found |= {value.tag: (event.step, value.simple_value) for value in event.summary.value}
        place += size + 16
    assert found["train/loss"] == (5, 0.5) and found["train/F1_0.50"] == (5, 0.25)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_console_prints_lines_without_a_terminal():
    stream = io.StringIO()
    console = writers.Console(stream)
    console.begin("train", 10)
    console.progress(5)
    console.say("half way")
    console.end()
    assert stream.getvalue() == "half way\n"
    assert console.pace(5, 10).endswith(" s/step, 0:00 left") and console.pace(5, 10) == ""


def test_console_shows_a_bar_on_a_terminal():
    stream = Terminal()
    console = writers.Console(stream)
    console.begin("train", 10, 4)
    console.progress(10)
    console.say("a line")
    console.end()
    text = stream.getvalue()
    assert "a line\n" in text and "10/10" in text and "train" in text


@pytest.mark.parametrize("seconds, text", [(0.9, "0:00"), (75, "1:15"), (3600 * 26 + 61, "26:01:01")])
def test_durations(seconds, text):
    assert writers.format_duration(seconds) == text


def test_rows_are_strict_json(tmp_path):
    writers.JsonlWriter(tmp_path / "m").write(1, "a", {"x": -math.inf})

    def refuse(constant):
        raise AssertionError(constant)

    row = json.loads((tmp_path / "m").read_text(), parse_constant=refuse)
    assert row["step"] == 1 and "a/x" in row
