import errno
import fcntl
import io
import os
import re
import stat
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax import files
from fact_jax.types import UserError


def test_writes_creates_folders_and_replaces(tmp_path):
    path = files.atomic_write_text(tmp_path / "new" / "a.txt", "é\r\n")
    assert path.read_bytes() == b"\xc3\xa9\r\n"
    assert files.atomic_write_bytes(str(path), b"2") == path
    assert path.read_bytes() == b"2"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = files.atomic_write_text(tmp_path / "a.txt", "old")

    def fail(*_):
        raise OSError("disk full")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(OSError, match="disk full"):
                files.atomic_write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    path = files.atomic_write_text(tmp_path / "a.txt", "x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_full_disk_is_something_the_user_can_put_right(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(files.WriteError) as caught:
        files.atomic_write_text(tmp_path / "a.txt", "x" * 200_000)
    assert isinstance(caught.value, UserError) and caught.value.errno == errno.ENOSPC
    assert re.fullmatch(
        rf"{tmp_path}/a.txt cannot be written: No space left on device \(\d+.\d [KMGT]iB free\)\.", str(caught.value)
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/a.txt cannot be written: (Not a directory|File exists).$"):
        files.atomic_write_text(tmp_path / "file" / "a.txt", "x")


def test_a_line_is_there_or_not(tmp_path, monkeypatch):
    path = tmp_path / "rows"
    for line in ("first", "é"):
        files.append_line(path, line)
    assert path.read_text() == "first\né\n"

    class Short(io.FileIO):
        """A file on a disk that has room for half of what comes."""

        def write(self, content):
            return super().write(content[: len(content) // 2])

    monkeypatch.setattr("builtins.open", lambda path, mode, buffering: Short(path, mode))
    with pytest.raises(files.WriteError, match="No space left on device"):
        files.append_line(path, "third")
    monkeypatch.undo()
    assert path.read_text() == "first\né\n"


def test_leftovers_of_killed_processes_are_removed(tmp_path):
    for name in (".a.txt.0123456789ab.tmp", "a.tmp", ".hidden", ".a.0123.tmp"):
        (tmp_path / name).write_text("")
    files.remove_leftovers(tmp_path)
    files.remove_leftovers(tmp_path / "none")
    assert sorted(os.listdir(tmp_path)) == [".a.0123.tmp", ".hidden", "a.tmp"]


HOLD = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_EX); print('held', flush=True); input()"


def test_a_folder_is_locked_against_other_processes_and_free_when_they_end(tmp_path):
    folder = tmp_path / "a" / "b"
    with files.lock_folder(folder), pytest.raises(BlockingIOError), files.lock_folder(str(folder)):
        pytest.fail("locked twice")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), files.lock_folder(folder):
            pytest.fail("locked twice")
        process.kill()
        process.wait()
        with files.lock_folder(folder, wait=True):
            assert os.listdir(folder) == []


def test_errors_inside_a_lock_are_passed_on_and_a_file_cannot_be_locked(tmp_path):
    with pytest.raises(KeyError), files.lock_folder(tmp_path):
        raise KeyError
    with files.lock_folder(tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError), files.lock_folder(tmp_path / "file"):
        pytest.fail("a file was locked")


def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with files.lock_folder(tmp_path / "a"):
        assert (tmp_path / "a").is_dir()


PLAIN = "P16_cam01-1.5 S1_Cheese_C1 é a:b?* -a a. 😀 clip-7f606f91 ~ a~b".split()


@pytest.mark.parametrize(
    "name", [*PLAIN, "with space", "视频 1", "100% (2)", "detections 2", "my submission", "x" * 150, "é" * 75]
)
def test_names_that_a_file_can_have_stay(tmp_path, name):
    assert files.safe_name(name) == name
    files.atomic_write_text(tmp_path / f"timeline_{name}.png", "")
    assert os.listdir(tmp_path) == [f"timeline_{name}.png"]


ODD = "../../x a/b .hidden a\\b a\0b a\nb . .. a\udcff e\u0301 a\u200bb a\u3000b \x7f a~0123456789abcdef".split(" ")
ODD += ["detections", "Submission"]


@pytest.mark.parametrize("name", [*ODD, "", " ", " a", "a ", ". a", "x" * 151, "é" * 76])
def test_other_names_become_one_file_name(tmp_path, name):
    safe = files.safe_name(name)
    assert safe != name and len(safe.encode()) <= files.MAX_NAME and safe.isprintable()
    assert not set(safe) & set("/\\") and safe == safe.strip() and not safe.startswith(".")
    assert files.safe_name(safe) != safe
    assert files.atomic_write_text(tmp_path / f"prediction_{safe}.png", "").parent == tmp_path


TEXT = st.text(st.sampled_from("ab .~/\\_é\u0301\n0") | st.characters(), max_size=8)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(TEXT, TEXT, st.integers(0, 200))
def test_two_names_never_share_a_file(first, second, length):
    """Nor do a name and the file name of another, the form of which a video may have, too."""
    names = {first, second, first * length, second * length, first + "x" * length}
    names |= {files.safe_name(name) for name in names}
    safe = {files.safe_name(name) for name in names}
    assert len({unicodedata.normalize("NFC", name) for name in safe}) == len(names)


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (50 * 2**20, "50.0 MiB"),
        (3 * 2**40, "3.0 TiB"),
        (5000 * 2**40, "5000.0 TiB"),
    ],
)
def test_sizes_are_told_in_a_unit_of_which_there_is_one(num_bytes, text):
    assert files.readable_size(num_bytes) == text


def test_names_that_differ_in_capitals_share_a_file_where_those_do_not_count(tmp_path):
    (tmp_path / "Folder").mkdir()
    assert not files.folds_case(tmp_path / "Folder")
    (tmp_path / "fOLDER").symlink_to("Folder")
    assert files.folds_case(tmp_path / "Folder")
    names = files.file_names(["a", "A", "b"], tmp_path / "Folder")
    assert names["b"] == "b" and re.fullmatch("a~[0-9a-f]{16}", names["a"])
    assert re.fullmatch("A~[0-9a-f]{16}", names["A"]) and names["A"].casefold() != names["a"]
    assert files.sharing_a_file(["a", "A", "b", "a_b", "a/b", "É", "é"]) == {"a": "A", "A": "a", "É": "é", "é": "É"}


def test_text_that_is_none_is_something_the_user_can_put_right(tmp_path):
    with pytest.raises(UserError, match=r"a.txt cannot be written: 'of b\\udcff' is no text; rename the file"):
        files.atomic_write_text(tmp_path / "a.txt", "of b\udcff")
    assert os.listdir(tmp_path) == []
