"""Stopping a run from outside without losing anything."""

import signal
import threading

HANDLED = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """While entered, SIGTERM and Ctrl-C only set a flag, however often they come; the run ends at its next safe point.

    Attributes:
      signum: the first signal received, None while there was none.
    """

    def __init__(self):
        self.signum: int | None = None
        self._previous = {}

    def __enter__(self):
        # Python delivers signals to the main thread and lets no other thread install handlers.
        if threading.current_thread() is threading.main_thread():
            self._previous = {signum: signal.signal(signum, self._note) for signum in HANDLED}
        return self

    def __exit__(self, *exception):
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous = {}

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self.signum is not None

    @property
    def exit_code(self) -> int:
        """0 after SIGTERM, as schedulers expect of a job that saved itself; 130 after Ctrl-C, as shells do."""
        return 130 if self.signum == signal.SIGINT else 0

    @property
    def name(self) -> str:
        """What to call the signal in a message."""
        return "Ctrl-C" if self.signum == signal.SIGINT else signal.Signals(self.signum).name

    def _note(self, signum, frame):
        del frame
        if self.signum is None:
            self.signum = signum
