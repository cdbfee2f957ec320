"""The processes of a run: how they find one another, tell one another things, and end together.

One process is the ordinary case, and costs nothing here. Several are started by hand or by a scheduler, with the same
command; `jax.distributed` connects them. Its coordinator, in process 0, keeps a small store of keys and values that
every process can reach: what all have to know beside the programs goes through it, arrays go from device to device
(see `devices`). Process 0 decides, reads and writes for all.
"""

import contextlib
import json
import os
import re
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from fact_jax import run_record
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes.joining import Launch, connect
from fact_jax.runtime.processes.store import Store
from fact_jax.runtime.processes.watchdog import Watchdog
from fact_jax.types import UserError

_MAY_DIFFER = tuple(name for name in run_record.NEUTRAL if name != "train.skip_nonfinite")
# Codes with which the runtime begins its messages about connections, collectives and devices.
_STATUS = re.compile(
    "(ABORTED|CANCELLED|DATA_LOSS|DEADLINE_EXCEEDED|FAILED_PRECONDITION|INTERNAL|UNAVAILABLE|UNKNOWN): "
)
USER_ERROR, PROGRAM_ERROR, INTERRUPTED = 2, 1, 130  # exit codes


class Processes:
    """The processes of a run, as one of them sees them.

    Attributes:
      index: number of this process.
      count: how many there are.
    """

    def __init__(self, index: int = 0, count: int = 1, store: Store | None = None, watchdog: Watchdog | None = None):
        self.index, self.count = index, count
        self._store, self._watchdog = store, watchdog
        self._messages = 0

    @property
    def is_main(self) -> bool:
        """Whether this is process 0, which alone reads and writes the workdir and prints."""
        return self.index == 0

    def from_main(self, make: Callable[[], Any]) -> Any:
        """Calls `make` in process 0 alone and returns its result, a JSON value, in all; every process has to call it.

        What `make` raises ends process 0, and with it the others, which wait here.
        """
        if self.count == 1:
            return make()
        key = self._next_key()
        if self.is_main:
            self._store.set(key, json.dumps(make()))
        return json.loads(self._store.wait_for(key))

    @contextlib.contextmanager
    def main_first(self):
        """Process 0 goes through the `with` block, then the others, all at once."""
        if not self.is_main:
            self.from_main(dict)
        yield
        if self.is_main:
            self.from_main(dict)

    def insist_on_equal(self, what: str, record: Mapping[str, Any]) -> None:
        """Compares a record with that of process 0; every process has to call it.

        Args:
          what: the record is called in a message.
          record: JSON values; settings that change no number and no program may differ, see `run_record.NEUTRAL`.

        Raises:
          UserError: they differ; names everything that does.
        """
        if self.count == 1:
            return
        lines = run_record.differences(self.from_main(lambda: record), record, _MAY_DIFFER)
        if lines:
            listed = "\n".join(f"  {line}" for line in lines)
            raise UserError(
                f"this process has other {what} than process 0 (there: process 0, now: this one):\n{listed}\n"
                "All processes of a run need the same command, code and data."
            )

    def meet(self) -> None:
        """Waits until every process is here, process 0 first of all."""
        if self.count > 1:
            self.from_main(dict)
            self._store.meet(self._next_key())

    def connect(self, devices: Sequence[jax.Device]) -> None:
        """Connects the devices of a run before its first program: processes compile that one at their own pace."""
        for those in (devices, device_layout.one_per_process()) if self.count > 1 else ():
            self.meet()
            device_layout.connect(those)

    def before_leaving(self, finish: Callable[[], None] | None) -> None:
        """Has `finish` called when this process ends because of another one; None: nothing any more."""
        if self._watchdog is not None:
            self._watchdog.finish = finish

    def _next_key(self):
        # All processes send and wait for the same messages in the same order.
        self._messages += 1
        return f"message/{self._messages}"


@contextlib.contextmanager
def join(launch: Launch | None):
    """Connects the processes of a run and yields `Processes`. JAX may not have been asked for devices before.

    Several processes end together: an error in one of them, or its death, ends the others with a message that says
    which and why. The interpreter is then left on the spot, as its way out would wait for the missing one.

    Args:
      launch: None: this process is the only one.
    """
    if launch is None:
        yield Processes()
        return
    watchdog = Watchdog(launch.process_id or 0)
    with _Ending(watchdog):
        # The system's own way: Python would not see a signal while JAX waits for the others.
        _on_signals(lambda code: signal.SIG_DFL)
        index, count, client = connect(launch, watchdog.told)
        if index:
            _close_output()
        store = Store(client)
        watchdog.attach(store, index)
        watchdog.start(introduce(store, index, count))
        # While there is nothing to lose; `SharedStop` takes over from here.
        _on_signals(lambda code: lambda signum, frame: watchdog.leave_with_error("stopped by a signal", code))
        group = Processes(index, count, store, watchdog)
        yield group
        group.meet()
    watchdog.stop()
    with contextlib.suppress(jax.errors.JaxRuntimeError):  # all is done, whatever the others do now
        jax.distributed.shutdown()


def _on_signals(handler_of: Callable[[int], Any]):
    """Installs for SIGTERM and Ctrl-C what `handler_of` gives for the exit code that goes with them."""
    if threading.current_thread() is threading.main_thread():
        for signum, code in ((signal.SIGTERM, 0), (signal.SIGINT, INTERRUPTED)):
            signal.signal(signum, handler_of(code))


def _close_output():
    """Leaves the error output: what this process prints, process 0 prints too, and what the CPU collectives do, nobody."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def introduce(store: Store, index: int, count: int) -> Sequence[str]:
    """Returns what to call every process in messages.

    Raises:
      UserError: process 0 counts other processes.
    """
    store.set(f"count/{index}", str(count))
    store.set(f"name/{index}", f"process {index} ({socket.gethostname()}, pid {os.getpid()})")
    counted = int(store.wait_for("count/0"))
    if counted != count:
        raise UserError(f"--num_processes is {count} here and {counted} in process 0. Give all the same number.")
    return [store.wait_for(f"name/{other}") for other in range(count)]


def is_of_runtime(error: BaseException) -> bool:
    """Whether an error comes from a program or a message of JAX that failed while it ran, and not from Python code."""
    if isinstance(error, jax.errors.JaxRuntimeError):
        return True
    # A collective that fails while its program is being started is raised as a ValueError, with the same text.
    return isinstance(error, ValueError) and _STATUS.match(str(error)) is not None


class _Ending:
    """Lets whatever ends the `with` block early end the process, by way of the watchdog."""

    def __init__(self, watchdog: Watchdog):
        self._watchdog = watchdog

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            return
        if isinstance(error, UserError):
            self._watchdog.leave_with_error(str(error), USER_ERROR)
        if isinstance(error, KeyboardInterrupt):
            self._watchdog.leave_with_error("interrupted", INTERRUPTED)
        if is_of_runtime(error):
            # A collective or a message that failed is, as a rule, the fault of a process that is gone. It takes a
            # while to know that; then the watchdog ends this process.
            self._watchdog.wait_for_verdict()
        traceback.print_exception(kind, error, trace)
        self._watchdog.leave_with_error(f"{kind.__name__}: {error}", PROGRAM_ERROR)
