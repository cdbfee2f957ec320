"""Checkpoints: what comes back, what is kept, what happens to damaged ones."""

import numpy as np
import pytest

from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints, checksum
from fact_jax.types import UserError
from tests.training.checkpoints.saved import damage, make_items, save


def test_what_was_saved_comes_back(tmp_path):
    items = make_items(7)
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(items, {"step": 7, "metrics": {"Acc": 0.1 + 0.2}, "value": 0.1 + 0.2, "window": [[1.5]]})
    with Checkpoints(tmp_path / "c", read_only=True) as checkpoints:
        restored, meta = checkpoints.restore(7, items)
        assert {name: checksum(tree) for name, tree in restored.items()} == meta["checksums"]
        assert checksum(restored) == checksum(items)
        assert meta["metrics"]["Acc"] == 0.1 + 0.2 and meta["window"] == [[1.5]]
        only, _ = checkpoints.restore(7, {"params": items["params"]})
        assert only.keys() == {"params"}
        assert type(restored["opt_state"]) is type(items["opt_state"])


def test_checksum_sees_names_types_shapes_and_bits():
    base = {"a": np.zeros(4, np.float32)}
    others = [
        {"b": np.zeros(4, np.float32)},
        {"a": np.zeros(4, np.int32)},
        {"a": np.zeros((2, 2), np.float32)},
        {"a": np.array([0, 0, 0, -0.0], np.float32)},
    ]
    assert len({checksum(tree) for tree in [base, *others]}) == 5
    assert checksum(base) == checksum({"a": np.zeros(4, np.float32)})


@pytest.mark.parametrize(
    "values, latest, best, kept, best_step",
    [
        ([10, 90, 50, 40, 30], 1, 1, [2, 5], 2),
        ([10, 90, 90, 40, 30], 1, 1, [3, 5], 3),  # of equal ones the later
        ([90, 90, 90], 1, 1, [3], 3),
        ([10, 20, 30, 5, None], 1, 1, [3, 5], 3),  # not evaluated
        ([50, None, float("nan"), 10], 1, 1, [1, 4], 1),
        ([float("nan"), None, None], 1, 1, [1, 3], 1),  # evaluated without a number is better than not evaluated
        ([50, 40, 60, 30, 20], 2, 2, [1, 3, 4, 5], 3),
        ([-5, -7], 1, 1, [1, 2], 1),
    ],
)
def test_latest_and_best_are_kept(tmp_path, values, latest, best, kept, best_step):
    with Checkpoints(tmp_path / "c", keep_latest=latest, keep_best=best) as checkpoints:
        for step, value in enumerate(values, start=1):
            save(checkpoints, step, value)
        checkpoints.wait()
        assert checkpoints.steps() == kept
        assert checkpoints.best_step() == best_step


@pytest.mark.parametrize(
    "values, best, kept, best_step",
    [
        ([90, 10, 20, 15], 1, [2, 3], 2),
        ([90, None, None], 2, [1, 2], None),  # what is not evaluated is no better, and comes later
        ([90, 10, 20, 15], 3, [1, 2, 3], 2),
        ([90], 1, [0], None),
    ],
)
def test_the_network_before_training_is_never_the_best(tmp_path, values, best, kept, best_step):
    with Checkpoints(tmp_path / "c", keep_best=best) as checkpoints:
        for step, value in enumerate(values):
            save(checkpoints, step, value)
        checkpoints.wait()
        assert checkpoints.steps() == kept
        assert checkpoints.best_step() == best_step


def test_saving_a_step_again_replaces_it(tmp_path):
    with Checkpoints(tmp_path / "c") as checkpoints:
        save(checkpoints, 3, None)
        assert checkpoints.best_step() is None
        save(checkpoints, 3, 50.0)
        checkpoints.wait()
        assert checkpoints.steps() == [3] and checkpoints.best_step() == 3


def test_saving_below_the_latest_step_is_not_silent(tmp_path):
    with Checkpoints(tmp_path / "c") as checkpoints:
        save(checkpoints, 5, 1.0)
        with pytest.raises(CheckpointError, match="step 3 was not written"):
            save(checkpoints, 3, 1.0)


def test_nothing_usable_is_an_error_and_nothing_at_all_is_not(tmp_path):
    with Checkpoints(tmp_path / "c") as checkpoints:
        assert checkpoints.restore_latest(make_items(0), print) is None
        save(checkpoints, 4, 1.0)
    damage(tmp_path / "c", 4)
    with Checkpoints(tmp_path / "c") as checkpoints:
        with pytest.raises(UserError, match="can be used:\n  step 4: .*(checksum|cannot be read)"):
            checkpoints.restore_latest(make_items(0), lambda line: None)
    assert (tmp_path / "c" / "4").exists()


def test_another_shape_is_refused(tmp_path):
    with Checkpoints(tmp_path / "c") as checkpoints:
        save(checkpoints, 4, 1.0)
        target = {"params": {"dense": {"kernel": np.zeros((2, 4), np.float32), "bias": np.zeros(3, np.float32)}}}
        with pytest.raises(CheckpointError, match=r"params.*kernel.* is float32\(2, 3\), expected float32\(2, 4\)"):
            checkpoints.restore(4, target)


@pytest.mark.parametrize("keep", [{"keep_latest": 0}, {"keep_best": 0}])
def test_keeping_nothing_is_refused(tmp_path, keep):
    with pytest.raises(UserError, match="at least 1"):
        Checkpoints(tmp_path / "c", **keep)
