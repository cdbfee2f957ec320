"""Memory of this process over the videos it has gone through, sampled in the background."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

from fact_jax.training.logging import writers

# How the training loop notes that it evaluates.
_EVALUATED = "evaluation batch "


class Sample(NamedTuple):
    """Memory at one moment."""

    seconds: float  # since the recording started
    phase: str  # "train", "evaluate", "predict" or "other": before them, and while results are written
    number: int  # of the pass; passes of a phase count from 0
    videos: int  # gone through so far, in all phases together
    resident: int  # bytes of physical memory
    own: int  # of these, bytes that belong to no file


def read_memory() -> tuple[int, int]:
    """(resident, own) bytes of this process, as in `Sample`; Linux only."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    resident, own = (1024 * int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))
    return resident, own


class RecordingConsole(writers.Console):
    """Knows from the progress of a run how many videos it has gone through; calls `watch` after every step."""

    def __init__(self, batch_size: int, stream=None):
        """Args: `batch_size`, videos of a step of every phase; `stream`, where lines go."""
        super().__init__(stream)
        self.phase, self.number, self.videos = "other", 0, 0
        self.watch: Callable[[], None] = lambda: None
        self._batch_size, self._passes = batch_size, {}
        self._last = self._step = 0
        self._in_training = False

    def begin(self, label, total, done=0, unit="step"):
        super().begin(label, total, done, unit)
        self._enter(label.partition(" ")[0], done)
        self._in_training, self._step = self.phase == "train", done

    def end(self):
        super().end()
        self.phase, self._in_training = "other", False

    def progress(self, done, note=""):
        super().progress(done, note)
        if note.startswith(_EVALUATED):
            if self.phase == "train":
                self._enter("evaluate", 0)
            done = int(note.removeprefix(_EVALUATED))
        elif self._in_training:
            if self.phase == "evaluate":
                self._enter("train", self._step)
            self._step = done
        self.videos += (done - self._last) * self._batch_size
        self._last = done
        self.watch()

    def _enter(self, phase, done):
        self.phase, self._last = phase, done
        self._passes[phase] = self.number = self._passes.get(phase, -1) + 1


@contextlib.contextmanager
def recording(console: RecordingConsole, interval: float) -> Generator[list[Sample], None, None]:
    """Samples memory in the `with` block: in a thread, and after every step, however short it is."""
    samples, done, lock, start = [], threading.Event(), threading.Lock(), time.perf_counter()

    def sample():
        with lock:
            where = console.phase, console.number, console.videos
            samples.append(Sample(time.perf_counter() - start, *where, *read_memory()))

    def run():
        sample()
        while not done.wait(interval):
            sample()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    console.watch = sample
    try:
        yield samples
    finally:
        done.set()
        thread.join()
