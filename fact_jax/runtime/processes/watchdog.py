"""Ends a process of several when another one is gone, with a message that says which.

A collective waits for a process that will never come: for ever, on most accelerators. So a thread of every process
shows every few seconds, in the store that all can read, that it is alive, and looks for those that no longer do.
"""

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import jax

from fact_jax.runtime.processes.store import Store

BEAT_SEC = 2.0
LOST_SEC = 30.0  # without a sign of life
# Where JAX says that something is wrong, and not what: as long without a sign of life tells who it is.
SUSPECT_SEC = 5 * BEAT_SEC
FINISH_SEC = 20.0  # for what is still being written
# The store ends with process 0: the others have to read before that why it does.
LINGER_SEC = 2.5 * BEAT_SEC
LOST = 3  # exit code
RESUME = "Start all processes again, as many as you like, to go on from the last checkpoint."


class Pulses:
    """When every process was last seen to be alive. Times in seconds, of any clock that goes forward."""

    def __init__(self, count: int, now: float):
        self._beats = dict.fromkeys(map(str, range(count)), "")
        self._seen = dict.fromkeys(self._beats, now)
        self._looked = now

    def look(self, beats: Mapping[str, str] | None, now: float) -> list[int]:
        """Returns the processes whose beat has been the same for too long.

        Args:
          beats: the latest beat of every process by its number; None: process 0, which keeps them, does not answer, and
            nothing is known of the others.
          now: the time.
        """
        if now - self._looked > LOST_SEC / 2:
            # It is this process that was not there: a scheduler had suspended it, and probably all.
            self._seen = dict.fromkeys(self._seen, now)
        self._looked = now
        for name, last in self._beats.items():
            if beats is None and name != "0":
                self._seen[name] = now
            elif beats is not None and beats.get(name, last) != last:
                self._beats[name], self._seen[name] = beats[name], now
        return self.silent(now, LOST_SEC)

    def silent(self, now: float, seconds: float) -> list[int]:
        """Returns the processes that had not been seen for `seconds` when they were last looked for."""
        return [int(name) for name, seen in self._seen.items() if now - seen > seconds]


class Watchdog:
    """Watches over the other processes, and is the one way out of this one when something went wrong.

    Attributes:
      finish: called before this process ends because of another one, to complete what is being written; None: nothing.
    """

    def __init__(self, index: int = 0):
        """
        Args:
          index: number of this process, as far as it is known before `start`.
        """
        self.finish: Callable[[], None] | None = None
        self._index = index
        self._store: Store | None = None
        self._names: tuple[str, ...] = ()
        self._pulses = Pulses(0, 0.0)
        self._closing, self._leaving = threading.Event(), threading.RLock()

    def attach(self, store: Store, index: int) -> None:
        """Says where the others can be told why this process ends.

        Args:
          store: of all processes.
          index: number of this process.
        """
        self._store, self._index = store, index

    def start(self, names: Sequence[str]) -> None:
        """Starts to watch.

        Args:
          names: what to call each of the processes, such as "process 1 (node7, pid 4711)".
        """
        self._names = tuple(names)
        self._pulses = Pulses(len(names), time.monotonic())
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Ends the watch: all processes are done."""
        self._closing.set()

    def told(self, status) -> None:
        """Takes what JAX says when it has lost the coordinator or another process, and ends this process."""
        if self._closing.is_set():
            return
        reason = reason_in(str(status), self._names)
        if not str(status).strip():
            silent = self._pulses.silent(time.monotonic(), SUSPECT_SEC)
            if silent:
                reason = self._missing(silent)
            else:
                self.wait_for_verdict()
        self._leave_because_of({"reason": reason, "code": LOST}, publish=False)

    def leave_with_error(self, message: str, code: int) -> None:
        """Prints an error of this process, lets the others know, and ends this process."""
        with self._leaving:
            self._publish({"error": message, "code": code})
            if self._index and self._store is not None and self._main_has(message):
                message = "the same error as in process 0"
            self._end(message, code)

    def wait_for_verdict(self) -> None:
        """Waits as long as it can take to find out that another process is gone, which ends this one."""
        time.sleep(LOST_SEC + 5 * BEAT_SEC)

    def _watch(self):
        number = 0
        while not self._closing.wait(BEAT_SEC):
            number += 1
            try:
                self._store.set(f"alive/{self._index}", str(number))
                beats, ended = self._store.below("alive"), self._store.below("ended")
            except jax.errors.JaxRuntimeError:
                beats, ended = None, {}
            for name in sorted(ended.keys() - {str(self._index)}, key=int):
                self._leave_because_of(self._cause(int(name), json.loads(ended[name])))
            silent = self._pulses.look(beats, time.monotonic())
            if silent and not self._closing.is_set():
                self._leave_because_of({"reason": self._missing(silent, f"for {LOST_SEC:.0f} seconds"), "code": LOST})

    def _missing(self, silent, how_long="for too long"):
        who = " and ".join(self._names[index] for index in silent)
        return f"{who} has given no sign of life {how_long}: killed, or cut off. {RESUME}"

    def _cause(self, index, note):
        """What a process that has ended tells the others, as they put it."""
        if "reason" in note:
            return note
        first_line = note["error"].splitlines()[0] if note["error"] else "an error"
        return {"reason": f"{self._names[index]} has ended: {first_line}", "code": note["code"]}

    def _leave_because_of(self, cause, publish=True):
        with self._leaving:
            if self._closing.is_set():
                return
            if publish:
                self._publish(cause)
            if self.finish is not None:
                finishing = threading.Thread(target=self.finish, daemon=True)
                finishing.start()
                finishing.join(FINISH_SEC)
            self._end(cause["reason"], cause["code"])

    def _publish(self, note):
        # Where the coordinator is gone nobody can read it, and all know.
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            if self._store is not None:
                self._store.set(f"ended/{self._index}", json.dumps(note))

    def _main_has(self, message):
        """Whether process 0 reports the same error; waits for it to do so."""
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            for _ in range(10):
                note = self._store.below("ended").get("0")
                if note is not None:
                    return json.loads(note).get("error") == message
                time.sleep(0.3)
        return False

    def _end(self, message, code):
        prefix = f"[process {self._index}] " if self._index else ""
        sys.stdout.flush()
        print(f"{prefix}error: {message}", file=sys.stderr, flush=True)
        if self._index == 0 and self._store is not None:
            time.sleep(LINGER_SEC)
        # Not sys.exit: JAX would wait for the other processes on the way out.
        os._exit(code)


def reason_in(status: str, names: Sequence[str]) -> str:
    """Returns in words what a status of JAX's coordination service says about a process that is gone.

    Args:
      status: text of the status.
      names: of all processes.
    """
    lost = sorted({int(number) for number in re.findall(r"/task:(\d+)", status)})
    if lost and "heartbeat" in status:
        who = " and ".join(names[index] for index in lost if index < len(names))
        return f"{who} has given no sign of life for too long: killed, or cut off. {RESUME}"
    if re.search(r"UNAVAILABLE|coordination service|RPC", status) and names:
        return f"{names[0]}, the coordinator of the others, is gone: killed, or cut off. {RESUME}"
    first_line = status.strip().splitlines()[0] if status.strip() else "no reason given"
    return f"the connection to the other processes is lost ({first_line}). {RESUME}"
