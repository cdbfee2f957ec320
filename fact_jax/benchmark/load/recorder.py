"""Memory of this process over the videos it has gone through, sampled in the background."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fact_jax.training.logging import writers

# How the training loop notes that it evaluates.
_EVALUATED = "evaluation batch "


class Sample(NamedTuple):
    """Memory at one moment.

    Attributes:
      seconds: since the recorder started.
      phase: "train", "evaluate", "predict" or "other": before them, and while results are written.
      number: of the pass; passes of a phase count from 0.
      videos: gone through so far, in all phases together.
      resident: bytes of physical memory.
      own: of these, bytes that belong to no file.
    """

    seconds: float
    phase: str
    number: int
    videos: int
    resident: int
    own: int


def read_memory() -> tuple[int, int]:
    """(resident, own) bytes of this process, as in `Sample`; Linux only."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(1024 * int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))


class RecordingConsole(writers.Console):
    """A console that knows from the progress of a run how many videos it has gone through.

    Attributes:
      phase, number, videos: as in `Sample`.
      watch: called after every step.
    """

    def __init__(self, batch_sizes: dict[str, int], stream=None):
        """Args: `batch_sizes`, videos of a step of every phase; `stream`, where lines go."""
        super().__init__(stream)
        self.phase, self.number, self.videos = "other", 0, 0
        self.watch: Callable[[], None] = lambda: None
        self._sizes, self._passes = batch_sizes, {}
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
        self.videos += (done - self._last) * self._sizes[self.phase]
        self._last = done
        self.watch()

    def _enter(self, phase, done):
        self.phase, self._last = phase, done
        self._passes[phase] = self.number = self._passes.get(phase, -1) + 1


class Recorder:
    """Samples memory while used in a `with` block: in a thread, and after every step, however short it is.

    Attributes:
      samples: list of Sample, in order of time.
    """

    def __init__(self, console: RecordingConsole, interval: float):
        self.samples: list[Sample] = []
        self._console, self._interval = console, interval
        self._done, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._start = time.perf_counter()
        self._thread.start()
        self._console.watch = self._sample
        return self

    def __exit__(self, *exception):
        self._done.set()
        self._thread.join()

    def _run(self):
        self._sample()
        while not self._done.wait(self._interval):
            self._sample()

    def _sample(self):
        console = self._console
        with self._lock:
            where = console.phase, console.number, console.videos
            self.samples.append(Sample(time.perf_counter() - self._start, *where, *read_memory()))
