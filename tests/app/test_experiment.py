"""Whole runs on synthetic data, with a toy task in place of a model that takes a minute to compile."""

import hashlib
import io
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from configs import fact_synthetic
from fact_jax.app import experiment
from fact_jax.app.runs import segmentation as segmentation_runs
from fact_jax.app.video_choice import VideoChoice
from fact_jax.tasks.segmentation import systems
from fact_jax.training.checkpoints import integrity
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.data_pipelines import folders
from tests.overrides import override
from tests.training import toy

WRITER = "fact_jax.reporting.segmentation.writer.write_evaluation"


@pytest.fixture(autouse=True)
def toy_task(monkeypatch):
    monkeypatch.setitem(systems.BUILDERS, "fact", toy.build)
    monkeypatch.setattr(WRITER, toy.write_evaluation)


def make_config(**overrides):
    config = fact_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.train.update({"steps": 3, "eval_every": 2})
        config.eval.update({"select_metric": "Acc", "figures": False})
        config.log.tensorboard = config.compilation_cache = False
        override(config, overrides)
    return config.lock()


def run(workdir, mode="train", config=None, **options):
    stream = io.StringIO()
    code = experiment.run(config or make_config(), workdir, mode, console=writers.Console(stream), **options)
    return code, stream.getvalue()


def snapshot(workdir):
    files = [path for path in sorted(Path(workdir).rglob("*")) if path.is_file()]
    return {p: (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files}


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(systems.BUILDERS, "fact", toy.build)
        patch.setattr(WRITER, toy.write_evaluation)
        return workdir, run(workdir)


@pytest.fixture
def finished(finished_run, tmp_path):
    """A copy of the finished run that a test may change."""
    shutil.copytree(finished_run[0], tmp_path / "run", copy_function=shutil.copy2)
    return tmp_path / "run"


def test_training_leaves_results(finished_run):
    workdir, (code, text) = finished_run
    assert code == 0
    results = json.loads((workdir / "results.json").read_text())
    assert results["final_step"] == 3 and results["best_step"] in (2, 3) and results["selected_on"] == "test"
    rows = writers.read_rows(workdir / "metrics.jsonl")
    stored = {row["step"]: row["test/Acc"] for row in rows if "test/Acc" in row}
    assert results["metrics"]["test"]["final"]["Acc"] == stored[3]
    assert results["metrics"]["test"]["best"]["Acc"] == stored[results["best_step"]] == max(stored.values())
    record = json.loads((workdir / "config.json").read_text())
    assert record["config"]["train"]["steps"] == 3
    assert record["derived"]["num_videos"] == {"train": 4, "test": 3}
    assert record["derived"]["loss"] == {"null_weight": 0.5} and len(record["derived"]["labels_sha256"]) == 64
    assert json.loads((workdir / "toy.json").read_text())["videos"] == ["test_0000", "test_0001", "test_0002"]
    markdown = (workdir / "results.md").read_text()
    assert "| test | best |" in markdown and "| test | final | 3 |" in markdown
    assert "the same, to the last digit, as the test metrics" in text and "| test | best |" in text
    text = (workdir / "statistics.txt").read_text()
    assert "train videos" in text and "test videos" in text and "segments per video" in text


def test_what_has_no_effect_and_what_is_repeated_is_told(finished_run, tmp_path):
    assert "no effect" not in finished_run[1][1] and "every update" not in finished_run[1][1]
    config = make_config(train__batch_size=9, train__steps=1, optimizer__momentum=0.5)
    code, text = run(tmp_path / "run", config=config, overridden=("train.batch_size", "optimizer.momentum"))
    assert code == 0 and text.count("no effect") == 1 and "config.optimizer.momentum has no effect" in text
    said = "config.train.batch_size is 9, with 4 training videos: every update has each of them 2 to 3 times"
    assert said in text.splitlines()


def test_finished_run_is_reported_and_not_touched(finished):
    before = snapshot(finished)
    code, text = run(finished)
    assert code == 0 and "finished: 3 steps" in text and "compiled" not in text
    assert snapshot(finished) == before


def test_eval_reproduces_the_stored_metrics(finished):
    (finished / "toy.json").unlink()
    kept = snapshot(finished)
    code, text = run(finished, "eval")
    assert code == 0 and "the same, to the last digit, as the test metrics" in text
    after = snapshot(finished)
    assert (finished / "toy.json").is_file()
    assert all(after[path] == entry for path, entry in kept.items())
    code, text = run(finished, "eval", step=3)
    assert code == 0 and "step 3  test:  Acc " in text
    # What lies in the workdir itself belongs to the best checkpoint.
    assert (finished / "eval_step_3" / "toy.json").is_file()
    assert all(snapshot(finished)[path] == entry for path, entry in kept.items())


def test_eval_says_when_metrics_differ(finished):
    step = json.loads((finished / "results.json").read_text())["best_step"]
    path = finished / "checkpoints" / str(step) / "meta" / "metadata"
    meta = json.loads(path.read_text())
    meta["metrics"]["Acc"] += 0.25
    path.write_text(json.dumps(integrity.seal(meta)))
    code, text = run(finished, "eval")
    assert code == 0 and "warning: not equal" in text and "\n  Acc: " in text and "frames:" not in text


def test_eval_problems_are_user_errors_before_data_is_opened(tmp_path, finished, monkeypatch):
    monkeypatch.setattr(experiment, "prepare", None)
    with pytest.raises(UserError, match="holds no run to evaluate"):
        run(tmp_path / "new", "eval")
    for step in (77, -1):
        with pytest.raises(UserError, match=f"step {step}: there is no such checkpoint .* Steps: .*3"):
            run(finished, "eval", step=step)
    shutil.rmtree(finished / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint yet"):
        run(finished, "eval")


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_other_settings_are_refused(finished, mode):
    before = snapshot(finished)
    with pytest.raises(UserError, match="other settings:\n  config.seed: 0 there, 5 now"):
        run(finished, mode, make_config(seed=5))
    assert snapshot(finished) == before


def test_other_data_under_the_same_settings_is_refused(finished, monkeypatch):
    monkeypatch.setattr(segmentation_runs, "labels_fingerprint", lambda sources: "0" * 64)
    with pytest.raises(UserError, match="labels_sha256: .* there, '0000.* now .a checksum of the labels"):
        run(finished, "eval")


def test_report_is_made_up_for_when_only_it_is_missing(finished):
    expected = (finished / "results.json").read_bytes()
    (finished / "results.json").unlink()
    code, text = run(finished)
    assert code == 0 and "finished: 3 steps" in text
    assert (finished / "results.json").read_bytes() == expected


def test_wrong_calls_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="'trian'. Did you mean 'train'"):
        run(tmp_path / "a", "trian")
    with pytest.raises(UserError, match="--step chooses"):
        run(tmp_path / "a", step=3)
    (tmp_path / "file").write_text("")
    for folder, words in (("file", "--workdir .*is a file, expected a folder"), ("file/run", "--workdir")):
        with pytest.raises(UserError, match=words):
            run(tmp_path / folder)
    assert not (tmp_path / "a").exists()


def test_signal_during_training_gives_its_exit_code(tmp_path, monkeypatch):
    """The handler is the one of the whole run, so the signal is a real one, sent by the task itself."""

    class StoppingEvaluation(toy.ToyEvaluation):
        def add(self, batch, outputs):
            os.kill(os.getpid(), signal.SIGINT)
            super().add(batch, outputs)

    class Stopping(toy.ToyTask):
        def evaluation(self):
            return StoppingEvaluation()

    def build(config, *, class_names, statistics, full_labels, verb_nouns=None):
        task = Stopping(num_classes=len(class_names))
        task.model, task.loss_config = toy.NoSettings(), toy.NoSettings()
        return task

    monkeypatch.setitem(systems.BUILDERS, "fact", build)
    code, text = run(tmp_path / "run")
    assert code == 130 and "stopped by Ctrl-C after step 2 of 3" in text
    assert not (tmp_path / "run" / "results.json").exists()
    monkeypatch.setitem(systems.BUILDERS, "fact", toy.build)
    code, text = run(tmp_path / "run")
    assert code == 0 and "resuming after step 2" in text and (tmp_path / "run" / "results.json").exists()


def write_dataset(root):
    """A feature folder of eight videos: four to train on, two to select on, two to test on."""
    subsets = {"train": range(4), "val": (4, 5), "test": (6, 7)}
    splits = {f"{name}.split1.bundle": [f"v{number}" for number in numbers] for name, numbers in subsets.items()}
    folders.write_folder(root, folders.make_videos([(f"v{number}", 20) for number in range(8)]), splits=splits)


def test_validation_videos_select_and_test_videos_are_reported(tmp_path):
    write_dataset(tmp_path / "data")
    config = make_config(
        data__reader="npy", data__dir=str(tmp_path / "data"), data__validation_split_file="splits/val.{split}.bundle"
    )
    (tmp_path / "data" / "groundTruth" / "left.txt").write_text("stir\n")
    code, text = run(tmp_path / "run", config=config)
    assert code == 0
    # What is odd in the data stands before the first step.
    assert 0 < text.find("left out, in no list: left.txt") < text.find("compiled train step")
    # Both sets share the buckets and their programs, however long their transcripts are.
    assert text.count("compiled eval step") == text.count("compiled train step") <= config.data.max_buckets
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["selected_on"] == "validation"
    assert results["num_videos"] == {"train": 4, "test": 2, "validation": 2}
    assert results["metrics"].keys() == {"test", "validation"}
    rows = writers.read_rows(tmp_path / "run" / "metrics.jsonl")
    chosen = [row["validation/Acc"] for row in rows if "validation/Acc" in row]
    assert results["metrics"]["validation"]["best"]["Acc"] == max(chosen)
    assert not any(name.startswith("test/") for row in rows for name in row)
    assert json.loads((tmp_path / "run" / "toy.json").read_text())["videos"] == ["v6", "v7"]
    assert "best Acc on the validation videos" in (tmp_path / "run" / "results.md").read_text()
    code, text = run(tmp_path / "run", "eval", config)
    assert "the same, to the last digit, as the validation metrics" in text and "  test:  Acc " in text


def test_given_transcripts_belong_to_the_run(tmp_path):
    write_dataset(tmp_path / "data")
    (tmp_path / "data" / "transcripts").mkdir()
    for video in ("v6", "v7"):
        (tmp_path / "data" / "transcripts" / f"{video}.txt").write_text("background\nstir\n")
    config = make_config(data__reader="npy", data__dir=str(tmp_path / "data"), data__transcript_dir="transcripts")
    assert run(tmp_path / "run", config=config)[0] == 0
    assert run(tmp_path / "run", "eval", config)[0] == 0
    (tmp_path / "data" / "transcripts" / "v7.txt").write_text("background\npour_milk\n")
    with pytest.raises(UserError, match="transcripts_sha256"):
        run(tmp_path / "run", "eval", config)


def test_eval_scores_other_videos_in_a_folder_of_their_own(finished, tmp_path):
    before = snapshot(finished)
    for choice, folder, videos, title in (
        (VideoChoice("train"), "eval_train", [f"train_{k:04d}" for k in range(4)], "the 4 train videos"),
        (VideoChoice("test"), "eval_test", [f"test_{k:04d}" for k in range(3)], "the 3 test videos"),
        (
            VideoChoice(videos=("test_0002", "train_0001")),
            "eval_videos_*",
            ["test_0002", "train_0001"],
            "2 named videos: test_0002, train_0001",
        ),
    ):
        code, text = run(finished, "eval", videos=choice)
        assert code == 0 and f"evaluating {title}" in text
        (there,) = finished.glob(folder)
        assert json.loads((there / "toy.json").read_text())["videos"] == videos
        record = json.loads((there / "evaluation.json").read_text())
        assert record["title"] == title and record["metrics"]["frames"] > 0
        assert f"Videos: {title} of synthetic, split1" in (there / "results.md").read_text()
    assert "stored no scores of these videos" in text
    assert {path: entry for path, entry in snapshot(finished).items() if path in before} == before
    # The videos of training's own evaluation have its scores.
    stored = json.loads((finished / "results.json").read_text())["metrics"]["test"]["best"]
    assert json.loads((finished / "eval_test" / "evaluation.json").read_text())["metrics"] == stored
    assert run(finished, "eval", step=3, videos=VideoChoice("train"))[0] == 0
    assert (finished / "eval_train_step_3" / "toy.json").is_file()
    with pytest.raises(UserError, match="'test_002' is none of the 7 videos of this run. Did you mean 'test_0002'"):
        run(finished, "eval", videos=VideoChoice(videos=("test_002",)))
    with pytest.raises(UserError, match="--split and --videos choose what --mode eval scores"):
        run(tmp_path / "new", videos=VideoChoice("train"))
