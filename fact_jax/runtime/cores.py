"""How many processor cores there are. Imports nothing of JAX or PyTorch."""

import os


def available() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
