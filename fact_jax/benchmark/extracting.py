"""How long --mode extract takes beside the network alone, on frames that are in memory already."""

import shutil
from pathlib import Path

import numpy as np

from data_pipelines.extraction.plans import Plan
from data_pipelines.extraction.reading import read_steps
from data_pipelines.video.opening import open_video
from fact_jax.app.kinds.base import ExtractConfig
from fact_jax.app.runs import extraction, representation_extraction
from fact_jax.benchmark import memory
from fact_jax.benchmark.clocks import CLOCKS
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.training.logging.writers import Console

_HELD_BYTES = 2**28  # of frames of which the network alone is run, over and over


class Extracting:
    """Extracts one video file with the network of a task, and runs the network alone."""

    def __init__(self, config, task, params, state, path: Path):
        devices = device_layout.choose(config.eval.batch_size)
        options = {"step": 1, "checksum": "", "devices": devices, "say": _quiet, "state": state}
        record = {"config": config.to_dict(), "derived": {}}
        predictor = RepresentationPredictor(task, params, record=record, **options)
        told = ExtractConfig(input=(str(path),), output="")
        self._extractor = representation_extraction.open_extractor(predictor, config, path.parent, told, devices)
        self._path, self._held = path, []

    def whole(self) -> dict[str, float]:
        """Seconds by clock of an extraction from nothing to the file, and the MiB that it took at most."""
        output = self._path.parent / "extracted"
        shutil.rmtree(output, ignore_errors=True)
        console = Console()
        console.say = _quiet
        memory.reset_peak()
        begin = _moments()
        with StopRequest(_quiet) as stop:
            extraction.extract(self._extractor, [str(self._path)], output, overwrite=False, console=console, stop=stop)
        return _since(begin) | {"MiB": memory.peak() / 2**20}

    def network(self) -> dict[str, float]:
        """Seconds by clock of the network alone on as many frames, without a pause."""
        plan = self._plan()
        if not self._held:
            for _, array in read_steps(plan, self._extractor.pixels, range(plan.num_steps)):
                self._held.append(array)
                if sum(held.nbytes for held in self._held) > _HELD_BYTES:
                    break
        begin, running = _moments(), None
        for step in range(plan.num_steps):
            # The last step may have fewer frames; its program is the same.
            started = self._extractor.start(plan, step, self._held[step % len(self._held)])
            if running is not None:
                self._extractor.fetch(running)
            running = started
        self._extractor.fetch(running)
        return _since(begin)

    def reading(self) -> dict[str, float]:
        """Seconds by clock of decoding and pixels alone, in one thread."""
        plan, begin = self._plan(), _moments()
        for _ in read_steps(plan, self._extractor.pixels, range(plan.num_steps)):
            pass
        return _since(begin)

    def indexing(self) -> dict[str, float]:
        """Seconds by clock of the pass that finds the frames of the file."""
        begin = _moments()
        open_video(self._path)
        return _since(begin)

    def rows(self) -> np.ndarray:
        """float32 [N, E], what the last extraction wrote."""
        return np.load(self._path.parent / "extracted" / f"{self._path.stem}.npy")

    def _plan(self) -> Plan:
        return self._extractor.plan(open_video(self._path, index_dir=self._path.parent / "index"))


def _moments():
    return {name: clock() for name, clock in CLOCKS.items()}


def _since(begin):
    return {name: clock() - begin[name] for name, clock in CLOCKS.items()}


def _quiet(text):
    del text
