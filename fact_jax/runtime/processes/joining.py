"""Connects the processes of a run by `jax.distributed`, with a message for whatever is missing."""

import contextlib
import dataclasses
import functools
import os
import socket
import sys
import time
from collections.abc import Callable

import jax
from jax._src import distributed

from fact_jax.runtime.processes import cpp_errors
from fact_jax.types import UserError

JOIN_SEC = 120  # for the processes of a run to find one another
# What JAX waits for a sign of life of a process; the watchdog waits less, and does not depend on the network alone.
HEARTBEAT_SEC = 45
SHUTDOWN_SEC = 60
_SAY_AFTER_SEC = 5.0
_LOOK_SEC = 6.0
# What JAX's client throws where it means to tell of a process that is lost, see `_telling`.
BAD_CAST = b"St8bad_cast"
# What the collectives of CPUs throw, in a thread of theirs, at messages that make no sense: those of processes that
# have noticed at different steps that one of them is gone.
GLOO_ERRORS = (
    b"N4gloo13EnforceNotMetE",
    b"N4gloo11IoExceptionE",
    b"N4gloo16TimeoutExceptionE",
    b"N4gloo25InvalidOperationExceptionE",
)


@dataclasses.dataclass(frozen=True)
class Launch:
    """Which of the processes of a run this is; without the three, the scheduler knows (SLURM, Open MPI, a cloud TPU).

    Attributes:
      coordinator_address: "HOST:PORT" of process 0.
      num_processes: how many there are.
      process_id: number of this one, from 0.
    """

    coordinator_address: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def connect(launch: Launch, told: Callable) -> tuple[int, int, object]:
    """Connects this process with the others.

    Args:
      launch: see there.
      told: called with a status when the coordinator or a process is lost later.

    Returns:
      (number of this process, number of processes, client of the coordination service).

    Raises:
      UserError: they do not find one another in JOIN_SEC seconds, or there is no scheduler to ask.
    """
    if launch.process_id:
        wait_for_coordinator(launch.coordinator_address, JOIN_SEC)
    # A handler of SIGTERM that is not ours, see `agreement`.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        with _telling(told):
            jax.distributed.initialize(
                launch.coordinator_address,
                launch.num_processes,
                launch.process_id,
                initialization_timeout=JOIN_SEC,
                heartbeat_timeout_seconds=HEARTBEAT_SEC,
                shutdown_timeout_seconds=SHUTDOWN_SEC,
            )
    except (RuntimeError, ValueError) as error:
        raise UserError(explain(launch, f"{error} {_status()}")) from error
    state = distributed.global_state
    return state.process_id, state.num_processes, state.client


def wait_for_coordinator(address: str, seconds: float) -> None:
    """Returns as soon as something listens at "HOST:PORT".

    Raises:
      UserError: nothing does so within `seconds`.
    """
    host, _, port = address.rpartition(":")
    start, said = time.monotonic(), False
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=max(1.0, min(5.0, seconds))):
                return
        except OSError as error:
            reason = error.strerror or str(error)
        waited = time.monotonic() - start
        if waited >= seconds:
            raise UserError(
                f"the coordinator {address} cannot be reached ({reason}) after {waited:.0f} seconds. It is part of "
                "process 0: start that one too, with the same --coordinator_address, and see that its port is open."
            )
        if waited >= _SAY_AFTER_SEC and not said:
            said = True
            print(f"waiting for process 0 at {address} ({reason}), up to {seconds:.0f} seconds", file=sys.stderr)
        time.sleep(min(0.5, seconds))


@contextlib.contextmanager
def _telling(told):
    """Has the client that JAX makes in the block call `told` where it would abort the process, with a dump.

    It means to call a function with the status, and fails where the status has no form in Python: with an error that
    nobody catches. That will do.
    """
    make = distributed._jax.get_distributed_runtime_client
    if cpp_errors.on_uncaught((BAD_CAST, *GLOO_ERRORS), lambda: told(_look_for_coordinator())):
        distributed._jax.get_distributed_runtime_client = functools.partial(make, missed_heartbeat_callback=told)
    try:
        yield
    finally:
        distributed._jax.get_distributed_runtime_client = make


def _look_for_coordinator():
    """Says in the words of JAX whether the coordinator is gone; "" if it is there, and somebody else is not."""
    end = time.monotonic() + _LOOK_SEC
    while time.monotonic() < end:  # the system takes a moment to close what a process that dies has open
        try:
            wait_for_coordinator(distributed.global_state.coordinator_address, 0.0)
        except UserError:
            return "UNAVAILABLE: coordination service"
        time.sleep(0.5)
    return ""


def _status():
    """What the client has to say about a connection that failed; it says so only when asked to end it."""
    if distributed.global_state.client is None:
        return ""
    try:
        with _silent():
            distributed.global_state.client.shutdown()
    except jax.errors.JaxRuntimeError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def _silent():
    """Keeps what C++ prints about errors from the error output."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def explain(launch: Launch, text: str) -> str:
    """Returns in words why processes did not come together.

    Args:
      launch: of this process.
      text: what JAX says.
    """
    count, index, address = launch.num_processes, launch.process_id, launch.coordinator_address
    if address is None and "should be defined" in text or "must be defined" in text:
        return (
            "--distributed: no scheduler tells of the processes of this run. SLURM (srun), Open MPI and cloud TPUs do; "
            "anywhere else give --coordinator_address, --num_processes and --process_id."
        )
    if "start RPC server" in text:
        return f"the coordinator cannot listen at {address}: its port is in use. Choose another port, in all processes."
    if "ALREADY_EXISTS" in text or "newer incarnation" in text or "different incarnation" in text:
        return f"two processes have --process_id {index}. Give each its own, from 0 to --num_processes - 1."
    if "Unexpected task" in text:
        return f"process 0 was not started with --num_processes {count}, but with fewer, as process {index} is unknown to it."
    if "DEADLINE_EXCEEDED" in text:
        return (
            f"the {count or ''} processes of the run did not come together at {address or 'the coordinator'} within "
            f"{JOIN_SEC} seconds. Start all of them, with the same --num_processes and each with a --process_id of its own."
        )
    return f"the processes of the run cannot be connected: {text.strip().splitlines()[0]}"
