"""One run of the benchmark: starts the workers, measures part after part, writes the report."""

import contextlib
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from fact_jax.benchmark import costs, report
from fact_jax.benchmark.measure import interleave, ratio
from fact_jax.benchmark.options import Options
from fact_jax.benchmark.workers import Worker
from fact_jax.benchmark.workload import Workload

PHASES = {"train": "training step", "evaluate": "evaluation"}
# Logits of the two implementations may differ by this much in float32.
LOGIT_TOLERANCE = 1e-3
CEILING_SIZE, GPU_CEILING_SIZE, CEILING_REPEATS = 2048, 8192, 5


def say(line):
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


class Session:
    """What the parts share.

    Attributes:
      options, workload: see there.
      names: "ours" and, if asked for, "torch".
      folder: where the workers exchange weights and predictions.
    """

    def __init__(self, options: Options, workload: Workload, arguments: Sequence[str], folder: Path):
        self.options, self.workload, self.folder = options, workload, folder
        self.names = ("ours", options.against) if options.against else ("ours",)
        self._arguments = list(arguments)

    def worker(self, name, environment=None, extra=()):
        """A new Worker that answers as `name`."""
        arguments = [*self._arguments, f"--worker={name}", f"--folder={self.folder}", *extra]
        return Worker(name, arguments, environment)

    @contextlib.contextmanager
    def workers(self, names=None):
        """Workers by name, for the `with` block."""
        with contextlib.ExitStack() as stack:
            yield {name: stack.enter_context(self.worker(name)) for name in names or self.names}

    def prepare(self, workers, lengths, **phases):
        """Has all workers prepare for these lengths, with the same weights; returns what ours says."""
        facts = workers["ours"].ask("prepare", lengths=list(lengths), **phases)
        facts["model"] = workers["ours"].ask("publish")
        if "torch" in workers:
            facts["torch"] = workers["torch"].ask("prepare", lengths=list(lengths), **phases)
        return facts

    def time(self, workers, phase, num_videos, repeats=None):
        """Warms up, measures in turns; returns what the report holds of a phase."""
        runs = {name: (lambda worker=worker: worker.ask(phase)) for name, worker in workers.items()}
        for name, run in runs.items():
            seconds = run()
            say(f"  {PHASES[phase]}, {name}: first run {seconds:.2f} s")
            run()
        timings = interleave(runs, repeats or self.options.repeats)
        result = {name: timing.summary(num_videos) for name, timing in timings.items()}
        if (found := ratio(timings)) is not None:
            result["ratio"] = found
        text = ", ".join(f"{name} {timing.median:.3f} s" for name, timing in timings.items())
        say(f"  {PHASES[phase]}: {text}" + (f", ratio {result['ratio']:.3f}" if "ratio" in result else ""))
        return result


def run(options: Options, workload: Workload, arguments: Sequence[str]) -> dict:
    """Measures what the options ask for, prints the table and writes the report.

    Args:
      options: see there.
      workload: the videos of the batch.
      arguments: of this process's command line; its workers get the same.

    Raises:
      UserError: something the user can put right.
    """
    result = {
        "config": options.settings.name,
        "workload": {
            "lengths": list(workload.lengths), "classes": workload.num_classes, "feature_dim": workload.feature_dim,
            "pieces": workload.pieces, "true_segments": workload.num_segments,
        },
        "repeats": options.repeats,
        "machine": _machine(options),
    }
    with tempfile.TemporaryDirectory(prefix="fact_jax_benchmark_") as folder:
        session = Session(options, workload, arguments, Path(folder))
        for part in options.parts:
            say(f"{part}:")
            result[part] = PART_FUNCTIONS[part](session)
    text = report.markdown(result)
    print(text)
    if options.output:
        report.write(Path(options.output), result, text)
        say(f"wrote {options.output}")
    return result


def _machine(options):
    packages = ["jax", "jaxlib", *(["torch"] if options.against else [])]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": len(_cores()),
        **{name: metadata.version(name) for name in packages},
    }


def _cores():
    import os

    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def measure_step(session):
    """Training step and evaluation of the batch; agreement, predicted segments, share of the matmul ceiling."""
    lengths = session.workload.lengths
    with session.workers() as workers:
        facts = session.prepare(workers, lengths)
        model = facts.pop("model")
        result = {"padding_waste": facts["padding_waste"], "buckets": facts["buckets"], "device": facts["device"]}
        result["segments"] = {name: worker.ask("inspect") for name, worker in workers.items()}
        if "torch" in workers:
            result["agreement"] = _agreement(session.folder, len(lengths))
            say(f"  agreement: {report.agreement_text(result['agreement'])}")
        for phase in PHASES:
            result[phase] = session.time(workers, phase, len(lengths))
        size = GPU_CEILING_SIZE if facts["backend"] == "gpu" else CEILING_SIZE
        ceilings = {name: worker.ask("ceiling", size=size, repeats=CEILING_REPEATS) for name, worker in workers.items()}
        result["utilisation"] = _utilisation(session, model, result, ceilings)
    return result


def _agreement(folder, num_videos):
    """How far the evaluations of both implementations agree."""
    frames = equal = 0
    largest = 0.0
    with np.load(folder / "ours.npz") as ours, np.load(folder / "torch.npz") as theirs:
        for place in range(num_videos):
            labels = ours[f"labels{place}"] == theirs[f"labels{place}"]
            frames, equal = frames + labels.size, equal + int(labels.sum())
            difference = np.abs(ours[f"logits{place}"] - theirs[f"logits{place}"]).max()
            largest = max(largest, float(difference))
    return {
        "equal_labels": equal / frames,
        "largest_logit_difference": largest,
        "agree": largest <= LOGIT_TOLERANCE,
    }


def _utilisation(session, model, result, ceilings):
    """Operations per second of every phase as a share of the measured ceiling."""
    rows = {"ceiling": ceilings}
    workload = session.workload
    for phase in PHASES:
        factor = costs.TRAINING_FACTOR if phase == "train" else 1
        rows[phase] = {}
        for name in session.names:
            counts = result["segments"][name]
            flops = factor * costs.forward_flops(model, workload.feature_dim, workload.lengths, counts)
            rows[phase][name] = {
                "flops": flops,
                "share": flops / result[phase][name]["median"] / ceilings[name],
            }
    return rows


PART_FUNCTIONS = {"step": measure_step}
