"""Compiled programs: how many there are, and the one that brings parameters into the form they are multiplied in."""

import time
from collections.abc import Callable, Sequence

import jax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import host_memory
from fact_jax.tasks.base import Task


class ProgramCounter:
    """Counts the programs compiled for a step: one for every length bucket, `expected` in all, and few others."""

    def __init__(self, expected: int, say: Callable[[str], None]):
        self.expected, self.count = expected, 0
        self.lengths: list[int] = []  # bucket length of every program that has one, in order of compilation
        self._say, self._name = say, ""

    def traced(self, name: str) -> None:
        """Notes a new program. Called from inside a function's Python body, which runs once per compilation."""
        self.count += 1
        self._name = name

    def call(self, function: Callable, *args, length: int | None = None):
        """Calls `function`, and says how long it took if that compiled a program, which `traced` noted.

        `length` is the padded one of the batch among the arguments; None if the program knows no buckets.
        """
        count, start = self.count, time.perf_counter()
        result = function(*args)
        host_memory.give_back_excess()
        if self.count > count:
            bucket = place = ""
            if length is not None:
                self.lengths.append(length)
                bucket = f" for bucket T={length}"
                place = f" (program {len(self.lengths)} of {self.expected})"
            self._say(f"compiled {self._name}{bucket} in {time.perf_counter() - start:.1f} s{place}")
        return result


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

    def __call__(self, params):
        """Returns the weights of replicated parameters, replicated. They share memory with the parameters."""
        if self._structure is None:
            shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), params)
            jax.eval_shape(self._note_sources, shapes)
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
