"""Reads the steps of videos ahead of the network, in threads, with a limit on what is in memory.

Decoding and resizing let other threads run. The steps of a video are cut into spans, each read by one thread in one
pass; the next videos are begun while the one before is computed. What is held does not depend on how long videos are.
"""

import dataclasses
import itertools
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from data_pipelines.extraction.pixels import FramePixels
from data_pipelines.extraction.plans import Plan

_READ_AT_ONCE = 16  # frames in the size of the video that are held
_SPAN_FRAMES = 2000  # that a thread reads in one pass: a seek costs up to a group of pictures
_STEPS_AHEAD = 2  # of every span
_LARGE_STEP = 2**28  # bytes, of which one is read ahead
_LOOK = 0.1  # seconds after which a thread that waits looks whether it is still needed


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """One video to be read from step `first` on; `about` is whatever belongs to it.

    `given_up` says that nothing more of it is wanted; whoever knows sets it.
    """

    plan: Plan
    pixels: FramePixels
    first: int = 0
    about: Any = None
    given_up: threading.Event = dataclasses.field(default_factory=threading.Event)


class _Span:
    """Steps of one Reading; `ready` gives (step, array) in order, at last None or the exception that reading raised."""

    def __init__(self, reading: Reading, steps: range):
        self.reading, self.steps = reading, steps
        shape, dtype = reading.pixels.shape(reading.plan.video.size), np.dtype(reading.pixels.dtype)
        size = reading.plan.num_places(steps.start) * int(np.prod(shape)) * dtype.itemsize
        self.ready: queue.Queue = queue.Queue(1 if size > _LARGE_STEP else _STEPS_AHEAD)


class ReadAhead:
    """Iterates over (Reading, step, array [places, ...]) of all steps of all readings, in order; use it in `with`.

    Where a video turns out unreadable, the exception comes in place of an array, and the next one is of the next
    Reading.
    """

    def __init__(self, readings: Iterable[Reading], num_threads: int):
        """`readings` is asked for the next one early, by one thread at a time."""
        self._spans = _spans(readings)
        self._order: queue.Queue = queue.Queue()
        self._asking, self._stop, self._exhausted = threading.Lock(), threading.Event(), False
        self._free = threading.Semaphore(num_threads + 1)  # of spans that may be begun and not used up
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(num_threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        for _ in self._threads:
            self._free.release()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[tuple[Reading, int, Any]]:
        while (span := self._order.get()) is not None:
            if isinstance(span, BaseException):
                raise span
            reading = span.reading
            while (found := span.ready.get()) is not None:
                if isinstance(found, Exception):
                    if not reading.given_up.is_set():
                        reading.given_up.set()
                        yield reading, span.steps.start, found
                    break
                if not reading.given_up.is_set():
                    yield (reading, *found)
            self._free.release()

    def _work(self):
        while True:
            self._free.acquire()
            with self._asking:
                span = self._next()
            if span is None:
                self._free.release()  # for the other threads, which then find the same
                return
            self._fill(span)

    def _next(self):
        """The next span, or None; what is in order for the one who iterates, too."""
        if self._stop.is_set() or self._exhausted:
            return None
        try:
            span = next(self._spans, None)
        except BaseException as error:  # raised again where the steps are asked for
            self._exhausted = True
            self._order.put(error)
            return None
        self._exhausted = span is None
        self._order.put(span)
        return span

    def _fill(self, span):
        """Reads a span; puts its steps where they are waited for."""
        reading = span.reading
        try:
            for found in read_steps(reading.plan, reading.pixels, span.steps):
                self._put(span, found)
                if self._stop.is_set() or reading.given_up.is_set():
                    break
            self._put(span, None)
        except Exception as error:  # told where the steps are asked for
            self._put(span, error)

    def _put(self, span, value):
        while not self._stop.is_set():
            try:
                return span.ready.put(value, timeout=_LOOK)
            except queue.Full:
                continue
        return None


def _spans(readings):
    """Generator of the spans of all readings."""
    for reading in readings:
        plan, step = reading.plan, reading.first
        per_step = max(1, plan.num_places(min(step, plan.num_steps - 1)))
        can_seek = getattr(getattr(plan.video, "index", None), "can_seek", True)
        at_once = max(1, _SPAN_FRAMES // per_step) if can_seek else plan.num_steps
        while step < plan.num_steps and not reading.given_up.is_set():
            yield _Span(reading, range(step, min(step + at_once, plan.num_steps)))
            step += at_once


def read_steps(plan: Plan, pixels: FramePixels, steps: range) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (step, array [places, ...]) of some steps in order, of one pass over the video."""
    numbers = np.unique(np.concatenate([plan.read(step)[0] for step in steps]))
    decoded = itertools.chain.from_iterable(plan.video.batches(numbers, _READ_AT_ONCE))
    coming = zip(numbers.tolist(), decoded, strict=True)
    shape, last = pixels.shape(plan.video.size), -1
    held: dict[int, np.ndarray] = {}  # of frames that later steps need as well
    for step in steps:
        wanted, places = plan.read(step)
        array = np.zeros((plan.num_places(step), *shape), pixels.dtype)
        order = np.argsort(wanted, kind="stable")
        distinct, first = np.unique(wanted[order], return_index=True)
        own = dict(zip(distinct.tolist(), np.split(places[order], first[1:]), strict=True))
        later = int(plan.read(step + 1)[0].min()) if step + 1 < steps.stop else None
        for number, known in held.items():
            if number in own:
                array[own[number]] = known
        while last < distinct[-1]:
            last, frame = next(coming)
            here = own.get(last)
            target = array[here[0]] if here is not None else np.empty(shape, pixels.dtype)
            pixels.write(frame, target)
            if here is not None and len(here) > 1:
                array[here[1:]] = target
            if later is not None and last >= later:
                held[last] = target.copy() if here is not None else target
        held = {} if later is None else {number: known for number, known in held.items() if number >= later}
        yield step, array
