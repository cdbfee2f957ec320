"""Where compiled programs are kept between runs."""

import os
from collections.abc import Callable
from pathlib import Path

import jax

PRIVATE = 0o700
# Programs that took less to compile are not kept. An initialisation has a dozen of a few tenths of a second.
MIN_COMPILE_SEC = 0.1


def cache_folder() -> Path:
    """Returns the folder of compiled programs, below the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "fact_jax" / "xla"


def use_cache(say: Callable[[str], None]) -> Path | None:
    """Lets JAX keep compiled programs for later runs; returns the folder, or None if there is none to use.

    The folder is for its owner alone: whoever can write to it can have code run by the next program that reads it. A
    cache that the environment or the caller has configured is left as it is.
    """
    # jax.config gets its attributes when jax is imported.
    if configured := jax.config.jax_compilation_cache_dir:  # pyrefly: ignore[missing-attribute]
        return Path(configured)
    folder = cache_folder()
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            say(f"warning: {folder} belongs to another user; compiled programs are not kept")
            return None
        folder.chmod(PRIVATE)
    except OSError as error:
        say(f"warning: compiled programs are not kept: {error}")
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SEC)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
