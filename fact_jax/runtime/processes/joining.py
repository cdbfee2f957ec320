"""Connects the processes of a run by `jax.distributed`, with a message for whatever is missing."""

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


@dataclasses.dataclass(frozen=True)
class LaunchConfig:
    """Which of the processes of a run this is; without the three, the scheduler knows (SLURM, Open MPI, a cloud TPU).

    Attributes:
      coordinator_address: "HOST:PORT" of process 0.
      num_processes: how many there are.
      process_id: number of this one, from 0.
    """

    coordinator_address: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def connect(launch: LaunchConfig) -> None:
    """Connects this process with the others.

    Raises:
      UserError: they do not find one another in JOIN_SEC seconds, or there is no scheduler to ask.
    """
    if launch.process_id:
        wait_for_coordinator(launch.coordinator_address, JOIN_SEC)
    # A handler of SIGTERM that is not ours, see `agreement`.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            launch.coordinator_address,
            launch.num_processes,
            launch.process_id,
            initialization_timeout=JOIN_SEC,
            heartbeat_timeout_seconds=HEARTBEAT_SEC,
            shutdown_timeout_seconds=SHUTDOWN_SEC,
        )
    except (RuntimeError, ValueError) as error:
        raise UserError(explain(launch, str(error))) from error


def wait_for_coordinator(address: str, seconds: float) -> None:
    """Returns as soon as something listens at "HOST:PORT"; JAX itself would only say that time is up.

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


def explain(launch: LaunchConfig, text: str) -> str:
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
