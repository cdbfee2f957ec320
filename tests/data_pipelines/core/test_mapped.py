"""Reading raw video: the same batches with any number of processes and rows, and an end for those that read."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from fact_jax.types import UserError
from tests.frames.squares import FRAMES, Squares


def steps_of(count=3, start=0, **options):
    """The tuples of Batch of some steps."""
    options = {"batch_size": 5, "seed": 1, "num_rows": 6} | options
    iterator = TrainBatches(Squares("a", 13), **options).iterate(start)
    found = [next(iterator) for _ in range(count)]
    iterator.close()
    assert not multiprocessing.active_children()
    return found


def rows_of(batches):
    """row -> (id, arrays) of all videos in the batches of a step."""
    found = {}
    for batch in batches:
        for place in np.flatnonzero(batch.arrays["video_mask"]):
            arrays = {name: array[place] for name, array in batch.arrays.items() if name not in ("row", "video_mask")}
            found[int(batch.arrays["row"][place])] = (batch.held_ids[place], arrays)
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for row, (video_id, arrays) in first.items():
        assert video_id == second[row][0]
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, second[row][1][name])


def test_pixels_do_not_depend_on_workers_micro_batches_processes_or_where_a_run_starts():
    plain = [rows_of(batches) for batches in steps_of()]
    for options in ({"num_workers": 2}, {"micro_batch_size": 2, "num_rows": 2}, {"num_rows": 5}):
        for batches, expected in zip(steps_of(**options), plain, strict=True):
            assert_same(rows_of(batches), expected)
    assert_same(rows_of(steps_of(1, start=2)[0]), plain[2])
    halves = [steps_of(share=slice(0, 3)), steps_of(share=slice(3, 6))]
    for expected, *parts in zip(plain, *halves, strict=True):
        assert_same(rows_of(parts[0]) | rows_of(parts[1]), expected)
    assert [batch.first_row for batch in halves[1][0]] == [3]


def test_a_batch_is_padded_with_zeros_and_flips_come_with_training_only():
    (batch,) = steps_of(1)[0]
    assert batch.heavy == ("frames",) and batch.length == FRAMES
    assert batch.arrays["frames"].dtype == np.uint8 and batch.arrays["video_mask"].tolist() == [True] * 5 + [False]
    assert not batch.arrays["frames"][~batch.arrays["mask"]].any() and batch.video_ids[-1] == ""
    source = Squares("a", 13)
    for place, position in enumerate(batch.positions[:5]):
        still = source.example(position, None)["frames"]
        found = batch.arrays["frames"][place, : len(still)]
        assert np.array_equal(found, still) or np.array_equal(found, still[:, :, ::-1])


@pytest.mark.parametrize("options", [{}, {"micro_batch_size": 2, "num_rows": 2}, {"share": slice(3, 6)}])
def test_shapes_are_told_before_reading(options):
    (step,) = steps_of(1, **options)
    batches = TrainBatches(Squares("a", 13), **{"batch_size": 5, "seed": 1, "num_rows": 6} | options)
    (told,) = batches.outlines(3, 8)
    for batch, outline in zip(step, told, strict=True):
        assert {name: (array.shape, array.dtype) for name, array in batch.arrays.items()} == {
            name: (array.shape, array.dtype) for name, array in outline.arrays.items()
        }
        assert (batch.length, batch.first_row) == (outline.length, outline.first_row)
    assert batches.outlines(8, 8) == []
    evaluated = EvalBatches(Squares("a", 5), batch_size=2, num_rows=3)
    (outline,) = evaluated.outlines()
    for batch in evaluated:
        assert all(np.shape(batch.arrays[name]) == array.shape for name, array in outline.arrays.items())


def test_an_epoch_has_every_video_once_and_another_one_another_order():
    steps = [batches[0].positions[:3] for batches in steps_of(8, batch_size=3, num_rows=3)]
    first, second = np.concatenate(steps[:4]), np.concatenate(steps[4:])
    assert len(set(first.tolist())) == len(first) == 12 and first.tolist() != second.tolist()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_evaluation_reads_every_video_once(num_workers):
    batches = EvalBatches(Squares("a", 5), batch_size=2, num_rows=2, num_workers=num_workers)
    for _ in range(2):
        found = list(batches)
        assert len(found) == len(batches) == 3
        assert [video for batch in found for video in batch.video_ids] == ["a0", "a1", "a2", "a3", "a4", ""]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_error_of_a_video_arrives_as_it_was_raised(num_workers):
    batches = EvalBatches(Squares("a", 5, broken=3), batch_size=1, num_rows=1, num_workers=num_workers)
    with pytest.raises(UserError, match="^a3.mp4 cannot be read: it ends early"):
        list(batches)
    assert not multiprocessing.active_children()


def test_a_worker_that_is_killed_is_told_of():
    iterator = TrainBatches(Squares("a", 5), batch_size=2, seed=0, num_rows=2, num_workers=2).iterate()
    next(iterator)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(UserError, match="most likely for want of memory"):
        for _ in range(20):
            next(iterator)


PROGRAM = """
import multiprocessing, os, sys
from data_pipelines.core.mapped import TrainBatches
from tests.frames.squares import Squares
if __name__ == "__main__":
    iterator = TrainBatches(Squares("a", 5), batch_size=2, seed=0, num_rows=2, num_workers=2).iterate()
    next(iterator)
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    sys.stdin.read()
    os._exit(0)
"""


def test_workers_get_no_signals_and_end_with_their_parent(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    pids = process.stdout.readline().split()
    assert len(pids) == 2
    for pid in map(int, pids):
        for signum in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, signum)
    time.sleep(0.3)
    assert all(os.path.exists(f"/proc/{pid}") for pid in pids)
    _, errors = process.communicate("", timeout=60)
    assert "Traceback" not in errors
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"num_rows": 1}, {"num_workers": -1}], ids=str)
def test_numbers_out_of_range(options):
    with pytest.raises(UserError, match="expected at least 1 video, at least as many rows"):
        TrainBatches(Squares("a", 5), **({"batch_size": 2, "seed": 0, "num_rows": 2} | options))


def test_an_example_larger_than_announced():
    class Grown(Squares):
        def example(self, position, rng):
            return super().example(position, rng) | {"mask": np.ones(FRAMES + 1, bool)}

    with pytest.raises(UserError, match=r"Video 'a0' gave mask \(5,\), expected at most \(4,\)"):
        list(EvalBatches(Grown("a", 1), batch_size=1, num_rows=1))
