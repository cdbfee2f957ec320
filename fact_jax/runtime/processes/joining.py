"""Connects the processes of a run by `jax.distributed`, with a message for whatever is missing.

Where a process does not come, two have one number or the port is in use, JAX aborts with a dump. So the processes meet
once before, at the port on which process 0 will be JAX's coordinator.
"""

import contextlib
import dataclasses
import socket
import sys
import time

import jax

from fact_jax.types import UserError

JOIN_SEC = 120  # for the processes of a run to find one another
HEARTBEAT_SEC = 30  # without a sign of life JAX takes a process for dead, and ends the others
SHUTDOWN_SEC = 60
_SAY_AFTER_SEC = 5.0
_TALK_SEC = 5.0  # for a process that is there to say its number
_GO, _ERROR = b"go", b"error: "


@dataclasses.dataclass(frozen=True)
class LaunchConfig:
    """Which of the processes of a run this is; without the three, the scheduler knows (SLURM, Open MPI, a cloud TPU).

    `coordinator_address` is "HOST:PORT" of process 0, `process_id` counts from 0.
    """

    coordinator_address: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def connect(launch: LaunchConfig) -> None:
    """Connects this process with the others.

    Raises UserError where they do not find one another in JOIN_SEC seconds, or there is no scheduler to ask.
    """
    if launch.coordinator_address is not None:
        call_roll(launch, JOIN_SEC)
    # A handler of SIGTERM that is not ours, see `agreement`.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            *dataclasses.astuple(launch),
            initialization_timeout=JOIN_SEC,
            heartbeat_timeout_seconds=HEARTBEAT_SEC,
            shutdown_timeout_seconds=SHUTDOWN_SEC,
        )
    except (RuntimeError, ValueError) as error:
        if "be defined" not in str(error):
            raise UserError(f"the processes of the run cannot be connected: {str(error).splitlines()[0]}") from error
        raise UserError(
            "--distributed: no scheduler tells of the processes of this run. SLURM (srun), Open MPI and cloud TPUs do; "
            "anywhere else give --coordinator_address, --num_processes and --process_id."
        ) from error


def call_roll(launch: LaunchConfig, seconds: float) -> None:
    """Returns in all processes as soon as all are there.

    Raises UserError where they are not in so many seconds, or their numbers do not go together.
    """
    if launch.process_id:
        _answer(launch, seconds)
        return
    expected = launch.num_processes or 1
    with contextlib.ExitStack() as connections:
        server = connections.enter_context(_listen(launch.coordinator_address))
        others: dict[int, socket.socket] = {}
        problem = ""
        end = time.monotonic() + seconds
        while not problem and len(others) + 1 < expected:
            if time.monotonic() >= end:
                absent = ", ".join(str(i) for i in range(1, expected) if i not in others)
                problem = (
                    f"of the {expected} processes of the run, these did not come to "
                    f"{launch.coordinator_address} within {seconds:.0f} seconds: {absent}. Start all of them, with the "
                    "same --num_processes and each with a --process_id of its own."
                )
                break
            server.settimeout(max(0.01, end - time.monotonic()))
            with contextlib.suppress(OSError, ValueError):  # nobody came, or somebody who is none of them
                connection = connections.enter_context(server.accept()[0])
                connection.settimeout(_TALK_SEC)
                index, count = map(int, connection.recv(64).split())
                problem = _disagreement(launch, others, index, count)
                others[-1 if problem else index] = connection
        for connection in others.values():
            with contextlib.suppress(OSError):  # one that has ended meanwhile: JAX will miss it
                connection.sendall(_ERROR + problem.encode() if problem else _GO)
    if problem:
        raise UserError(problem)


def _listen(address):
    place = ("", int(address.rpartition(":")[2]))
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(place, family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(place)
    except OSError as error:
        raise UserError(
            f"the coordinator cannot listen at {address} ({error.strerror}). Choose another port, in all processes."
        ) from error


def _disagreement(launch, others, index, count):
    """What is wrong with a process that has come, "" for nothing."""
    if count != launch.num_processes:
        return (
            f"--num_processes is {count} in process {index} and {launch.num_processes} in process 0. Give all the same."
        )
    if index in others:
        return f"two processes have --process_id {index}. Give each its own, from 0 to --num_processes - 1."
    return ""


def _answer(launch, seconds):
    """Says in process 0 that this one is there, and waits until all are."""
    with _reach(launch.coordinator_address, seconds) as connection:
        connection.settimeout(seconds + 2 * _TALK_SEC)
        reply = b""
        with contextlib.suppress(OSError):
            connection.sendall(f"{launch.process_id} {launch.num_processes}".encode())
            reply = connection.recv(4096)
    if reply.startswith(_ERROR):
        raise UserError(reply.removeprefix(_ERROR).decode())
    if reply != _GO:
        raise UserError(
            f"process 0 of the run has ended, or is not the one that listens at {launch.coordinator_address}."
        )


def _reach(address, seconds):
    """Returns a connection to "HOST:PORT" as soon as something listens there."""
    host, _, port = address.rpartition(":")
    start, said = time.monotonic(), False
    while True:
        try:
            return socket.create_connection((host.strip("[]"), int(port)), timeout=max(1.0, min(5.0, seconds)))
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
