"""Folders of what can be computed again, below the user's cache folder."""

import os
from pathlib import Path

PRIVATE = 0o700


def place(name: str) -> Path:
    """Where the cache `name` of this library is, whether it is there or not. OSError: the user has no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "fact_jax" / name
    except RuntimeError as error:
        raise FileNotFoundError(str(error)) from error


def folder(name: str) -> Path:
    """The same, made if it is not there, and for its owner alone: whoever can write to it can have code run.

    Raises OSError where it cannot be made, or belongs to another user.
    """
    found = place(name)
    found.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    if found.stat().st_uid != os.getuid():
        raise PermissionError(f"{found} belongs to another user")
    found.chmod(PRIVATE)
    return found
