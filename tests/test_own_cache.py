"""Folders of caches: where they are, and that they are for their owner alone."""

import os
import stat

import pytest

from fact_jax import own_cache


@pytest.mark.parametrize("loose", [False, True])
def test_a_folder_is_private_and_below_the_users_cache(tmp_path, monkeypatch, loose):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if loose:
        (tmp_path / "fact_jax" / "xla").mkdir(parents=True)
        (tmp_path / "fact_jax" / "xla").chmod(0o777)
    folder = own_cache.folder("xla")
    assert folder == own_cache.place("xla") == tmp_path / "fact_jax" / "xla"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_relative_xdg_is_ignored_and_home_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert own_cache.place("xla") == tmp_path / ".cache" / "fact_jax" / "xla"


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(own_cache.Path, "home", home)
    with pytest.raises(OSError, match="home directory"):
        own_cache.folder("xla")


def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own_cache.folder("xla")
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(PermissionError, match="fact_jax/xla belongs to another user"):
        own_cache.folder("xla")
