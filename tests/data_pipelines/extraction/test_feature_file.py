"""A feature file that grows row by row, and goes on where a process left it; and who may write it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from data_pipelines.core.feature_times import FeatureTimes, times_path
from data_pipelines.extraction import claims, feature_file
from data_pipelines.extraction.feature_file import WORK_DIR, FeatureFile, whole_file

ROWS = np.arange(30, dtype=np.float32).reshape(10, 3)
MADE_FROM = {"made_by": {"network": (1, 2)}, "sha256": "ab"}


def _times():
    video = {"file": "a.mp4", "duration": 10.0}
    return FeatureTimes.of_centres(np.arange(10) + 0.5, dim=3, video=video, window=1.0, made_by={})


def _open(folder, **changes):
    return FeatureFile(folder, "a", 10, MADE_FROM | changes)


def test_the_whole_file_is_what_numpy_writes(tmp_path):
    file = _open(tmp_path)
    for row in range(0, 10, 4):
        file.append(ROWS[row : row + 4])
    file.finish(_times())
    np.save(tmp_path / "other.npy", ROWS)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "other.npy").read_bytes()
    assert whole_file(tmp_path / "a.npy").rows == 10
    assert list((tmp_path / WORK_DIR).iterdir()) == []


def test_it_goes_on_behind_the_rows_that_were_saved(tmp_path):
    file = _open(tmp_path)
    file.append(ROWS[:4])
    file.keep()
    file.append(ROWS[4:8])  # which the next process does not count on
    file.close()
    again = _open(tmp_path)
    assert (again.num_done, again.dim) == (4, 3)
    again.append(ROWS[4:])
    again.finish(_times())
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ROWS)


def test_rows_of_something_else_do_not_count(tmp_path):
    file = _open(tmp_path)
    file.append(ROWS[:4])
    file.keep()
    file.close()
    assert _open(tmp_path, sha256="cd").num_done == 0
    assert FeatureFile(tmp_path, "a", 11, MADE_FROM).num_done == 0
    assert _open(tmp_path).num_done == 4
    (tmp_path / WORK_DIR / "a.part").write_bytes(b"short")
    assert _open(tmp_path).num_done == 0


def test_a_process_that_died_between_the_two_files_left_the_times_alone_to_do(tmp_path, monkeypatch):
    file = _open(tmp_path)
    file.append(ROWS)
    with monkeypatch.context() as patched:
        patched.setattr(FeatureTimes, "write", lambda self, path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            file.finish(_times())
    assert whole_file(tmp_path / "a.npy") is None
    again = _open(tmp_path)
    assert again.is_moved
    again.finish(_times())
    assert whole_file(tmp_path / "a.npy") is not None


def test_rows_are_saved_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_file, "_SAVE_EVERY", 0.0)
    file = _open(tmp_path)
    file.append(ROWS[:4])
    assert json.loads((tmp_path / WORK_DIR / "a.note.json").read_text())["num_done"] == 4
    file.discard()
    assert list((tmp_path / WORK_DIR).iterdir()) == []


def test_a_file_of_another_shape_than_its_times_is_not_whole(tmp_path):
    np.save(tmp_path / "a.npy", ROWS[:5])
    _times().write(tmp_path / "a.npy")
    assert whole_file(tmp_path / "a.npy") is None
    np.save(tmp_path / "a.npy", ROWS)
    assert whole_file(tmp_path / "a.npy") is not None
    times_path(tmp_path / "a.npy").write_text("{")
    assert whole_file(tmp_path / "a.npy") is None


def test_a_video_is_one_process_s_until_it_gives_it_back_or_dies(tmp_path):
    first = claims.take(tmp_path, "a")
    assert first.is_locked
    assert claims.take(tmp_path, "a") is None
    assert claims.take(tmp_path, "b") is not None
    first.release()
    code = (
        "import pathlib, sys, time; from data_pipelines.extraction import claims\n"
        "claim = claims.take(pathlib.Path(sys.argv[1]), 'a'); print(bool(claim), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        assert claims.take(tmp_path, "a") is None
        other.kill()
        other.wait()
    claim = claims.take(tmp_path, "a")
    assert claim is not None
    claim.release()
