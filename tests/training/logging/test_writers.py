"""metrics.jsonl, TensorBoard events, Weights & Biases and console lines."""

import io
import math
import sys
import types

import pytest

from configs import fact_gtea
from fact_jax.training.logging import tensorboard as event_files
from fact_jax.training.logging import writers
from fact_jax.types import UserError


def test_rows_come_back_and_nan_is_null(tmp_path):
    writer = writers.JsonlWriter(tmp_path / "m.jsonl")
    writer.write(1, "train", {"loss": 0.1 + 0.2})
    writer.write(2, "test", {"Acc": math.nan, "Edit": -math.inf})
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
    expected = [(2, False), (2, True), (4, False), (4, True)]
    assert [(row["step"], "test/Acc" in row) for row in writers.read_rows(path)] == expected
    writer.rewind(4, drop_groups_at_step=("test",))
    assert [(row["step"], "test/Acc" in row) for row in writers.read_rows(path)] == expected[:3]
    writer.rewind(0)
    assert path.read_text() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]


@pytest.mark.parametrize(
    "damage", [b"\0" * 40, b'{"step": 4, "tr', b"[1]", b'{"step": "4"}', b'{"step": 1, "a": {}}', b"\xff"]
)
def test_damage_in_the_middle_costs_no_other_row(damage, tmp_path):
    path, lines = tmp_path / "m.jsonl", []
    writer = writers.JsonlWriter(path)
    for step in (2, 4, 6):
        writer.write(step, "train", {"loss": float(step)})
    whole = path.read_bytes().split(b"\n")
    before = b"\n".join([whole[0], damage, *whole[2:]])
    path.write_bytes(before)
    assert [row["step"] for row in writers.read_rows(path, lines.append)] == [2, 6]
    assert lines == [f"warning: {path}: 1 damaged lines are left out (2); the other rows are kept"]
    writer.rewind(6, say=lines.append)
    assert [row["step"] for row in writers.read_rows(path, lines.append)] == [2, 6]
    assert path.with_name("m.jsonl.damaged").read_bytes() == before and "as it was is" in lines[-1] and len(lines) == 3


def test_tensorboard_holds_the_scalars(tmp_path):
    from tensorboardX.proto import event_pb2

    writer = event_files.TensorBoardWriter(tmp_path, 1)
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


def test_console_prints_lines_without_a_terminal():
    stream = io.StringIO()
    console = writers.Console(stream)
    console.begin("train", 10)
    console.progress(5)
    console.say("half way")
    console.end()
    assert stream.getvalue() == "half way\n"
    assert console.pace(5, 10).endswith(" s/step, 0:00 left") and console.pace(5, 10) == ""


def test_console_prints_what_its_stream_has_no_letters_for():
    """A terminal without UTF-8 ends no run, nor does a path that is no text."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    writers.Console(stream).say("é \udcff")
    assert stream.buffer.getvalue() == b"\\xe9 \\udcff\n"


def test_a_restart_of_the_clock_is_one_of_the_bar_too():
    stream = io.StringIO()
    stream.isatty = lambda: True
    console = writers.Console(stream)
    console.begin("predict", 10)
    console._bar.start_t -= 1000.0  # so long has a compilation taken
    console._bar.last_print_t -= 1000.0
    console.restart_clock(0)
    assert console._bar.format_dict["elapsed"] < 100
    console.end()


def test_console_shows_a_bar_on_a_terminal():
    stream = io.StringIO()
    stream.isatty = lambda: True
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


class WandbRun:
    """Stands in for a run of Weights & Biases."""

    url = "https://wandb.example/run"

    def __init__(self, options):
        self.options, self.rows, self.finished, self.error = options, [], False, None

    def log(self, values, step):
        if self.error is not None:
            raise self.error
        self.rows.append((step, values))

    def finish(self):
        if self.error is not None:
            raise self.error
        self.finished = True


class WandbError(Exception):
    __module__ = "wandb.errors.errors"


class UsageError(WandbError):
    pass


class AuthenticationError(WandbError):
    pass


@pytest.fixture
def wandb(monkeypatch):
    """A module "wandb" whose `runs` are those that were started; `fails` is raised instead of starting one."""
    module = types.ModuleType("wandb")
    module.__version__, module.runs, module.fails = "0.0", [], None
    module.errors = types.SimpleNamespace(UsageError=UsageError, AuthenticationError=AuthenticationError)
    module.Settings = lambda console, silent, finish_timeout: "settings"

    def init(settings, **options):
        if module.fails is not None:
            raise module.fails
        module.runs.append(WandbRun(options))
        return module.runs[-1]

    module.init = init
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def wandb_config(mode="offline"):
    config = fact_gtea.get_config("split=2,seed=3").copy_and_resolve_references()
    with config.unlocked():
        config.log.update({"wandb": True, "wandb_mode": mode, "wandb_project": "kitchen", "wandb_entity": ""})
    return config.lock()


def test_wandb_gets_the_published_keys_and_the_whole_config(wandb, tmp_path):
    lines = []
    writer = writers.WandbWriter(tmp_path, wandb_config(), lines.append)
    writer.write(7, "train", {"loss": 2.0, "loss_frame": 1.0, "accuracy": 0.5, "learning_rate": 1e-3})
    writer.write(7, "test", {"Edit": math.nan, "F1@0.50": 30.0})
    writer.close()
    (run,) = wandb.runs
    published = ["train-loss/loss", "train-loss/loss_frame", "train-metric/accuracy", "train-metric/learning_rate"]
    assert run.rows[0] == (7, dict(zip(published, (2.0, 1.0, 0.5, 1e-3), strict=True)))
    assert run.rows[1][1].keys() == {"test-metric/Edit", "test-metric/F1@0.50"} and run.finished
    wanted = {"project": "kitchen", "entity": None, "group": "fact_gtea", "name": "fact_gtea/split2/seed3"}
    wanted |= {"mode": "offline", "resume": "allow", "dir": str(tmp_path)}
    assert wanted.items() <= run.options.items()
    settings = run.options["config"]
    assert settings["data.split"] == "split2" and settings["train.batch_size"] == 1 and settings["seed"] == 3
    assert settings["data.background_ids"] == "(10,)"
    assert all(isinstance(value, (int, float, str)) for value in settings.values())
    assert len(lines) == 1 and "wandb sync" in lines[0] and run.options["id"] in lines[0]


def test_a_resumed_run_is_the_same_run_in_wandb_and_another_workdir_another(wandb, tmp_path):
    for name in ("a", "a", "b"):
        (tmp_path / name).mkdir(exist_ok=True)
        writers.WandbWriter(tmp_path / name, wandb_config("online"), print).close()
    first, again, other = (run.options["id"] for run in wandb.runs)
    assert first == again != other
    (tmp_path / "a").rename(tmp_path / "moved")
    writers.WandbWriter(tmp_path / "moved", wandb_config(), print).close()
    assert wandb.runs[-1].options["id"] == first


@pytest.mark.parametrize("error", [WandbError("server\n gone"), ConnectionResetError("lost"), RuntimeError("no loop")])
def test_a_failure_of_wandb_is_said_once_and_ends_nothing(wandb, tmp_path, error):
    lines = []
    writer = writers.WandbWriter(tmp_path, wandb_config("online"), lines.append)
    writer.write(1, "train", {"loss": 1.0})
    wandb.runs[0].error = error
    for step in (2, 3):
        writer.write(step, "train", {"loss": 1.0})
    writer.close()
    assert lines[0].endswith(WandbRun.url) and len(lines) == 2
    assert str(error).split()[0] in lines[1] and "goes on without it" in lines[1] and "\n" not in lines[1]


def test_without_a_network_training_starts_without_wandb(wandb, tmp_path):
    wandb.fails = WandbError("no such host")
    lines = []
    writer = writers.WandbWriter(tmp_path, wandb_config("online"), lines.append)
    writer.write(1, "train", {"loss": 1.0})
    writer.close()
    assert len(lines) == 1 and "no such host" in lines[0]


@pytest.mark.parametrize("error", [KeyError("a mistake of ours"), KeyboardInterrupt()])
def test_other_errors_are_not_hidden(wandb, tmp_path, error):
    writer = writers.WandbWriter(tmp_path, wandb_config(), print)
    wandb.runs[0].error = error
    with pytest.raises(type(error)):
        writer.write(1, "train", {"loss": 1.0})


def test_what_the_user_can_put_right_about_wandb_is_an_error(wandb, tmp_path, monkeypatch):
    wandb.fails = UsageError("No API key configured.")
    with pytest.raises(UserError, match="No API key configured.*wandb login.*wandb_mode=offline"):
        writers.WandbWriter(tmp_path, wandb_config("online"), print)
    with pytest.raises(UserError, match="wandb_mode is 'ofline'. Did you mean 'offline'"):
        writers.WandbWriter(tmp_path, wandb_config("ofline"), print)
    wandb.Settings = lambda console: "settings"
    with pytest.raises(UserError, match="too old.*--upgrade wandb"):
        writers.WandbWriter(tmp_path, wandb_config(), print)
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="pip install wandb"):
        writers.WandbWriter(tmp_path, wandb_config(), print)
