"""Reading workdirs for a report: what is refused, and which runs are repetitions of one another."""

import itertools
import json
import shutil

import numpy as np
import pytest

from fact_jax import run_record
from fact_jax.reporting.report import runs
from fact_jax.reporting.report.groups import group_runs
from fact_jax.types import UserError
from tests.reporting import workdirs


@pytest.fixture(scope="module")
def truth():
    return workdirs.make_truth(0, num_videos=3)


def test_seeds_and_splits_of_one_config_are_one_group(tmp_path):
    found = group_runs(workdirs.read_runs(workdirs.make_grid(tmp_path)))
    assert [group.label for group in found] == [group.short for group in found] == ["system0", "system1"]
    for group in found:
        assert [(run.split, run.seed) for run in group.runs] == list(itertools.product(("split1", "split2"), (0, 1)))
        assert {split: len(members) for split, members in group.by_split().items()} == {"split1": 2, "split2": 2}
        assert group.settings == {}


def test_other_settings_are_another_group_that_says_which(tmp_path, truth):
    paths = [
        workdirs.make_run(tmp_path / "a", truth, truth, settings={"log__tensorboard": False, "data__dir": "/x"}),
        workdirs.make_run(tmp_path / "b", truth, truth, seed=1, settings={"checkpoint__keep_best": 3, "data__fps": 5}),
        workdirs.make_run(tmp_path / "c", truth, truth, settings={"optimizer__learning_rate": 0.5}),
    ]
    first, second = group_runs(workdirs.read_runs(paths))
    assert len(first.runs) == 2 and len(second.runs) == 1
    assert second.label == "fact (learning_rate=0.5)" and second.short == "learning_rate=0.5"
    assert first.settings == {"optimizer.learning_rate": "0.001"}
    assert second.settings == {"optimizer.learning_rate": "0.5"}


def test_a_setting_that_an_older_run_does_not_have_makes_no_difference(tmp_path, truth):
    first, second = (workdirs.make_run(tmp_path / str(seed), truth, truth, seed=seed) for seed in (0, 1))
    record = json.loads((first / "config.json").read_text())
    del record["config"]["model"]["frame_weight"]
    (first / "config.json").write_text(json.dumps(record))
    (group,) = group_runs(workdirs.read_runs([first, second]))
    assert len(group.runs) == 2 and group.settings == {}
    third = workdirs.make_run(tmp_path / "2", truth, truth, seed=2, settings={"model__frame_weight": 0.25})
    found = group_runs(workdirs.read_runs([first, second, third]))
    assert [one.settings["model.frame_weight"] for one in found] == ["–", "0.1", "0.25"]


def test_groups_with_many_differences_are_numbered(tmp_path, truth):
    changes = {"optimizer__learning_rate": 0.5, "optimizer__momentum": 0.5, "train__epochs": 77}
    paths = [
        workdirs.make_run(tmp_path / "a", truth, truth),
        workdirs.make_run(tmp_path / "b", truth, truth, settings=changes),
        workdirs.make_run(tmp_path / "c", truth, truth, name="other"),
    ]
    found = group_runs(workdirs.read_runs(paths))
    assert [group.label for group in found] == ["fact (variant 1)", "fact (variant 2)", "other"]
    assert found[1].settings.keys() == {"optimizer.learning_rate", "optimizer.momentum", "train.epochs"}


def test_everything_wrong_is_said_at_once(tmp_path, truth):
    good = workdirs.make_run(tmp_path / "good", truth, truth)
    unfinished, old, empty = (tmp_path / name for name in ("unfinished", "old", "empty"))
    shutil.copytree(good, unfinished)
    (unfinished / "results.json").unlink()
    shutil.copytree(good, old)
    (old / "tables" / "segments.json").unlink()
    empty.mkdir()
    with pytest.raises(UserError) as caught:
        workdirs.write_report([good, tmp_path / "nothing", unfinished, old, empty, good], tmp_path / "report")
    lines = str(caught.value).splitlines()
    expected = [
        ("nothing", "is no folder"),
        ("unfinished", "results.json is missing"),
        ("old", "segments.json is missing"),
        ("empty", "holds no run"),
        ("good", "is given twice"),
    ]
    assert len(lines) == len(expected)
    for line, (name, message) in zip(lines, expected, strict=True):
        assert name in line and message in line
    assert "--mode eval" in lines[2] and not (tmp_path / "report").exists()


def test_no_workdir_is_refused(tmp_path):
    with pytest.raises(UserError, match="at least one run: --workdirs"):
        workdirs.write_report([], tmp_path)


OTHER = {
    "classes": (
        {"class_names": ("background", "pour", "stir", "wash")},
        "the lists of classes differ, .*entry 3.*'serve'.*'wash'",
    ),
    "more classes": ({"class_names": (*workdirs.CLASS_NAMES, "wash")}, "4 entries in the first and 5 in the second"),
    "dataset": ({"dataset": "garage"}, "the datasets differ, .*'kitchen' in the first and 'garage'"),
    "background": ({"background": ()}, "left out of the scores"),
}


@pytest.mark.parametrize("case", OTHER)
def test_runs_that_cannot_be_compared_are_refused(tmp_path, truth, case):
    changes, message = OTHER[case]
    first = workdirs.make_run(tmp_path / "a", truth, truth)
    paths = [first, workdirs.make_run(tmp_path / "b", truth, truth, **changes)]
    with pytest.raises(UserError, match=message):
        workdirs.read_runs(paths)


def test_other_labels_of_a_video_are_refused_within_a_split_only(tmp_path, truth):
    changed = truth | {"video_1": np.where(truth["video_1"] == 1, 2, 1)}
    first = workdirs.make_run(tmp_path / "a", truth, truth)
    same = workdirs.make_run(tmp_path / "b", changed, changed, seed=1)
    other = workdirs.make_run(tmp_path / "c", changed, changed, split="split2")
    with pytest.raises(UserError, match="different labels for the video 'video_1' of split1"):
        workdirs.read_runs([first, same])
    assert len(workdirs.read_runs([first, other])) == 2


def test_a_run_may_not_count_twice(tmp_path, truth):
    paths = [workdirs.make_run(tmp_path / name, truth, truth) for name in ("a", "b")]
    with pytest.raises(UserError, match="hold the same run .fact, split1, seed 0. and would count twice"):
        group_runs(workdirs.read_runs(paths))


def test_segments_of_other_parameters_than_the_result_are_noted(tmp_path, truth):
    path = workdirs.make_run(tmp_path / "a", truth, truth)
    assert runs.notes(workdirs.read_runs([path])) == []
    results = json.loads((path / "results.json").read_text())
    results["metrics"]["test"]["best"]["Edit"] = 12.0
    (path / "results.json").write_text(json.dumps(results))
    (note,) = runs.notes(workdirs.read_runs([path]))
    assert "Edit is 100.00 by its segments and 12.00 in results.json" in note


def make_converted(workdir, truth):
    """A workdir of converted weights after --mode eval."""
    workdirs.make_run(workdir, truth, truth)
    record = run_record.read(workdir)
    run_record.write(workdir, config=record["config"], derived={"converted": {"file": "weights.pth"}})
    (workdir / "results.json").unlink()
    return workdir


def test_converted_weights_stand_beside_a_training_with_the_same_settings(tmp_path, truth):
    paths = [workdirs.make_run(tmp_path / "a", truth, truth), make_converted(tmp_path / "b", truth)]
    found = workdirs.read_runs(paths)
    assert [(run.best_step, run.selected_on) for run in found] == [(10, "test"), (0, "not chosen")]
    assert [group.label for group in group_runs(found)] == ["fact (weights=trained)", "fact (weights=converted)"]
    assert runs.notes(found) == [] and found[1].state.compute() == found[0].state.compute()
    lines = []
    workdirs.write_report(paths[1:], tmp_path / "report", lines.append)
    assert "not chosen" in (tmp_path / "report" / "report.html").read_text() and lines[0].startswith("| system")


def test_converted_weights_have_to_be_evaluated_first(tmp_path, truth):
    path = make_converted(tmp_path / "a", truth)
    (path / "tables" / "segments.json").unlink()
    message = f"converted weights .*not been evaluated.*--mode eval --workdir {path}"
    with pytest.raises(UserError, match=message) as caught:
        workdirs.read_runs([path])
    assert "Train it" not in str(caught.value)


BROKEN = [
    ("config.json", "[]"),
    ("config.json", "{"),
    ("config.json", '{"config": [], "derived": {}}'),
    ("config.json", '{"config": {}, "derived": 3}'),
    ("results.json", '{"metrics": {}}'),
    ("results.json", '{"metrics": {"test": {"best": {}}}, "best_step": 1e400, "selected_on": "test"}'),
]


@pytest.mark.parametrize("name, text", BROKEN)
def test_broken_records_are_refused(tmp_path, truth, name, text):
    path = workdirs.make_run(tmp_path / "a", truth, truth)
    (path / name).write_text(text)
    with pytest.raises(UserError, match=f"{path}.*(config|results).json"):
        workdirs.read_runs([path])
