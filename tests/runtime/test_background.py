"""Programs that are compiled in threads, while others are and while steps run."""

import re
import signal
import threading

import jax
import pytest

from fact_jax.runtime import background
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.background import Background
from fact_jax.training import start, steps
from tests import jobs
from tests.training import toy

LENGTHS = (5, 7, 8)
PATIENCE_SEC = 60


class Patient(Background):
    """No compilation ends before all that was foreseen is traced."""

    def __init__(self):
        super().__init__()
        self.traced = threading.Event()

    def compile(self, function):
        def wait_and_compile():
            assert self.traced.wait(PATIENCE_SEC)
            function()

        return super().compile(wait_and_compile)


class Run:
    """Train and eval steps of the toy task, to which all batches are told before the first one comes."""

    def __init__(self, task=None, cut=None, num_devices=2, mutable=False):
        self.task, config, self.lines = task or toy.ToyTask(mutable=mutable), toy.toy_config(), []
        self.batches, devices = toy.ToyTrainBatches(lengths=LENGTHS, cut=cut), jax.local_devices()[:num_devices]
        first = next(self.batches.iterate(0))[0]
        host_state, optimizer = start.initial_state(self.task, config, first, self.batches.steps_per_epoch)
        self.background = Patient()
        self.eval_step = steps.EvalStep(self.task, devices, num_buckets=3, say=self.lines.append)
        self.eval_step.programs.background = self.background
        options = {"num_buckets": 3, "say": self.lines.append, "background": self.background}
        self.train_step = steps.TrainStep(self.task, optimizer, devices, seed=0, **options)
        self.state = device_layout.replicate(host_state, devices)

    def foresee(self):
        self.train_step.foresee(self.state, self.batches.outlines(0, 9))
        evaluated = [toy.make_batch([], rows=4, length=length) for length in LENGTHS]
        self.eval_step.foresee(self.state.params, self.state.state, evaluated)
        self.background.later(self.background.traced.set)

    def train(self, number):
        for _, batches in zip(range(number), self.batches.iterate(0), strict=False):
            self.state, _ = self.train_step(self.state, batches)

    def evaluate(self, length):
        weights = self.eval_step.compose(self.state.params)
        return self.eval_step(weights, self.state.state, toy.make_batch([1, 2], rows=4, length=length))


@pytest.fixture(autouse=True)
def no_time_to_load(monkeypatch):
    monkeypatch.setattr(background, "LOADING_SEC", 0.0)


@pytest.mark.parametrize("num_devices", [1, 2])
@pytest.mark.parametrize("precision", ["highest", "bfloat16"])
@pytest.mark.parametrize("mutable", [False, True])
def test_what_is_foreseen_is_traced_in_the_first_step_and_compiled_once(num_devices, precision, mutable):
    compiled = []

    def note(event, duration, **details):
        if event == "/jax/core/compile/backend_compile_duration" and "_fun" in details.get("fun_name", ""):
            compiled.append(details)

    jax.monitoring.register_event_duration_secs_listener(note)
    with jax.default_matmul_precision(precision):
        run = Run(num_devices=num_devices, mutable=mutable)
        run.foresee()
        run.train(1)
        counts = run.train_step.programs.count, run.eval_step.programs.count
        assert counts == (4, 4)  # the update and the composition are among them
        assert run.train_step.programs.lengths == run.eval_step.programs.lengths == list(LENGTHS)
        run.train(6)
        for length in LENGTHS:
            run.evaluate(length)
    assert (run.train_step.programs.count, run.eval_step.programs.count) == counts
    assert len(compiled) in (0, 8)  # 0: JAX names them otherwise
    begun = [line for line in run.lines if line.startswith("compiling ")]
    assert begun[0] == "compiling train step for bucket T=5 (program 1 of 3) ..."
    ended = [line for line in run.lines if line.startswith("compiled ")]
    assert sorted(line.split(" ...")[0].split(" (")[0].split(" ", 1)[1] for line in begun) == sorted(
        re.fullmatch(r"compiled (.*) in \d+\.\d s( \(program \d of 3\))?", line)[1] for line in ended
    )
    assert any(line.startswith("compiled eval step for bucket T=8") and "(program 3 of 3)" in line for line in ended)


def test_micro_batches_are_foreseen_with_their_composed_weights():
    run = Run(cut=lambda batch: toy.micro_batches(batch, 2))
    run.foresee()
    run.train(1)
    # One for every length, the composition, the update.
    assert (run.train_step.programs.count, run.eval_step.programs.count) == (5, 4)
    run.train(6)
    run.evaluate(7)
    assert (run.train_step.programs.count, run.eval_step.programs.count) == (5, 4)


class Failing(toy.ToyTask):
    """Cannot be trained with nor predict one length."""

    def _fail(self, batch):
        if batch["mask"].shape[-1] == 8:
            raise ValueError("not with eight frames")

    def loss(self, params, state, batch, rng):
        self._fail(batch)
        return super().loss(params, state, batch, rng)

    def predict(self, params, state, batch):
        self._fail(batch)
        return super().predict(params, state, batch)


def test_an_error_of_tracing_comes_where_the_program_is_used():
    run = Run(Failing())
    run.foresee()
    run.train(2)
    run.evaluate(7)
    with pytest.raises(ValueError, match="not with eight frames"):
        run.train(3)
    with pytest.raises(ValueError, match="not with eight frames"):
        run.evaluate(8)


def test_an_error_of_a_compilation_comes_where_the_program_is_used(monkeypatch):
    run, compile_it = Run(), jax.stages.Lowered.compile

    def fail(lowered, *args):
        # Of the programs for eight frames alone.
        if re.search(r"tensor<\dx\dx8x", lowered.as_text()):
            raise RuntimeError("no memory to compile it")
        return compile_it(lowered, *args)

    monkeypatch.setattr(jax.stages.Lowered, "compile", fail)
    run.foresee()
    run.train(2)
    run.evaluate(7)
    for use in (lambda: run.train(3), lambda: run.evaluate(8)):
        with pytest.raises(RuntimeError, match="no memory to compile it"):
            use()
    assert not any(line.startswith("compiled") and "T=8" in line for line in run.lines)
    monkeypatch.undo()
    run.evaluate(8)


def test_what_has_not_begun_can_be_left_out():
    run = Run()
    run.foresee()
    run.background.traced.set()
    run.background.forget()
    run.train(1)
    assert (run.train_step.programs.count, run.eval_step.programs.count) == (2, 0)


def test_what_was_left_out_is_compiled_when_it_is_used_all_the_same():
    run = Run()
    run.foresee()
    run.train(1)
    run.background.forget()  # by then some are compiled, others are not
    run.train(6)
    for length in LENGTHS:
        run.evaluate(length)
    assert (run.train_step.programs.count, run.eval_step.programs.count) == (4, 4)
    assert sum(line.startswith("compiled ") for line in run.lines) == 8


# The third program, in a thread, takes for ever: it waits in a function of the system, as a compilation does. The run
# gets a signal in its third step, or waits for that program in its first evaluation.
ENDLESS = """
import ctypes, itertools, os, signal, sys, threading
import jax
from fact_jax.runtime import background
from fact_jax.runtime.signals import StopRequest
from fact_jax.training import loop
from fact_jax.training.logging import writers
from tests.training import toy

background.LOADING_SEC = 0.0
numbers, begun = itertools.count(), threading.Event()
compile_it = background.Background.compile

def compile(self, function):
    def endless():
        begun.set()
        ctypes.CDLL(None).sleep(600)
    number = next(numbers)
    if number >= 2:
        return compile_it(self, endless)
    return compile_it(self, lambda: (begun.wait(60), function()) if number == 0 else function())

background.Background.compile = compile

def interrupt(step):
    if step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGINT)
        while not stop.requested:
            pass

with StopRequest() as stop:
    places = {"devices": jax.local_devices()[:1], "console": writers.Console()}
    batches = {"train_batches": toy.ToyTrainBatches(lengths=(6,), hook=interrupt), "stop": stop}
    loop.train(toy.setup_of(sys.argv[1], toy.ToyTask(), toy.toy_config(), **places, **batches))
sys.exit(background.leave(stop.exit_code))
"""


@pytest.mark.parametrize("where", ["step", "evaluation"])
def test_a_signal_ends_a_run_at_once_while_a_thread_compiles(where, tmp_path):
    process = jobs.run_code(ENDLESS, tmp_path, 2 if where == "step" else -1)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("waiting for "):
            process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SEC) == 130, lines
    step = 2 if where == "step" else 5
    assert f"stopped by Ctrl-C after step {step} of 12; everything is saved" in lines[-1]
    assert "Traceback" not in "".join(lines)
