"""Where the numbers of a run go: metrics.jsonl, Weights & Biases and the console; `tensorboard` has TensorBoard."""

import contextlib
import importlib
import io
import json
import math
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tqdm import tqdm

from fact_jax import files, run_record
from fact_jax.types import UserError, check_choice

WANDB_MODES = ("online", "offline")
# How long the end of a run may wait for Weights & Biases to take what is left.
WANDB_FINISH_SEC = 300.0


def read_rows(path: Path, say: Callable[[str], None] = lambda line: None) -> list[dict]:
    """Returns the rows of a metrics.jsonl; [] if there is no file.

    Lines that are none are left out, and `say` takes a line that counts them; nothing is said of a last one that was
    cut short, as it is when the process died while it wrote.
    """
    return _read_rows(Path(path), say)[0]


def _read_rows(path, say):
    """(rows, whether lines in the middle are damaged)."""
    if not path.exists():
        return [], False
    *lines, rest = path.read_bytes().split(b"\n")
    found = list(map(_parse_row, lines))
    damaged = [number for number, row in enumerate(found, 1) if row is None]
    if damaged:
        named = ", ".join(map(str, damaged[:5])) + (", ..." if len(damaged) > 5 else "")
        say(f"warning: {path}: {len(damaged)} damaged lines are left out ({named}); the other rows are kept")
    return [row for row in (*found, _parse_row(rest)) if row is not None], bool(damaged)


def _parse_row(line):
    """{"step": ..., name: number or None}, or None if the bytes are no such row."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int or row["step"] < 0:
        return None
    return row if all(value is None or type(value) in (int, float) for value in row.values()) else None


def to_json_value(value: float) -> float | None:
    """Returns the number, or None for NaN and infinities, which JSON does not have."""
    return value if math.isfinite(value) else None


def to_json_values(values: Mapping[str, float]) -> dict[str, float | None]:
    """Returns `to_json_value` of each."""
    return {name: to_json_value(value) for name, value in values.items()}


class JsonlWriter:
    """metrics.jsonl: one JSON object per line, {"step": ..., "<group>/<name>": ...}, in order of time.

    Nothing in it depends on the clock, so an interrupted run leaves the same file as one that was not.
    """

    def __init__(self, path: Path):
        self._path = Path(path)

    def rewind(
        self, step: int, *, drop_groups_at_step: tuple[str, ...] = (), say: Callable[[str], None] = lambda line: None
    ) -> None:
        """Drops what an earlier process wrote beyond `step`, the step this one starts from.

        Rows of `step` itself go as well where they are of these groups, which will come again. A file with damaged
        lines is kept beside the new one; `say` takes a line about it.
        """
        rows, damaged = _read_rows(self._path, say)
        if damaged:
            copy = self._path.with_name(f"{self._path.name}.damaged")
            files.atomic_write_bytes(copy, self._path.read_bytes())
            say(f"the file as it was is {copy}")
        kept = []
        for row in rows:
            groups = {name.partition("/")[0] for name in row}
            if row["step"] < step or (row["step"] == step and groups.isdisjoint(drop_groups_at_step)):
                kept.append(row)
        text = "".join(json.dumps(row) + "\n" for row in kept)
        if text or self._path.exists():
            files.atomic_write_text(self._path, text)

    def write(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Appends one row, all of it or nothing; raises files.WriteError where the disk is full, ..."""
        row = {"step": step} | {f"{group}/{name}": to_json_value(value) for name, value in values.items()}
        files.append_line(self._path, json.dumps(row))

    def flush(self) -> None:
        """Waits until the rows are on the disk itself."""
        if self._path.exists():
            with open(self._path, "rb") as file:
                os.fsync(file.fileno())


def import_wandb():
    """Returns the module wandb; raises UserError if it is not installed."""
    try:
        return importlib.import_module("wandb")
    except ImportError as error:
        raise UserError(
            "config.log.wandb is on, but Weights & Biases is not installed. Install it with `pip install wandb`, or "
            "leave out --config.log.wandb."
        ) from error


class WandbWriter:
    """Scalars for Weights & Biases, under the keys of the published code: train-loss/loss, test-metric/F1@0.50.

    A run that resumes goes on in the same run there. What goes wrong at the start and can be put right (no package, no
    login) is an error; whatever fails later is said once, and training goes on without.
    """

    def __init__(self, workdir: Path, config, say: Callable[[str], None]):
        """Starts or resumes the run, whose id and, if it is offline, files are kept in wandb/ below the workdir.

        Raises UserError if the package is missing or too old, or there is no login.
        """
        self._say, self._run, self._workdir = say, None, Path(workdir)
        self._wandb = import_wandb()
        mode = check_choice("config.log.wandb_mode", config.log.wandb_mode, WANDB_MODES)
        run_id = self._run_id()
        settings = run_record.flatten(config.to_dict())
        with _WandbFailure(self):
            self._run = self._start(
                project=config.log.wandb_project or None,
                entity=config.log.wandb_entity or None,
                group=config.name,
                name=f"{config.name}/{config.data.split}/seed{config.seed}",
                config={
                    key: value if isinstance(value, (int, float)) else str(value) for key, value in settings.items()
                },
                id=run_id,
                resume="allow",
                mode=mode,
                dir=str(self._workdir),
            )
        if self._run is not None:
            place = f"wandb sync --id {run_id} {self._workdir / 'wandb' / 'offline-run-*'}"
            self._say(f"Weights & Biases: {self._run.url if mode == 'online' else f'offline; to upload: {place}'}")

    def _start(self, **options):
        wandb = self._wandb
        try:
            # Its own capture of the console would break the progress bar.
            settings = wandb.Settings(console="off", silent=True, finish_timeout=WANDB_FINISH_SEC)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"wandb {wandb.__version__} is too old for config.log.wandb. Run `pip install --upgrade wandb`."
            ) from error
        try:
            return wandb.init(settings=settings, **options)
        except (wandb.errors.UsageError, wandb.errors.AuthenticationError) as error:
            raise UserError(
                f"Weights & Biases: {error} Log in with `wandb login`, or keep the numbers here with "
                f"--config.log.wandb_mode=offline."
            ) from error

    def _run_id(self):
        path = self._workdir / "wandb" / "run_id.txt"
        if path.exists() and (known := path.read_text(encoding="utf-8").strip()):
            return known
        run_id = secrets.token_hex(4)
        files.atomic_write_text(path, f"{run_id}\n")
        return run_id

    def write(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Logs one row; steps that the run has already, from before an interruption, are left as they are there."""
        if self._run is not None:
            with _WandbFailure(self):
                self._run.log({wandb_key(group, name): value for name, value in values.items()}, step=step)

    def close(self) -> None:
        """Ends the run, waiting for what is still to be uploaded."""
        if self._run is not None:
            with _WandbFailure(self):
                self._run.finish()
        self._run = None

    def give_up(self, error: BaseException) -> None:
        """Says what went wrong; nothing more is sent."""
        self._run = None
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        self._say(
            f"Weights & Biases failed ({reason}); training goes on without it. All numbers are in "
            f"{self._workdir / 'metrics.jsonl'} as always."
        )


class _WandbFailure(contextlib.AbstractContextManager):
    """Keeps failures of Weights & Biases from ending the run; the writer gives up at the first.

    Its errors have no common base: they are those of its own modules, of its connection, and of the operating system.
    """

    MODULES = {"wandb", "asyncio", "concurrent", "google"}

    def __init__(self, writer: WandbWriter):
        self._writer = writer

    def __exit__(self, kind, error, traceback):
        theirs = kind is not None and kind.__module__.partition(".")[0] in self.MODULES
        if not isinstance(error, Exception) or not (theirs or isinstance(error, (OSError, EOFError, RuntimeError))):
            return False
        self._writer.give_up(error)
        return True


def wandb_key(group: str, name: str) -> str:
    """The published key of a value: ("train", "loss") -> "train-loss/loss", ("test", "Edit") -> "test-metric/Edit"."""
    kind = "loss" if name == "loss" or name.startswith("loss_") else "metric"
    return f"{group}-{kind}/{name}"


class Console:
    """Lines for people, with a progress bar below them on a terminal."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        if isinstance(self._stream, io.TextIOWrapper):
            # A path may have bytes, a class name letters, that a terminal lacks: no reason to end a run.
            self._stream.reconfigure(errors="backslashreplace")
        self._bar, self._unit = None, "step"
        self.restart_clock(0)

    def say(self, text: str) -> None:
        """Prints a line, above the bar if there is one."""
        if self._bar is None:
            # In one piece: threads say something as well.
            print(f"{text}\n", end="", file=self._stream, flush=True)
        else:
            self._bar.write(text, file=self._stream)

    def begin(self, label: str, total: int, done: int = 0, unit: str = "step") -> None:
        """Starts to show progress from `done` to `total`, counted in `unit`."""
        self.end()
        self._unit = unit
        self.restart_clock(done)
        if self._stream.isatty():
            self._bar = tqdm(total=total, initial=done, desc=label, unit=unit, file=self._stream, dynamic_ncols=True)

    def progress(self, done: int, note: str = "") -> None:
        """Moves the bar to `done`."""
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._bar.n)

    def restart_clock(self, done: int) -> None:
        """Leaves the time since the last `pace` out of the next one, and that since the bar moved out of the bar's."""
        self._start = (time.perf_counter(), done)
        if self._bar is not None:
            self._bar.unpause()

    def pace(self, done: int, total: int) -> str:
        """Returns the time per step (or other unit) since the last call and the time left, for a line."""
        seconds, steps = time.perf_counter() - self._start[0], done - self._start[1]
        self._start = (time.perf_counter(), done)
        if steps <= 0:
            return ""
        return f"{seconds / steps:.3g} s/{self._unit}, {format_duration((total - done) * seconds / steps)} left"

    def end(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class WarningsOnly(Console):
    """The console of a process that is not the first: warnings alone, with its number, on the error output."""

    def __init__(self, index: int):
        super().__init__(sys.stderr)
        self._index = index

    def say(self, text: str) -> None:
        """Prints a line that starts with "warning:"."""
        if text.startswith("warning:"):
            print(f"[process {self._index}] {text}", file=sys.stderr, flush=True)

    def begin(self, label: str, total: int, done: int = 0, unit: str = "step") -> None:
        """Shows nothing."""


def format_duration(seconds: float) -> str:
    """1234.5 -> "20:34"; hours only where there are some."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def format_values(values: Mapping[str, float], digits: int = 4) -> str:
    """{"loss": 1.25, "Acc": 80.0} -> "loss 1.25 Acc 80"."""
    return "  ".join(f"{name} {value:.{digits}g}" for name, value in values.items())
