"""Compiled programs: how many there are, and the one that brings parameters into the form they are multiplied in."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import host_memory
from fact_jax.tasks.base import Task

_one_run = False  # whether this process makes one run and ends


def serve_one_run() -> None:
    """Says that this process makes one run, whose start compiles nothing that is of use later."""
    global _one_run
    _one_run = True


def forget_start() -> None:
    """Gives back the programs that drew the first parameters, where `serve_one_run` was called.

    A program of one operation takes 2 MB (jaxlib 0.10.2); those of a ResNet-50 are 58.
    """
    if _one_run:
        jax.clear_caches()


def _nothing() -> None:
    """What a compilation is accompanied by, where nobody wants to know."""


class ProgramCounter:
    """Counts the programs compiled for a step: one for every length bucket, `expected` in all, and few others."""

    def __init__(self, expected: int, say: Callable[[str], None]):
        self.expected, self.count = expected, 0
        self.lengths: list[int] = []  # bucket length of every program that has one, in order of compilation
        self._say, self._name, self._place = say, "", ("", "")
        self._seconds: float | None = None
        self.watch()

    def watch(self, began: Callable[[], None] = _nothing, ended: Callable[[], None] = _nothing) -> None:
        """Has `began` called before each compilation, `ended` after it and before anybody sees the first result."""
        self._began, self._ended = began, ended

    def traced(self, name: str) -> None:
        """Notes and tells of a new program. Called from a function's Python body, which runs once per compilation."""
        self.count += 1
        self._name = name
        bucket, number = self._place
        before = "" if self._seconds is None else f"the last took {self._seconds:.1f} s"
        notes = "; ".join(filter(None, (number, before)))
        self._began()
        self._say(f"compiling {name}{bucket}{f' ({notes})' if notes else ''} ...")

    def call(self, function: Callable, *args, length: int | None = None, beside: Callable[[Any], None] | None = None):
        """Calls `function`, and says how long it took if that compiled a program, which `traced` noted.

        Args:
          function, args: one of `devices.parallel`, and what it is given.
          length: the padded one of the batch among the arguments; None if the program knows no buckets.
          beside: compiles another program meanwhile. It gets what tells shapes and types of the result.
        """
        count, start = self.count, time.perf_counter()
        self._place = ("", "")
        if length is not None:
            number = len(self.lengths) + 1
            self._place = (f" for bucket T={length}", f"program {number} of {max(number, self.expected)}")
        try:
            if beside is not None and jax.process_count() == 1:
                self._compile_both(function, args, beside)
            result = function(*args)
        finally:
            if self.count > count:
                self._ended()
        host_memory.give_back_excess()
        if self.count > count:
            self._seconds = time.perf_counter() - start
            bucket, number = self._place
            if length is not None:
                self.lengths.append(length)
            self._say(f"compiled {self._name}{bucket} in {self._seconds:.1f} s{f' ({number})' if number else ''}")
        return result

    def _compile_both(self, function, args, beside):
        """Compiles two programs at a time: much of a compilation runs on one core."""
        lowered = function.lower(*args)
        place, name, start = self._place, self._name, time.perf_counter()
        # What goes wrong there does so again, and is raised, when the program is called.
        with _InThread(lowered.compile):
            self._place = ("", "")
            count = self.count
            beside(lowered.out_info)
            if self.count > count:
                self._say(f"compiled {self._name} in {time.perf_counter() - start:.1f} s")
        self._place, self._name = place, name


class _InThread:
    """Runs a function in a thread for the time of a `with` block, whose end waits for it."""

    def __init__(self, function: Callable):
        self._thread = threading.Thread(target=self._run, args=(function,), name="compilation")

    @staticmethod
    def _run(function):
        with contextlib.suppress(Exception):
            function()

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *exception):
        self._thread.join()


class Composition:
    """`Task.compose` for weights that serve many batches, as a compiled program of its own.

    Parameters that the task leaves as they are go through without a copy, so a task that composes nothing has no
    program here.
    """

    def __init__(self, task: Task, devices: Sequence[jax.Device], programs: ProgramCounter):
        self._task, self._programs = task, programs
        self._program = device_layout.parallel(self._composed, devices)
        self._structure = None
        self._sources: list[int | None] = []  # of every weight: the parameter that it is, None if it is computed

    def scales(self, params, scales):
        """A tree like the weights: the scale of the parameter that a weight is; 1 for one that is computed.

        `params`: replicated parameters, `scales`: a tree of floats like them.
        """
        self._find_sources(params)
        known = jax.tree.leaves(scales)
        return jax.tree.unflatten(self._structure, [1.0 if s is None else known[s] for s in self._sources])

    def _find_sources(self, params):
        if self._structure is None:
            shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), params)
            jax.eval_shape(self._note_sources, shapes)

    def __call__(self, params):
        """Returns the weights of replicated parameters, replicated. They share memory with the parameters."""
        self._find_sources(params)
        computed = iter(self._programs.call(self._program, params) if None in self._sources else ())
        leaves = jax.tree.leaves(params)
        weights = [next(computed) if source is None else leaves[source] for source in self._sources]
        return jax.tree.unflatten(self._structure, weights)

    def _note_sources(self, params):
        places = {id(leaf): index for index, leaf in enumerate(jax.tree.leaves(params))}
        weights, self._structure = jax.tree.flatten(self._task.compose(params, None))
        self._sources = [places.get(id(weight)) for weight in weights]

    def _composed(self, params):
        self._programs.traced("composition of weights")
        weights = jax.tree.leaves(self._task.compose(params, None))
        return [weight for weight, source in zip(weights, self._sources, strict=True) if source is None]
