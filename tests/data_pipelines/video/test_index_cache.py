"""Indices that are kept beside a run: used while they are true, made anew when they are not."""

import os
import pickle

import numpy as np
import pytest

from data_pipelines.video import index_cache
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.frame_index import FrameIndex
from data_pipelines.video.index_cache import find_index
from data_pipelines.video.video_file import VideoFile
from tests.data_pipelines.video.written import numbers_of, write_video


@pytest.fixture
def made(monkeypatch):
    """The paths of videos that are gone through."""
    paths, original = [], index_cache.make_index

    def make(path, config):
        paths.append(str(path))
        return original(path, config)

    monkeypatch.setattr(index_cache, "make_index", make)
    return paths


def test_an_index_is_made_once(tmp_path, made):
    path, kept = write_video(tmp_path / "a.mkv", range(30)), tmp_path / "kept"
    first, _ = find_index(path, VideoConfig(), kept)
    second, _ = find_index(os.path.relpath(path), VideoConfig(), kept)
    assert len(made) == 1 and len(list(kept.iterdir())) == 1
    for name, value in vars(first).items():
        assert np.array_equal(getattr(second, name), value) and type(getattr(second, name)) is type(value)
    assert isinstance(second, FrameIndex)
    assert numbers_of(VideoFile(path, index_dir=kept).frames([29, 4])) == [29, 4] and len(made) == 1


def test_an_index_that_is_no_longer_true_is_made_anew(tmp_path, made):
    path, kept = write_video(tmp_path / "a.mp4", range(30)), tmp_path / "kept"
    find_index(path, VideoConfig(), kept)
    status = path.stat()
    content = path.read_bytes()
    # The same size and time: the time at which its state changed is another one.
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    find_index(path, VideoConfig(), kept)
    assert len(made) == 2
    write_video(path, range(20))
    assert len(find_index(path, VideoConfig(), kept)[0]) == 20
    assert len(made) == 3 and len(list(kept.iterdir())) == 1
    # What is made of the frames later does not change which there are.
    find_index(path, VideoConfig(allow_cut_off=True, short_side=8), kept)
    assert len(made) == 3
    find_index(path, VideoConfig(rate=5), kept)
    assert len(made) == 4


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_damaged_index_is_made_anew(tmp_path, made, content):
    path, kept = write_video(tmp_path / "a.mp4", range(30)), tmp_path / "kept"
    find_index(path, VideoConfig(), kept)
    (file,) = kept.iterdir()
    file.write_bytes(file.read_bytes()[:-30] if content is None else content)
    assert len(find_index(path, VideoConfig(), kept)[0]) == 30 and len(made) == 2
    find_index(path, VideoConfig(), kept)
    assert len(made) == 2


def test_a_file_that_changes_while_it_is_gone_through(tmp_path, monkeypatch):
    path, original = write_video(tmp_path / "a.mp4", range(30)), index_cache.make_index

    def make(path, config):
        index = original(path, config)
        path.write_bytes(path.read_bytes() + b"\0")
        return index

    monkeypatch.setattr(index_cache, "make_index", make)
    with pytest.raises(VideoError, match="changes while it is read"):
        find_index(path, VideoConfig(), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_worker_processes_get_copies(tmp_path):
    video = pickle.loads(pickle.dumps(VideoFile(write_video(tmp_path / "a.mp4", range(30)))))
    assert numbers_of(video.frames([7, 21])) == [7, 21]
