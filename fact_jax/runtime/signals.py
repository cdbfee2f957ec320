"""Stopping a run from outside without losing anything."""

import functools
import os
import signal
import threading
from collections.abc import Callable

HANDLED = (signal.SIGTERM, signal.SIGINT)
_print = functools.partial(print, flush=True)


def name_of(signum: int) -> str:
    """What to call a signal in a message."""
    return "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name


class StopRequest:
    """While entered, SIGTERM and Ctrl-C end the run without loss; any that come after the first change nothing.

    Where there is nothing to lose, the process ends at once. Otherwise the signal only sets a flag, says what has to
    end first (see `busy`), and the run ends at its next safe point. While a program is compiled, which may take
    minutes, what would be lost is saved at once (see `compiling`).

    Python runs signal handlers between two instructions of its own, and so not while a program is compiled or
    computed. Hence a thread, which the system's part of the handler wakes through a pipe whatever the main thread does.
    """

    def __init__(self, say: Callable[[str], None] = _print):
        """`say` prints a line; it is called from a thread."""
        self.signum: int | None = None  # the first received
        self._say = say
        self._busy_with: str | None = None
        self._leave: Callable[[], str] | None = None
        self._failure: Exception | None = None
        self._lock = threading.Lock()
        self._previous = {}

    def __enter__(self):
        # Python delivers signals to the main thread and lets no other thread install handlers.
        if threading.current_thread() is threading.main_thread():
            self._source, self._wake = os.pipe()
            os.set_blocking(self._wake, False)
            self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)
            self._thread.start()
            self._previous_wake = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
            self._previous = {signum: signal.signal(signum, self._note) for signum in HANDLED}
        return self

    def __exit__(self, *exception):
        if not self._previous:
            return
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous = {}
        signal.set_wakeup_fd(self._previous_wake)
        os.close(self._wake)
        self._thread.join()
        os.close(self._source)

    def busy(self, what: str) -> None:
        """From now on something would be lost: a signal waits for the end of `what`, and for the run to save."""
        with self._lock:
            self._busy_with = what

    def idle(self) -> None:
        """From now on nothing would be lost: a signal ends the process at once. So it is at first."""
        with self._lock:
            self._busy_with = None

    def compiling(self, leave: Callable[[], str]) -> None:
        """Until `compiled`, a signal has `leave` called, in a thread, and ends the process.

        `leave` saves what would be lost and returns what to tell; "" if it is too late for that: the signal waits. One
        that came just before is answered here.
        """
        with self._lock:
            self._leave = leave
            if self.requested:
                self._end(self._try_to_leave())

    def compiled(self) -> None:
        """The program is there. Does not return to a run that is left; raises what went wrong while it was saved."""
        with self._lock:
            self._leave = None
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self.signum is not None

    def poll(self) -> bool:
        """Whether to stop, asked once at every safe point; see `agreement.SharedStop`."""
        return self.requested

    @property
    def exit_code(self) -> int:
        """0 after SIGTERM, as schedulers expect of a job that saved itself; 130 after Ctrl-C, as shells do."""
        return 130 if self.signum == signal.SIGINT else 0

    @property
    def name(self) -> str:
        """What to call the signal in a message."""
        return name_of(self.signum) if self.signum is not None else "no signal"

    def _note(self, signum, frame):
        del frame
        if self.signum is None:
            self.signum = signum

    def _watch(self):
        """Answers the first signal; the pipe brings one byte for each, and ends when it is closed."""
        while received := os.read(self._source, 1):
            if received[0] not in HANDLED:
                continue
            self._note(received[0], None)
            self._answer()
            return

    def _answer(self):
        with self._lock:
            farewell = f"stopped by {self.name}; nothing is lost. Run the same command again to continue."
            if self._busy_with is not None:
                farewell = self._try_to_leave()
            self._end(farewell)
            self._say(f"{self.name}: the run ends when {self._busy_with} is done")

    def _end(self, farewell):
        """Ends the process with these words, if there are any."""
        if farewell:
            try:
                self._say(farewell)
            finally:
                os._exit(self.exit_code)

    def _try_to_leave(self):
        """What to tell after everything is saved while a program is compiled; "" where it is not."""
        if self._leave is None:
            return ""
        try:
            return self._leave()
        except Exception as error:  # raised again in the main thread, by `compiled`
            self._failure = error
            return ""
