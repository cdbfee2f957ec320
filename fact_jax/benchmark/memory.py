"""Peak memory of this process."""

import ctypes
import gc
import resource
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# Writing this to clear_refs makes the kernel measure the peak anew (man 5 proc).
_RESET = "5"
_KIB = 1024


def reset_peak() -> bool:
    """Gives unused memory back and forgets the peak so far; False where the system cannot.

    What is freed may stay with the process: the rest of a compilation would hide the peak of a step.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        _CLEAR.write_text(_RESET, encoding="ascii")
    except OSError:
        return False
    return True


def peak() -> int:
    """Bytes of physical memory that this process held at most since `reset_peak`, or since its start."""
    try:
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KIB
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else _KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
