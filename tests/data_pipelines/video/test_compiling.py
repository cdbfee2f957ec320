"""Compiled loops: where they are kept, what is told, and that only who changes pixels waits for Numba."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import types
from numba.core import caching

from data_pipelines.video import compiling

ROOT = Path(__file__).parents[3]


def double(values):
    for place in range(values.size):
        values[place] = 2 * values[place]


def compiled():
    function = compiling.compiled(types.uint8[::1])(double)
    values = np.arange(5, dtype=np.uint8)
    function(values)
    np.testing.assert_array_equal(values, [0, 2, 4, 6, 8])
    return function


@pytest.fixture
def unset(monkeypatch):
    """As in a process that has compiled nothing, with no folder set for Numba."""
    monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(compiling._Patience, "waited", 0.0)
    for cached in (compiling._folder, compiling._say):
        cached.cache_clear()
    yield
    for cached in (compiling._folder, compiling._say):
        cached.cache_clear()


def test_a_function_is_kept_for_the_next_program(tmp_path, monkeypatch, unset, capfd):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not compiled().stats.cache_hits
    assert list((tmp_path / "fact_jax" / "numba").rglob("*.nbc"))
    assert compiled().stats.cache_hits
    assert compiling.numba.config.CACHE_DIR == ""
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_is_set_for_numba_stays(tmp_path, monkeypatch, unset):
    monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", str(tmp_path))
    compiled()
    assert list(tmp_path.rglob("*.nbc"))


def test_without_a_folder_it_compiles_every_time_and_says_so(tmp_path, monkeypatch, unset, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    compiled()
    compiled()
    assert capfd.readouterr().err.count("compiled loops over pixels are not kept: ") == 1


def test_on_a_full_disk_it_compiles_all_the_same(tmp_path, monkeypatch, unset, capfd):
    def save(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", save)
    compiled()
    assert "are not kept: [Errno 28] No space left on device" in capfd.readouterr().err


def test_a_long_wait_is_told_once_and_not_where_nothing_is_compiled(tmp_path, monkeypatch, unset, capfd):
    monkeypatch.setattr(compiling, "_PATIENCE_SEC", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled()
    text = "Compiling the loops that change pixels, once for this machine; they are kept in "
    assert capfd.readouterr().err == f"{text}{tmp_path / 'fact_jax' / 'numba'}.\n"
    compiling._say.cache_clear()
    compiled()
    assert capfd.readouterr().err == ""


def test_only_who_changes_pixels_waits_for_numba():
    code = """
import sys
import data_pipelines.representation.source, data_pipelines.recognition.source, data_pipelines.extraction.pixels
import fact_jax.app.kinds
assert "numba" not in sys.modules, "imported"
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, check=True, timeout=120)
