"""What seconds are counted by."""

import time

# Processor seconds are those of all threads of a process together. They hardly change where other processes want the
# same cores, but count what threads burn while they wait for each other.
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
# The same for moments in different processes.
_STAMPS = {"wall": time.time, "processor": time.process_time}


def stamp(clock: str) -> float:
    """This moment; of a process by "processor" the seconds since its start."""
    return _STAMPS[clock]()


def start(clock: str, started: float) -> float:
    """The moment at which this process was started, which is `started` as by `time.time`."""
    return started if clock == "wall" else 0.0
