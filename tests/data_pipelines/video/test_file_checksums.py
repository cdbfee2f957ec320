"""Checksums of the files of videos: what they tell apart, and when a file is read."""

import os

import pytest

from data_pipelines.video import file_checksums as module
from data_pipelines.video.file_checksums import NOTES_FILE, file_checksums
from fact_jax.types import UserError


@pytest.fixture
def paths(tmp_path):
    """A file and a folder of two images, whose content nobody decodes."""
    (tmp_path / "images").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"0123")
    for name, content in (("1.jpg", b"one"), ("2.jpg", b"two"), ("notes.txt", b"x"), (".3.jpg", b"hidden")):
        (tmp_path / "images" / name).write_bytes(content)
    return {"a": tmp_path / "a.mp4", "b": tmp_path / "images"}


def touch_back(path, content):
    """Another content of the same size, with the time of modification of before."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_file_is_read_once_until_it_changes(paths, tmp_path):
    first = file_checksums(paths, tmp_path / "kept")
    assert (first.num_files, first.num_bytes) == (3, 10) and len(set(first.checksums.values())) == 2
    again = file_checksums(paths, tmp_path / "kept")
    assert again.checksums == first.checksums and again.num_files == 0
    touch_back(paths["a"], b"3210")
    changed = file_checksums(paths, tmp_path / "kept")
    assert changed.num_files == 1 and changed.checksums["a"] != first.checksums["a"]
    assert changed.checksums["b"] == first.checksums["b"]
    touch_back(paths["a"], b"0123")
    assert file_checksums(paths, tmp_path / "kept").checksums == first.checksums


def test_parts_of_one_video_read_it_once(paths, tmp_path):
    named = {f"part {number}": paths["a"] for number in range(5)} | {"b": paths["b"]}
    found = file_checksums(named, tmp_path / "kept")
    assert (found.num_files, found.num_bytes) == (3, 10)
    assert [*found.checksums] == [*named] and len(set(found.checksums.values())) == 2
    assert file_checksums(named, tmp_path / "kept").num_files == 0


def test_what_was_read_before_a_stop_is_not_read_again(paths, tmp_path, monkeypatch):
    checksum = module._checksum

    def stopped(files):
        if files != [paths["a"]]:
            raise KeyboardInterrupt
        return checksum(files)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "_checksum", stopped)
        file_checksums(paths, tmp_path / "kept")
    assert file_checksums(paths, tmp_path / "kept").num_files == 2


@pytest.mark.parametrize(
    "change, differs",
    [
        (lambda folder: touch_back(folder / "2.jpg", b"owt"), True),
        (lambda folder: (folder / "3.jpg").write_bytes(b"three"), True),
        (lambda folder: (folder / "1.jpg").rename(folder / "3.jpg"), True),
        (lambda folder: (folder / "2.jpg").unlink(), True),
        (lambda folder: (folder / "notes.txt").write_bytes(b"y"), False),
        (lambda folder: os.utime(folder / "1.jpg", (1, 1)), False),
        (lambda folder: folder.rename(folder.parent / "elsewhere"), False),
    ],
)
def test_what_makes_another_video_of_a_folder(paths, tmp_path, change, differs):
    before = file_checksums(paths, tmp_path / "kept").checksums
    change(paths["b"])
    if not paths["b"].exists():
        paths["b"] = tmp_path / "elsewhere"
    after = file_checksums(paths, tmp_path / "kept").checksums
    assert (after["b"] != before["b"]) == differs and after["a"] == before["a"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '{"x": [1, 2, 3]}', "\udcff"])
def test_damaged_notes_cost_time_and_nothing_else(paths, tmp_path, content):
    before = file_checksums(paths, tmp_path / "kept").checksums
    (tmp_path / "kept" / NOTES_FILE).write_bytes(content.encode(errors="surrogateescape"))
    again = file_checksums(paths, tmp_path / "kept")
    assert again.checksums == before and again.num_files == 3


def test_a_file_that_changes_while_it_is_read_is_read_again(paths, tmp_path, monkeypatch):
    checksum = module._checksum

    def slow(files):
        found = checksum(files)
        if files == [paths["a"]]:
            paths["a"].write_bytes(b"longer")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(module, "_checksum", slow)
        before = file_checksums(paths, tmp_path / "kept").checksums
    after = file_checksums(paths, tmp_path / "kept")
    assert after.num_files == 1 and after.checksums["a"] != before["a"]


def test_a_file_that_is_gone_or_notes_that_cannot_be_kept(paths, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/checksums\.json cannot be written"):
        file_checksums(paths, tmp_path / "file")
    with pytest.raises(UserError, match=r"gone\.mp4 cannot be read: No such file"):
        file_checksums({"c": tmp_path / "gone.mp4"}, tmp_path / "kept")
