"""One run of the benchmark: starts the workers, measures part after part, writes the report."""

import contextlib
import functools
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from fact_jax.benchmark import parts, plot, report
from fact_jax.benchmark.kinds import kind_of
from fact_jax.benchmark.measure import interleave, ratios, summary
from fact_jax.benchmark.options import BenchmarkConfig
from fact_jax.benchmark.workers import Worker, WorkerDied
from fact_jax.benchmark.workload import Workload
from fact_jax.runtime import cores, heaps

# A run that takes longer than this many seconds is not repeated as often.
SLOW, SLOW_REPEATS = 60.0, 3
# Processes that run or want to, on average over the last minute, above which timings are not to be trusted.
BUSY = 0.5


# What answers in a worker process. Each process imports its own library and no other.


def _ours(options, workload, folder):
    heaps.share()
    from fact_jax.benchmark.ours import Ours

    eval_batch = options.eval_batch or options.batch or options.settings.eval.batch_size
    return Ours(options.settings, workload, folder, eval_batch, options.clock)


def _torch(options, workload, folder, name="torch"):
    from fact_jax.benchmark.torch_reference.subject import TorchSubject

    return TorchSubject(workload, folder, name, options.clock)


def _reading(options, workload, folder):
    del options, workload
    from fact_jax.benchmark.reading import Reading

    return Reading(folder)


def _augmenting(options, workload, folder):
    del workload, folder
    from fact_jax.benchmark.augmenting import Augmenting

    return Augmenting(options.settings)


SUBJECTS = {
    "ours": _ours,
    "torch": _torch,
    "fused": functools.partial(_torch, name="fused"),
    "reading": _reading,
    "augmenting": _augmenting,
}


class Session:
    """What the parts share; `names` are "ours" and, if asked for, those in PyTorch; they exchange files in `folder`."""

    def __init__(self, options: BenchmarkConfig, workload: Workload, folder: Path):
        self.options, self.workload, self.folder = options, workload, folder
        kind = kind_of(options.settings.model.name)
        self.names = ("ours", *(kind.renderings if options.against else ()))
        self.phases = kind.phases

    def say(self, line):
        """Progress, on standard error."""
        print(line, file=sys.stderr, flush=True)

    def worker(self, name, environment=None):
        """A new Worker that answers as `name`."""
        return Worker(name, functools.partial(SUBJECTS[name], self.options, self.workload, self.folder), environment)

    @contextlib.contextmanager
    def workers(self):
        """Workers by name, for the `with` block."""
        with contextlib.ExitStack() as stack:
            yield {name: stack.enter_context(self.worker(name)) for name in self.names}

    def prepare(self, workers, lengths, **phases):
        """Has all workers prepare for these lengths, with the same weights; returns what ours says."""
        facts = workers["ours"].ask("prepare", lengths=list(lengths), **phases)
        facts["model"] = workers["ours"].ask("publish")
        for name in self.names[1:]:
            facts[name] = workers[name].ask("prepare", lengths=list(lengths), **phases)
        return facts

    def time(self, workers, phase, num_videos):
        """Warms up, measures in turns; returns what the report holds of a phase."""
        runs = {name: functools.partial(worker.ask, phase) for name, worker in workers.items()}
        slowest = 0.0
        for name, run in runs.items():
            self.say(f"  {report.TITLES[phase]}, {name}: first run {run():.2f} s")
            slowest = max(slowest, run())
        repeats = self.options.repeats if slowest < SLOW else min(self.options.repeats, SLOW_REPEATS)
        timings = interleave(runs, repeats)
        result = {name: summary(seconds, num_videos) for name, seconds in timings.items()}
        text = ", ".join(f"{name} {found['median']:.3f} s" for name, found in result.items())
        result |= ratios({name: found["median"] for name, found in result.items()})
        self.say(f"  {report.TITLES[phase]}: {text}{report.ratio_text(result, ', ratio ')}")
        return result

    def time_both(self, lengths, **preparation):
        """Timings by phase for videos of these lengths in fresh workers; with "failed" where one died of it."""
        row = {}
        try:
            with self.workers() as workers:
                row["padding_waste"] = self.prepare(workers, lengths, **preparation)["padding_waste"]
                for phase in self.phases:
                    row[phase] = self.time(workers, phase, len(lengths))
        except WorkerDied as error:
            self.say(f"  failed: {error}")
            row["failed"] = str(error)
        return row


def run(options: BenchmarkConfig, workload: Workload) -> dict:
    """Measures what the options ask for, prints the table and writes the report, which it returns."""
    videos = {"lengths": list(workload.lengths), "classes": workload.num_classes, "feature_dim": workload.feature_dim}
    result = {
        "config": options.settings.name,
        "workload": {**videos, "pieces": workload.pieces, "true_segments": workload.num_segments, **_clips(options)},
        "repeats": options.repeats,
        "clock": options.clock,
        "machine": _machine(options),
    }
    with tempfile.TemporaryDirectory(prefix="fact_jax_benchmark_") as folder:
        session = Session(options, workload, Path(folder))
        if result["machine"].get("load", 0.0) > BUSY:
            session.say(f"warning: the machine is busy (load {result['machine']['load']:.1f}); timings will be off")
        for part in options.parts:
            session.say(f"{part}:")
            result[part] = parts.MEASURE[part](session)
    text = report.markdown(result)
    print(text)
    if options.output:
        report.write(Path(options.output), result, text)
        plot.write(Path(options.output), result)
        session.say(f"wrote {options.output}")
    return result


def _clips(options):
    """What a training step of raw video sees, in words."""
    data = options.settings.data
    if "sampling" in data:
        size = data.augmentation.size
        return {"clips": f"clips of {data.sampling.num_frames} frames, {size} x {size} pixels of white noise"}
    if "clip" not in data:
        return {}
    views = 2 if data.augmentation.self_supervised else 1
    size = data.augmentation.size
    text = f"{views} view(s) of {data.clip.num_frames} frames in a training step, {size} x {size} pixels of white noise"
    return {"clips": text}


def _machine(options):
    packages = ["jax", "jaxlib", *(["torch"] if options.against else [])]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": cores.available(),
        **({"load": round(os.getloadavg()[0], 1)} if hasattr(os, "getloadavg") else {}),
        **{name: metadata.version(name) for name in packages},
    }
