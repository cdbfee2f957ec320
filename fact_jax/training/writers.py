"""Where the numbers of a run go: metrics.jsonl, TensorBoard and the console."""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from fact_jax import files


def read_rows(path: Path) -> list[dict]:
    """Returns the rows of a metrics.jsonl, without a last line that was cut short; [] if there is no file."""
    if not Path(path).exists():
        return []
    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break  # the process died while it wrote this line; whatever follows is written again
    return rows


def to_json_value(value: float) -> float | None:
    """Returns the number, or None for NaN and infinities, which JSON does not have."""
    return value if math.isfinite(value) else None


class JsonlWriter:
    """metrics.jsonl: one JSON object per line, {"step": ..., "<group>/<name>": ...}, in order of time.

    Nothing in it depends on the clock, so an interrupted run leaves the same file as one that was not.
    """

    def __init__(self, path: Path):
        self._path = Path(path)

    def rewind(self, step: int, *, drop_groups_at_step: tuple[str, ...] = ()) -> None:
        """Drops what an earlier process wrote beyond `step`, the step this one starts from.

        Args:
          step: rows of later steps are dropped.
          drop_groups_at_step: groups whose rows at `step` itself are dropped as well, as they will come again.
        """
        kept = []
        for row in read_rows(self._path):
            groups = {name.partition("/")[0] for name in row if name != "step"}
            if row["step"] < step or (row["step"] == step and not groups & set(drop_groups_at_step)):
                kept.append(row)
        text = "".join(json.dumps(row) + "\n" for row in kept)
        if text or self._path.exists():
            files.atomic_write_text(self._path, text)

    def write(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Appends one row."""
        row = {"step": step} | {f"{group}/{name}": to_json_value(value) for name, value in values.items()}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


class TensorBoardWriter:
    """Scalars in TensorBoard event files; events of steps beyond the one resumed from are hidden."""

    def __init__(self, folder: Path, first_step: int):
        # Imported here: it takes half a second, and a run may do without.
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=first_step or None, write_to_disk=True)

    def write(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Adds one scalar per value, tagged <group>/<name>, with "_" for the "@" that tags may not have."""
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name.replace('@', '_')}", value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Console:
    """Lines for people, with a progress bar below them on a terminal."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._bar = None
        self._start = (time.perf_counter(), 0)

    def say(self, text: str) -> None:
        """Prints a line, above the bar if there is one."""
        if self._bar is None:
            print(text, file=self._stream, flush=True)
        else:
            self._bar.write(text, file=self._stream)

    def begin(self, label: str, total: int, done: int = 0) -> None:
        """Starts to show progress from `done` to `total`."""
        self.end()
        self._start = (time.perf_counter(), done)
        if self._stream.isatty():
            self._bar = tqdm(total=total, initial=done, desc=label, unit="step", file=self._stream, dynamic_ncols=True)

    def progress(self, done: int, note: str = "") -> None:
        """Moves the bar to `done`."""
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._bar.n)

    def restart_clock(self, done: int) -> None:
        """Leaves the time since the last `pace` out of the next one."""
        self._start = (time.perf_counter(), done)

    def pace(self, done: int, total: int) -> str:
        """Returns the time per step since the last call and the time left, for a line."""
        now = time.perf_counter()
        seconds, steps = now - self._start[0], done - self._start[1]
        self._start = (now, done)
        if steps <= 0:
            return ""
        return f"{seconds / steps:.3g} s/step, {format_duration((total - done) * seconds / steps)} left"

    def end(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def format_duration(seconds: float) -> str:
    """1234.5 -> "20:34"; hours only where there are some."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def format_values(values: Mapping[str, float], digits: int = 4) -> str:
    """{"loss": 1.25, "Acc": 80.0} -> "loss 1.25 Acc 80"."""
    return "  ".join(f"{name} {value:.{digits}g}" for name, value in values.items())
