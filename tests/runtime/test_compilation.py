"""The folder of compiled programs."""

import stat

import jax
import pytest

from fact_jax.runtime import compilation


@pytest.fixture
def unset_cache():
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.parametrize("loose", [False, True])
def test_folder_is_private_and_below_the_users_cache(tmp_path, monkeypatch, unset_cache, loose):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if loose:
        (tmp_path / "fact_jax" / "xla").mkdir(parents=True)
        (tmp_path / "fact_jax" / "xla").chmod(0o777)
    lines = []
    folder = compilation.use_cache(lines.append)
    assert folder == tmp_path / "fact_jax" / "xla" and lines == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert jax.config.jax_compilation_cache_dir == str(folder)


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path, monkeypatch, unset_cache):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    lines = []
    assert compilation.use_cache(lines.append) is None
    assert len(lines) == 1 and "compiled programs are not kept" in lines[0]
    assert jax.config.jax_compilation_cache_dir is None


def test_a_cache_that_is_set_already_stays(tmp_path, monkeypatch, unset_cache):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    assert compilation.use_cache(print) == tmp_path
