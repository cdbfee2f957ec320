"""One load: writes the videos, runs the real thing over them while memory is watched, and writes what was found."""

import dataclasses
import json
import multiprocessing
import shutil
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from fact_jax import files
from fact_jax.app import experiment
from fact_jax.app.kinds.segmentation import LabelFramesConfig
from fact_jax.benchmark import data_wait
from fact_jax.benchmark.load import verdict
from fact_jax.benchmark.load.recorder import RecordingConsole, recording
from fact_jax.benchmark.workload import MadeVideos, Workload
from fact_jax.reporting import results
from fact_jax.types import UserError

EXIT_STOPPED = 1
FRAMES_PER_HOUR = 30 * 3600
NUM_CLASSES, NUM_SEGMENTS = 10, 12
# Of features in memory: so few that most of them are read from disk every time, as in a dataset that does not fit.
MEMORY_GB = 0.0625
# Channels of unlabelled videos that hold numbers. The others are zero, and holes in the files: they take no room on the
# disk.
FILLED_CHANNELS = 16
# Frames of a segment of unlabelled videos: some seconds.
SEGMENT_FRAMES = 200
SPLIT_FILE = "splits/all.{split}.bundle"


@dataclasses.dataclass(frozen=True)
class TrainingLoad:
    """Training on many videos, all of which are evaluated as well; the attributes are flags of `__main__`."""

    num_videos: int
    min_frames: int
    max_frames: int
    feature_dim: int
    batch_size: int
    epochs: int
    evaluations: int
    name: ClassVar[str] = "train"

    @property
    def lengths(self):
        """Frames of every video, every doubling of the length as frequent; shuffled."""
        lengths = np.geomspace(self.min_frames, self.max_frames, self.num_videos).round().astype(np.int64)
        return np.random.default_rng(0).permutation(lengths)

    def prepare(self, config, folder: Path):
        """Writes the videos, all of them for training and for the tests; returns the config of the run."""
        folder.mkdir(parents=True)
        source = _make_videos(self.lengths, self.feature_dim, NUM_CLASSES, NUM_SEGMENTS)
        data = data_wait.write_dataset(source, None, folder)
        lines = "".join(f"{video_id}.txt\n" for video_id in source.video_ids)
        (folder / SPLIT_FILE.format(split=data["split"])).write_text(lines, encoding="utf-8")
        data |= {"train_split_file": SPLIT_FILE, "test_split_file": SPLIT_FILE}
        steps = -(-self.num_videos // self.batch_size) * self.epochs
        sizes = {"batch_size": self.batch_size, "epochs": self.epochs, "steps": 0}
        train = sizes | {"log_every": max(1, steps // 20), "eval_every": max(1, steps // self.evaluations)}
        data |= {"memory_gb": MEMORY_GB, "background_ids": (0,)}
        return _changed(config, data=data, train=train, eval={"batch_size": self.batch_size})

    def run(self, config, folder: Path, console):
        """Trains; returns the exit code."""
        return experiment.run(config, folder / "run", "train", console=console)

    def is_finished(self, folder: Path):
        """Whether it came to the end and was not stopped by a signal."""
        return results.read_results(folder / "run") is not None


@dataclasses.dataclass(frozen=True)
class PredictionLoad:
    """Prediction of many hours of video in one go; the attributes are flags of `__main__`."""

    hours: float
    num_files: int
    feature_dim: int
    figures: bool
    name: ClassVar[str] = "predict"
    batch_size: ClassVar[int] = 1

    @property
    def lengths(self):
        """Frames of every file."""
        frames = round(self.hours * FRAMES_PER_HOUR)
        return np.diff(np.linspace(0, frames, self.num_files + 1).round().astype(np.int64))

    def prepare(self, config, folder: Path):
        """Writes the videos and trains a model for one step, in a process of its own; returns the config."""
        write_features(self.lengths, self.feature_dim, folder / "unlabelled")
        brief = TrainingLoad(4, 40, 80, self.feature_dim, 2, 1, 1)
        config = brief.prepare(config, folder / "labelled")
        config = _changed(config, train={"steps": 1}, eval={"batch_size": 1, "figures": False})
        process = multiprocessing.get_context("spawn").Process(target=_train, args=(config, folder / "run"))
        process.start()
        process.join()
        if process.exitcode:
            raise UserError("the model to predict with could not be trained, see above.")
        return config

    def run(self, config, folder: Path, console):
        """Predicts; returns the exit code."""
        inputs = (str(folder / "unlabelled"),)
        told = LabelFramesConfig(input=inputs, output=str(folder / "predicted"), fps=30.0, figures=self.figures)
        return experiment.predict(config, folder / "run", told, console)

    def is_finished(self, folder: Path):
        """Whether it came to the end and was not stopped by a signal."""
        return len(list((folder / "predicted" / "predictions").glob("*.json"))) == self.num_files


def run(load: TrainingLoad | PredictionLoad, config, output, interval: float) -> int:
    """Runs a load and says whether memory stayed flat; returns the exit code, 1 if it did not.

    <name>.json and <name>.png go to `output`, where the videos lie meanwhile; `interval` is seconds between samples.

    Raises:
      UserError: the output folder holds another load, or the run cannot be carried out.
    """
    folder = Path(output) / load.name
    if folder.exists():
        raise UserError(f"{folder} exists; remove it, or choose another --output.")
    try:
        print(f"writing {len(load.lengths)} videos, {int(load.lengths.sum())} frames, to {folder}", flush=True)
        config = load.prepare(config, folder)
        console = RecordingConsole(load.batch_size)
        begin = time.perf_counter()
        with recording(console, interval) as samples:
            code = load.run(config, folder, console)
        if code or not load.is_finished(folder):
            return code or EXIT_STOPPED
        return _report(load, config, samples, time.perf_counter() - begin, Path(output))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _report(load, config, samples, seconds, output):
    growths = verdict.judge(samples)
    flat = bool(growths) and all(growth.flat for growth in growths)
    peak = max(sample.resident for sample in samples)
    first = next((sample.seconds for sample in samples if sample.phase != "other"), seconds)
    numbers = {
        "load": dataclasses.asdict(load) | {"name": load.name, "frames": int(load.lengths.sum())},
        "config": config.to_dict(),
        "flat": flat,
        "growth": [growth._asdict() | {"flat": growth.flat} for growth in growths],
        "rule": verdict.__doc__,
        "peak": peak,
        "seconds": {"until the first video": first, "in all": seconds},
        "samples": [sample._asdict() for sample in samples],
    }
    files.atomic_write_text(output / f"{load.name}.json", json.dumps(numbers, indent=1) + "\n")
    title = f"{load.name}: {len(load.lengths)} videos, {int(load.lengths.sum()):,} frames, {load.feature_dim} channels"
    files.save_figure(output / f"{load.name}.png", verdict.draw(samples, title))
    for growth in growths:
        print(growth)
    if not growths:
        print("too few samples to say whether memory grows: take more videos, or a shorter --interval")
    print(f"peak {peak / 2**20:.0f} MiB; {first:.1f} s until the first video, {seconds:.1f} s in all; see {output}")
    return 0 if flat else 1


def write_features(lengths, feature_dim: int, folder: Path) -> None:
    """Writes feature files (D, T) of unlabelled videos of these lengths."""
    folder.mkdir(parents=True)
    filled = min(feature_dim, FILLED_CHANNELS)
    source = _make_videos(lengths, filled, 2, max(1, int(np.mean(lengths)) // SEGMENT_FRAMES))
    for index, video_id in enumerate(source.video_ids):
        shape = (feature_dim, int(lengths[index]))
        stored = np.lib.format.open_memmap(folder / f"{video_id}.npy", "w+", np.float32, shape)
        stored[:filled] = source.features(index).T


def _make_videos(lengths, feature_dim, num_classes, num_segments):
    """Features are constant over every true segment: an untrained network predicts about as many."""
    return MadeVideos(Workload(tuple(map(int, lengths)), num_classes, feature_dim, num_segments, num_segments))


def _train(config, workdir):
    raise SystemExit(experiment.run(config, workdir, "train"))


def _changed(config, **groups):
    config = config.copy_and_resolve_references()
    with config.unlocked():
        for name, values in groups.items():
            config[name].update(values)
    return config
