"""The processes of a run: how they find one another, tell one another things, and end together.

One process is the ordinary case, and costs nothing here. Several are started by hand or by a scheduler, with the same
command; `jax.distributed` connects them. Process 0 decides, reads and writes for all.

When a process dies, a collective of the others fails at once on CPUs. On accelerators, and for a process that hangs,
JAX's heartbeats end the others after HEARTBEAT_SEC seconds, with a message of its own that names the process. JAX has
no public way to replace that message or its exit code, 134.
"""

import contextlib
import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from orbax.checkpoint import multihost

from fact_jax import run_record
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import host_memory
from fact_jax.runtime.processes.agreement import largest
from fact_jax.runtime.processes.joining import LaunchConfig, connect
from fact_jax.types import UserError

_MAY_DIFFER = tuple(name for name in run_record.NEUTRAL if name != "train.skip_nonfinite")
_DAY_MS = 24 * 3600 * 1000
# What errors of JAX say where another process is the cause.
_LOST_TEXT = re.compile(
    "Gloo|NCCL|heartbeat|coordination|Connection (closed|reset)|^(ABORTED|CANCELLED|DEADLINE_EXCEEDED|UNAVAILABLE): "
)
USER_ERROR, PROGRAM_ERROR, LOST, INTERRUPTED = 2, 1, 3, 130  # exit codes
# The connections of all end with process 0: the others need this time to read what it said last.
LINGER_SEC = 3.0


class Processes:
    """The processes of a run, as one of them sees them: its number and how many there are."""

    def __init__(self, index: int = 0, count: int = 1):
        self.index, self.count = index, count
        self._meetings = 0

    @property
    def is_main(self) -> bool:
        """Whether this is process 0, which alone reads and writes the workdir and prints."""
        return self.index == 0

    def from_main(self, make: Callable[[], Any]) -> Any:
        """Calls `make` in process 0 alone and returns its result, a JSON value, in all; every process has to call it.

        Where it raises a UserError, all do.
        """
        if self.count == 1:
            return make()
        with self.main_first() as told:
            if self.is_main:
                told["value"] = make()
        return told["value"]

    @contextlib.contextmanager
    def main_first(self):
        """Process 0 goes through the `with` block, then the others, all at once; they end with a UserError of it.

        Yields a dict; what process 0 puts there the others find there.
        """
        told: dict[str, Any] = {}
        if not self.is_main:
            told = self._receive({})
            if "error" in told:
                raise UserError(f"process 0 has ended: {told['error']}")
        try:
            yield told
        except UserError as error:
            if self.is_main:
                self._receive({"error": str(error).partition("\n")[0]})
            raise
        if self.is_main:
            self._receive(told)

    def insist_on_equal(self, what: str, record: Mapping[str, Any]) -> None:
        """Compares a record with that of process 0; every process has to call it.

        `multihost_utils.assert_equal` of JAX would not say which settings differ. Those that change no number and no
        program may, see `run_record.NEUTRAL`. Raises UserError if others do in any process; there, it names them.
        """
        if self.count == 1:
            return
        lines = run_record.differences(self.from_main(lambda: record), record, _MAY_DIFFER)
        odd = self._largest(self.index if lines else 0)
        if lines:
            listed = "\n".join(f"  {line}" for line in lines)
            raise UserError(
                f"this process has other {what} than process 0 (there: process 0, now: this one):\n{listed}\n"
                "All processes of a run need the same command, code and data."
            )
        if odd:
            raise UserError(f"process {odd} has ended: it has other {what} than process 0, and lists them.")

    def meet(self) -> None:
        """Waits until every process is here; for as long as it takes, where a collective might give up."""
        if self.count > 1:
            self._meetings += 1
            multihost.get_barrier_sync_fn()(key=f"fact_jax/{self._meetings}", timeout_ms=_DAY_MS)

    def connect(self, devices: Sequence[jax.Device]) -> None:
        """Connects the devices of a run before its first program: processes compile that one at their own pace."""
        for those in (devices, device_layout.one_per_process()) if self.count > 1 else ():
            self.meet()
            device_layout.connect(those)

    def _receive(self, value):
        """The JSON value of process 0, in all processes."""
        if self.count == 1:
            return value
        self.meet()
        devices = device_layout.one_per_process()
        content = np.frombuffer(json.dumps(value).encode(), np.uint8)
        size = device_layout.broadcast(np.int64(content.size), devices, is_source=self.is_main)
        content = content if self.is_main else np.empty(size, np.uint8)
        return json.loads(device_layout.broadcast(content, devices, is_source=self.is_main).tobytes())

    def _largest(self, number):
        return np.asarray(largest(number)).item()


@contextlib.contextmanager
def join(launch: LaunchConfig | None):
    """Connects the processes of a run and yields `Processes`. JAX may not have been asked for devices before.

    Whatever ends the `with` block early ends the process on the spot, with a message: the interpreter's way out would
    wait for the other processes. `launch` is None where this process is the only one.
    """
    if launch is None:
        yield Processes()
        return
    with _Ending(launch.process_id or 0) as ending:
        # The system's own way: Python would not see a signal while JAX waits for the others.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        connect(launch)
        host_memory.keep_between_runs()  # before JAX makes out its devices
        group = Processes(jax.process_index(), jax.process_count())
        ending.index = group.index
        if group.index:
            _close_output()
        yield group
        group.meet()
    with contextlib.suppress(jax.errors.JaxRuntimeError):  # all is done, whatever the others do now
        jax.distributed.shutdown()


def _close_output():
    """Leaves the error output: process 0 prints all the rest, and nobody has to read what the CPU collectives print."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def is_of_others(error: BaseException) -> bool:
    """Whether an error says that the connection to another process is lost."""
    # A collective that fails while its program is being started is raised as a ValueError, with the same text.
    return isinstance(error, jax.errors.JaxRuntimeError | ValueError) and _LOST_TEXT.search(str(error)) is not None


class _Ending:
    """Lets whatever ends the `with` block early end the process."""

    def __init__(self, index: int):
        self.index = index

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            return
        if isinstance(error, UserError):
            self._leave(str(error), USER_ERROR)
        if isinstance(error, KeyboardInterrupt):
            self._leave("interrupted", INTERRUPTED)
        if is_of_others(error):
            self._leave(
                f"the connection to another process is lost ({str(error).partition(chr(10))[0]}): that one has ended, "
                "was killed, or is cut off, and its own output may say why. Start all processes again, as many as you "
                "like, to go on from the last checkpoint.",
                LOST,
            )
        traceback.print_exception(kind, error, trace)
        self._leave(f"{kind.__name__}: {error}", PROGRAM_ERROR)

    def _leave(self, message, code):
        prefix = f"[process {self.index}] " if self.index else ""
        sys.stdout.flush()
        print(f"{prefix}error: {message}", file=sys.stderr, flush=True)
        if self.index == 0:
            time.sleep(LINGER_SEC)
        os._exit(code)
