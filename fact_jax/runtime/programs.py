"""Compiled programs: how many there are, and the one that brings parameters into the form they are multiplied in."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import jax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import host_memory
from fact_jax.runtime.background import Background
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


@dataclasses.dataclass
class _Program:
    """A program that a thread compiles."""

    title: str
    result: Any  # what tells shapes, types and places of it
    compile: Callable[[], None]
    compiled: Future | None = None  # None: it has been waited for


class ProgramCounter:
    """Counts the programs compiled for a step: one for every length bucket, `expected` in all, and few others."""

    def __init__(self, expected: int, say: Callable[[str], None], background: Background | None = None):
        """`background` compiles in threads; given to several counters, programs of one are prepared by all of them."""
        self.expected, self.count = expected, 0
        self.delays = 0  # calls that were held up by a compilation
        self.lengths: list[int] = []  # bucket length of every program that has one, in order of compilation
        self.background = background or Background()
        self._say, self._name, self._place = say, "", ("", "")
        self._seconds: float | None = None
        self._programs: dict[tuple[jax.stages.Wrapped, int | None], _Program] = {}
        self.watch()

    def watch(self, began: Callable[[], None] = _nothing, ended: Callable[[], None] = _nothing) -> None:
        """Has `began` called when a call is held up by a compilation, `ended` before anybody sees its result."""
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

    def later(self, prepare: Callable[[], object]) -> None:
        """Has `prepare`, which calls the method of that name, called while something else is compiled.

        Of several processes each compiles a program when it is called: all of them in the same order.
        """
        if jax.process_count() == 1:
            self.background.later(prepare)

    def prepare(self, function: jax.stages.Wrapped, *args, length: int | None = None):
        """Traces a program, unless that is done, and has a thread compile it; a `call` finds it.

        Takes what `call` takes, or in place of arrays what tells their shapes, types and places
        (`devices.outline`). Returns the same of the result.
        """
        key = function, length
        if key not in self._programs:
            count, start = self.count, time.perf_counter()
            self._put(length)
            lowered = function.lower(*args)
            is_new, tracing = self.count > count, time.perf_counter() - start
            name, (bucket, number) = self._name, self._place

            def compile_it():
                start = time.perf_counter()
                lowered.compile()
                if is_new:
                    self._tell(name, bucket, number, tracing + time.perf_counter() - start)

            if is_new and length is not None:
                self.lengths.append(length)
            title = f"{name if is_new else 'program'}{bucket}"
            compiled = self.background.compile(compile_it)
            self._programs[key] = _Program(title, lowered.out_info, compile_it, compiled)
        return self._programs[key].result

    def call(
        self,
        function: jax.stages.Wrapped,
        *args,
        length: int | None = None,
        beside: Callable[[Any], object] | None = None,
    ):
        """Calls `function`, and says how long it took if that compiled a program, which `traced` noted.

        Args:
          function, args: one of `devices.parallel`, and what it is given.
          length: the padded one of the batch among the arguments; None if the program knows no buckets.
          beside: prepares another program meanwhile. It gets what tells shapes and types of the result.
        """
        count, delays, start = self.count, self.delays, time.perf_counter()
        try:
            if jax.process_count() == 1 and (beside is not None or self.background.has_more):
                result = self.prepare(function, *args, length=length)
                if beside is not None:
                    beside(result)
            self._wait(function, length, is_new=self.count > count)
            prepared = self.count
            self._put(length)
            result = function(*args)
        finally:
            if self.count > count or self.delays > delays:
                self.delays = delays + 1
                self._ended()
        host_memory.give_back_excess()
        if self.count > prepared:
            if length is not None:
                self.lengths.append(length)
            self._tell(self._name, *self._place, time.perf_counter() - start)
        return result

    def _wait(self, function, length, *, is_new):
        """Waits until a program that was prepared is compiled; says so unless that `is_new`."""
        program = self._programs.get((function, length))
        if program is None or program.compiled is None:
            return
        if program.compiled.cancelled():  # by `Background.forget`
            program.compiled = self.background.compile(program.compile)
        if not program.compiled.done():
            self.delays += 1
            self._began()
            if not is_new:
                self._say(f"waiting for the {program.title} ...")
        try:
            self.background.wait(program.compiled)
        except BaseException:
            del self._programs[function, length]
            raise
        program.compile, program.compiled = _nothing, None

    def _put(self, length):
        """Notes what lines say of a program with this length."""
        self._place = ("", "")
        if length is not None:
            number = len(self.lengths) + 1
            self._place = (f" for bucket T={length}", f"program {number} of {max(number, self.expected)}")

    def _tell(self, name, bucket, number, seconds):
        host_memory.give_back()
        self._seconds = seconds
        self._say(f"compiled {name}{bucket} in {seconds:.1f} s{f' ({number})' if number else ''}")


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
        return self._weights(params, self._programs.call)

    def prepare(self, params):
        """Has the program compiled, see `ProgramCounter.prepare`; returns what tells shapes of the weights.

        `params` need not be arrays, see `devices.outline`.
        """
        return self._weights(params, self._programs.prepare)

    def _weights(self, params, run):
        self._find_sources(params)
        computed = iter(run(self._program, params) if None in self._sources else ())
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
