"""Runs the tests on eight virtual CPU devices, and leaves the long ones out unless `-m` asks for them."""

import os
from importlib.metadata import version

# Inherited by the programs that tests start. JAX_PLATFORMS=cuda in the environment runs the tests on a GPU instead.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests compile much and compute little. Without optimisation the compiler takes half the time, and without the emitters
# of fused loops, which releases after 0.10 have no flag for, a third of that.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0 "
    + "--xla_cpu_use_fusion_emitters=false" * version("jaxlib").startswith("0.10.")
).strip()

import gc
import shutil
import tempfile

import jax
import pytest

from tests import annotations

NUM_DEVICES = 8
MARKERS = (
    "slow: takes more than a few seconds; runs with `-m slow` only",
    "survival: kills runs, fills disks, ...: takes minutes; runs with `-m survival` only",
    "gpu: needs an accelerator; run with JAX_PLATFORMS=cuda",
)
LONG = {"slow", "survival"}
# Files of few long tests, the longest first. pytest-xdist would hand out files of many tests first, and at the end one
# of two processes would wait for the other.
FIRST = (
    "models/test_fact_network.py",
    "parity/test_parity.py",
    "app/test_shipped_configs.py",
    "tasks/segmentation/test_fact.py",
    "tasks/representation/test_carl.py",
    "benchmark/test_command.py",
    "training/test_loop.py",
)

# Set here and not in the environment, so that the programs that tests start have one device, like a user's.
jax.config.update("jax_num_cpu_devices", NUM_DEVICES)
jax.config.update("jax_default_matmul_precision", "highest")
# Before any of these packages is imported.
annotations.install()
# Tracing makes many small objects that live for a while: collections that find nothing cost a tenth of its time.
gc.set_threshold(50_000, 20, 100)


def pytest_configure(config):
    config.option.loadscopereorder = False
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        # Many tests, and the programs they start, compile the same small model.
        folder = tempfile.mkdtemp(prefix="fact_jax_tests_")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(config, items):
    places = {os.path.join(os.path.dirname(__file__), *name.split("/")): place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(str(item.path), len(places)))
    if not config.option.markexpr:
        long = [item for item in items if LONG & set(item.keywords)]
        if long:
            config.hook.pytest_deselected(items=long)
            items[:] = [item for item in items if not LONG & set(item.keywords)]
    if jax.default_backend() == "cpu":
        skip = pytest.mark.skip(reason="needs an accelerator")
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(skip)
