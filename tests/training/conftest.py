"""Lets the tests of this folder share their small compiled programs through the compilation cache."""

import os

import jax
import pytest


@pytest.fixture(scope="package", autouse=True)
def cache_small_programs():
    before = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    yield
    jax.config.update("jax_persistent_cache_min_compile_time_secs", before)
    del os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"]
