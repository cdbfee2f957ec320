"""The systems on an accelerator, within minutes: one measurement after the other, each of which stays on the disk.

    python -m fact_jax.benchmark.accelerator --output h200 --against torch

A measurement is a run of `python -m fact_jax.benchmark` with a system, a precision and a batch, in a folder of its own
below --output. Those that are there are not made again, so the same command goes on where the last one ended, and
results of several short loans of a machine come together. `accelerator.md` has them in one table.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fact_jax import files
from fact_jax.benchmark import report

DONE, FAILED, TABLE = "benchmark.json", "failed.txt", "accelerator.md"
# What a measurement takes at least: without that much time left none is begun.
LEAST_SECONDS = 30.0
# Both sides live on the device at a time, and JAX would take three quarters of its memory for itself.
ENVIRONMENT = {"XLA_PYTHON_CLIENT_MEM_FRACTION": ".45"}
# Settings of a precision. "default" products of float32 are those of tf32 on GPUs that have it.
PRECISIONS = {"float32": (), "tf32": ("--config.matmul_precision=default",), "bfloat16": ("--config.dtype=bfloat16",)}
BATCHES = (1, 16, 64)
# Flags of every system. Videos of a step are computed at once, where the config has them in micro-batches.
SYSTEMS = {
    "gtea": ("--config=configs/fact_gtea.py", "--frames=1100", "--segments=40"),
    "breakfast": ("--config=configs/fact_breakfast.py", "--frames=2000", "--config.train.micro_batch_size=0"),
    "actionformer": ("--config=configs/actionformer_thumos14.py",),
    "carl": ("--config=configs/carl_pouring.py", "--config.data.clip.num_frames=80", "--frames=240"),
    "cast": ("--config=configs/cast_ssv2.py",),
}
# The same with tiny networks on short videos, to try the script itself.
TINY = {
    "gtea": ("--config=configs/fact_gtea.py:quick", "--frames=40"),
    "actionformer": ("--config=configs/actionformer_thumos14.py:quick",),
}


class Measurement(NamedTuple):
    """One run of the benchmark."""

    system: str
    precision: str
    batch: int

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.system}_{self.precision}_{self.batch}"


def measurements(systems: Sequence[str]) -> list[Measurement]:
    """All of them, so that a list which is cut short holds every system: batches of one, then the middle, the largest.

    One clip of CAST cannot be mixed, so its smallest batch is 2.
    """
    return [
        Measurement(system, precision, max(batch, 2 if system == "cast" else 1))
        for batch in BATCHES
        for precision in PRECISIONS
        for system in systems
    ]


def arguments(measurement: Measurement, flags: Sequence[str], folder: Path, repeats: int, against: bool) -> list[str]:
    """The arguments of the benchmark; PyTorch, which computes in float32, is compared with float32 alone."""
    batch = f"--batch={measurement.batch}", f"--eval_batch={measurement.batch}"
    given = [*flags, *PRECISIONS[measurement.precision], *batch, "--parts=step", f"--repeats={repeats}"]
    given += ["--against=torch"] if against and measurement.precision == "float32" else []
    return [*given, f"--output={folder}"]


def run(output: Path, seconds: float, repeats: int, against: bool, systems: Mapping[str, Sequence[str]]) -> int:
    """Measures what is missing in `output` until the time is up; returns how many measurements are missing then."""
    end = time.monotonic() + seconds
    wanted = measurements(tuple(systems))
    for measurement in wanted:
        folder = output / measurement.name
        left = end - time.monotonic()
        if _is_over(folder) or left < LEAST_SECONDS:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{measurement.name} ({left:.0f} s left)", file=sys.stderr, flush=True)
        _measure(arguments(measurement, systems[measurement.system], folder, repeats, against), folder, left)
        files.atomic_write_text(output / TABLE, table(output, wanted))
    return sum(not _is_over(output / measurement.name) for measurement in wanted)


def _is_over(folder):
    return (folder / DONE).exists() or (folder / FAILED).exists()


def _measure(told, folder, seconds):
    """Runs a measurement. One that ends with an error, such as too little memory, says so and is over."""
    said = folder / "output.txt"
    process = multiprocessing.get_context("spawn").Process(target=benchmark, args=(told, said))
    process.start()
    process.join(seconds)
    if process.is_alive():  # the next run of this script makes it again
        process.terminate()
        process.join()
    elif process.exitcode:
        lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines() if said.exists() else []
        files.atomic_write_text(
            folder / FAILED, f"exit code {process.exitcode}: {lines[-1] if lines else 'no output'}\n"
        )


def benchmark(told: Sequence[str], said: Path) -> None:
    """In a process of its own: the benchmark with these arguments, whose output goes to the file `said`."""
    from absl import app

    from fact_jax.app import config_flags
    from fact_jax.benchmark import __main__ as command

    os.environ.update(ENVIRONMENT | dict(os.environ))
    with said.open("w", encoding="utf-8") as text:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(text.fileno(), stream.fileno())
    app.run(command.main, argv=["benchmark", *told], flags_parser=config_flags.parse)


def table(output: Path, wanted: Sequence[Measurement]) -> str:
    """The measurements that are over, as Markdown."""
    header = ["system", "precision", "batch", "step, s", "PyTorch", "of ceiling", "host", "evaluation, s", "PyTorch",
              "of ceiling"]  # fmt: skip
    rows, devices = [], []
    for measurement in wanted:
        folder, cells = output / measurement.name, list(map(str, measurement))
        if (folder / DONE).exists():
            part = json.loads((folder / DONE).read_text(encoding="utf-8"))["step"]
            devices.append(part["device"])
            train, evaluation = _cells(part, "train"), _cells(part, "evaluate")
            rows.append([*cells, *train, _host(part), *evaluation])
        elif (folder / FAILED).exists():
            reason = (folder / FAILED).read_text(encoding="utf-8").strip().replace("|", "/")
            rows.append([*cells, reason, *[""] * (len(header) - len(cells) - 1)])
    lines = (
        f"Device: {', '.join(dict.fromkeys(devices)) or 'none yet'}. Medians in seconds of a batch; ceiling: the "
        "product of two large matrices in the same precision; host: what of a step goes when steps are handed over "
        "without waiting for the one before."
    )
    return f"{lines}\n\n{report.table(header, rows)}\n"


def _cells(part, phase):
    ours, share = part[phase]["ours"]["median"], part["utilisation"][phase]["ours"]["share"]
    torch = f"{part[phase]['torch']['median']:.4f}" if "torch" in part[phase] else ""
    return [f"{ours:.4f}", torch, f"{100 * share:.1f} %"]


def _host(part):
    if "in_a_row" not in part:
        return ""
    return f"{100 * max(0.0, 1 - part['in_a_row'] / part['train']['ours']['median']):.0f} %"


def main(argv=None):
    """Runs the script; returns 0, or 1 where measurements are missing."""
    parser = argparse.ArgumentParser(prog="python -m fact_jax.benchmark.accelerator", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the results; the same again goes on")
    parser.add_argument("--minutes", type=float, default=8.0, help="most time (default: 8)")
    parser.add_argument("--repeats", type=int, default=7, help="of every measurement (default: 7)")
    parser.add_argument("--against", choices=["torch"], help="also measure the renderings in PyTorch, in float32")
    parser.add_argument("--tiny", action="store_true", help="tiny networks, to try the script itself")
    told = parser.parse_args(argv)
    missing = run(
        told.output.resolve(), told.minutes * 60, told.repeats, bool(told.against), TINY if told.tiny else SYSTEMS
    )
    print((told.output / TABLE).read_text(encoding="utf-8") if (told.output / TABLE).exists() else "nothing measured")
    if missing:
        print(f"{missing} measurements are missing: the same command makes them", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
