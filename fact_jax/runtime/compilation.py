"""Where compiled programs are kept between runs."""

from collections.abc import Callable
from pathlib import Path

import jax

from fact_jax import own_cache

# Programs that took less to compile are not kept. An initialisation has a dozen of a few tenths of a second.
MIN_COMPILE_SEC = 0.1


def use_cache(say: Callable[[str], None]) -> Path | None:
    """Lets JAX keep compiled programs for later runs; returns the folder, or None if there is none to use.

    A cache that the environment or the caller has configured is left as it is.
    """
    # jax.config gets its attributes when jax is imported.
    if configured := jax.config.jax_compilation_cache_dir:  # pyrefly: ignore[missing-attribute]
        return Path(configured)
    try:
        folder = own_cache.folder("xla")
    except OSError as error:
        say(f"warning: compiled programs are not kept: {error}")
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SEC)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
