"""Localization from settings to files: training, evaluation and prediction, with a task that is quick to compile."""

import io
import json

import numpy as np
import pytest

from configs import actionformer_synthetic
from data_pipelines.localization import write_synthetic
from fact_jax import inference
from fact_jax.app import experiment
from fact_jax.app.kinds.localization import FindActionsConfig
from fact_jax.app.video_choice import VideoChoice
from fact_jax.reporting.report.localization import LocalizationReport
from fact_jax.reporting.report.runs import notes, read_runs
from fact_jax.tasks.localization import systems as localization_systems
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.overrides import override
from tests.tasks.localization import toy_localizer


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    for name in ("build", "restore"):
        monkeypatch.setattr(localization_systems, name, getattr(toy_localizer, name))


def make_config(**overrides):
    config = actionformer_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.train.update({"steps": 4, "eval_every": 2})
        config.eval.figures = False
        config.log.tensorboard = config.compilation_cache = False
        override(config, overrides)
    return config.lock()


def run(workdir, mode="train", config=None, **options):
    stream = io.StringIO()
    code = experiment.run(config or make_config(), workdir, mode, console=writers.Console(stream), **options)
    return code, stream.getvalue()


def predict(workdir, inputs, config=None, **options):
    stream = io.StringIO()
    wanted = FindActionsConfig(input=tuple(map(str, inputs)), **options)
    return experiment.predict(config or make_config(), workdir, wanted, writers.Console(stream)), stream.getvalue()


def test_a_run_trains_evaluates_and_is_evaluated_again(tmp_path):
    workdir = tmp_path / "run"
    code, text = run(workdir, config=make_config(eval__figures=True))
    assert code == 0 and "6 train videos, 4 test videos, 3 classes" in text and "mAP@avg" in text
    assert "the same, to the last digit" in text
    results = (workdir / "results.md").read_text()
    assert "tIoU 0.3, 0.4, 0.5, 0.6, 0.7; 3 classes" in results and "Recall@kx" in results
    assert "segments per video" in (workdir / "statistics.txt").read_text()
    assert set(json.loads((workdir / "predictions" / "detections.json").read_text())["results"]) == {
        f"validation_{number:04d}" for number in range(4)
    }
    pictures = {path.name for path in (workdir / "figures").iterdir()}
    assert {"precision_recall.png", "map_against_tiou.png", "training_curves.png"} < pictures and len(pictures) == 7
    assert "without a true segment count for nobody" in results
    # Scored otherwise than in training, it has a folder of its own.
    code, text = run(workdir, "eval", make_config(data__published_classes=True))
    assert code == 0 and "the same, to the last digit" in text
    for folder, published in ((workdir, False), (workdir / "eval_published_classes", True)):
        assert json.loads((folder / "tables" / "detections.json").read_text())["published_classes"] is published
    code, text = run(workdir, "eval")
    assert code == 0 and "the same, to the last digit" in text
    (found,) = read_runs([workdir], {"actionformer": LocalizationReport()})
    assert notes([found]) == [] and found.scores == found.stored and len(found.evaluated.videos) == 4


def test_detections_that_are_too_short_to_be_kept_are_told(tmp_path):
    _, text = run(tmp_path / "usual", config=make_config(train__steps=1))
    assert "min_duration" not in text
    _, text = run(tmp_path / "long", config=make_config(train__steps=1, detection__min_duration=10.0))
    assert "config.detection.min_duration is 10, in features, and " in text and "last no longer: none is found" in text


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(tmp_path):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    run(whole)
    rows = (whole / "metrics.jsonl").read_text()

    class Stopping(writers.Console):
        def progress(self, step, text=""):
            if step == 3 and not text:
                raise KeyboardInterrupt
            super().progress(step, text)

    with pytest.raises(KeyboardInterrupt):
        experiment.run(make_config(), pieces, console=Stopping(io.StringIO()))
    code, text = run(pieces)
    assert code == 0 and "resuming after step 2" in text
    assert (pieces / "metrics.jsonl").read_text() == rows


def test_prediction_writes_a_submission(tmp_path):
    workdir, inputs = tmp_path / "run", tmp_path / "in"
    run(workdir)
    inputs.mkdir()
    rng = np.random.default_rng(0)
    for name, length in (("a", 40), ("b c", 100)):
        np.save(inputs / f"{name}.npy", rng.standard_normal((length, 8)).astype(np.float32))
    np.savez(inputs / "wide.npz", feats=np.zeros((5, 9)))
    code, text = predict(workdir, [inputs], output=tmp_path / "out", figures=True)
    assert code == 1 and "predicted 2 videos" in text and "9 channels" in text
    assert "trained with" not in text  # a synthetic run keeps no values to compare with
    folder = tmp_path / "out" / "predictions"
    one = json.loads((folder / "b c.json").read_text())
    both = json.loads((folder / "submission.json").read_text())
    assert set(both["results"]) == {"a", "b c"} and both["results"]["b c"] == one["results"]["b c"]
    assert one["duration"] == pytest.approx((99 * 4 + 16) / 30)
    first = one["results"]["b c"][0]
    assert set(first) == {"label", "segment", "score"} and 0 <= first["segment"][0] < first["segment"][1]
    assert (folder / "a.csv").read_text().startswith("video-id,t-start,t-end,label,score\na,")
    assert (tmp_path / "out" / "figures" / "prediction_a.png").is_file()
    assert "2 of 2 videos are finished already" in predict(workdir, [inputs], output=tmp_path / "out", figures=True)[1]
    values = {"least": 0.02, "median": 0.02, "most": 0.02, "is_whole": False}
    (workdir / "features.json").write_text(json.dumps({"videos": {}, "changes": [], "values": values}))
    # What was made of a video before is no part of a submission of other settings that lacks it.
    np.save(inputs / "a.npy", np.full((40, 8), np.nan))
    (folder / "b c.json").write_text("{")
    np.save(inputs / "cut.npy", rng.standard_normal((5, 8)))
    (folder / "cut.json").write_text('{"results":')
    code, text = predict(workdir, [inputs], output=tmp_path / "out", fps=15.0, figures=False)
    assert code == 1 and "removed the results of 1 video (a)" in text and "2 files (" in text
    assert "values of 2 of 2 videos (b c, cut) are " in text and "features trained with (root mean square)" in text
    both = json.loads((folder / "submission.json").read_text())["results"]
    assert set(both) == {"b c", "cut"} and not (folder / "a.json").exists() and not (folder / "a.csv").exists()
    assert (tmp_path / "out" / "prediction_problems.txt").read_text().count("\n") == 2
    names = json.loads((workdir / "config.json").read_text())["derived"]["class_names"]
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps({"class": names, "results": {"cut": [0.9] + [0.1] * (len(names) - 1)}}))
    told = {"output": tmp_path / "scored", "class_scores": str(scores), "figures": False}
    _, text = predict(workdir, [inputs / "cut.npy"], **told)
    own = f"the {len(names)} classes that this network tells apart are not used"
    assert f"--class_scores names what is found; {own}" in text


def test_videos_named_like_our_own_files_have_their_own(tmp_path):
    names = ("submission", "Detections", "plain")
    run(tmp_path / "run")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(names):
        np.save(tmp_path / "in" / f"{name}.npy", np.random.default_rng(number).standard_normal((40, 8)))
    before = (tmp_path / "run" / "predictions" / "detections.json").read_bytes()
    code, _ = predict(tmp_path / "run", [tmp_path / "in"], figures=False)
    folder = tmp_path / "run" / "predictions"
    found = json.loads((folder / "submission.json").read_text())["results"]
    assert code == 0 and set(found) == set(names) and (folder / "plain.json").exists()
    assert (folder / "detections.json").read_bytes() == before
    for name in names[:2]:
        [path] = folder.glob(f"{name}~*.json")
        assert json.loads(path.read_text())["results"] == {name: found[name]}


def test_durations_say_where_videos_end(tmp_path):
    """With features spread evenly over a video they are the seconds; else nothing is found beyond them."""
    write_synthetic.main([str(tmp_path / "data"), "--train_videos", "4", "--videos", "3"])
    files = {"data__reader": "files", "data__dir": str(tmp_path / "data")}
    config = make_config(**files, data__feature_stride=0.0, data__resize=True)
    run(tmp_path / "run", config=config)
    inputs, told = tmp_path / "data" / "features", tmp_path / "data" / "annotations.json"
    evaluated = json.loads((tmp_path / "run" / "predictions" / "detections.json").read_text())["results"]
    code, _ = predict(tmp_path / "run", [inputs], config, output=tmp_path / "out", durations=str(told))
    found = json.loads((tmp_path / "out" / "predictions" / "submission.json").read_text())["results"]
    assert code == 0 and len(evaluated) == 3 and {video: found[video] for video in evaluated} == evaluated
    durations = {video: entry["duration"] for video, entry in json.loads(told.read_text())["database"].items()}
    longest = max(durations, key=durations.get)
    (tmp_path / "some.json").write_text(json.dumps({longest: 2 * durations[longest], "other": 3.0}))
    told = {"output": tmp_path / "out", "durations": str(tmp_path / "some.json")}
    with pytest.raises(UserError, match="no duration of 6 of 7 videos"):
        predict(tmp_path / "run", [inputs], config, **told)
    code, text = predict(tmp_path / "run", [inputs], config, output=tmp_path / "none")
    assert code == 1 and "7 problems" in text and "no duration of this video; expected its seconds" in text
    code, text = predict(tmp_path / "run", [inputs / f"{longest}.npy"], config, **told)
    assert code == 0 and "the durations of 1 of 2 videos are not used, as there is no such video: other" in text
    changed = json.loads((tmp_path / "out" / "predictions" / f"{longest}.json").read_text())
    assert changed["duration"] == 2 * durations[longest]
    first, before = changed["results"][longest][0]["segment"], found[longest][0]["segment"]
    assert first == pytest.approx([2 * second for second in before], rel=1e-4)

    run(tmp_path / "fixed", config=make_config(**files))
    (tmp_path / "short.json").write_text(json.dumps({longest: 1.5}))
    told = {"durations": str(tmp_path / "short.json"), "fps": 15.0}
    _, text = predict(tmp_path / "fixed", [inputs / f"{longest}.npy"], make_config(**files), **told)
    assert "--fps is 15, and the videos of the run have 30; times are those of 15" in text
    cut = json.loads((tmp_path / "fixed" / "predictions" / f"{longest}.json").read_text())
    ends = [item["segment"][1] for item in cut["results"][longest]]
    assert cut["duration"] == 1.5 and max(ends) == 1.5


def test_what_is_told_of_one_video_holds_for_no_other(tmp_path):
    run(tmp_path / "run")
    with pytest.raises(UserError, match="not of segmentation: use inference.localization.load"):
        inference.segmentation.load(tmp_path / "run")
    model = inference.localization.load(tmp_path / "run")
    features = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    usual, slow = model.predict(features), model.predict(features, fps=15.0)
    assert slow.duration == pytest.approx(2 * usual.duration) and model.predict(features).duration == usual.duration
    assert model.predict(features, duration=1.5).duration == 1.5
    for duration in (0.0, -1.0, float("nan")):
        with pytest.raises(UserError, match="duration is .*more than 0"):
            model.predict(features, duration=duration)
    for fps in (0, -1.0, float("nan")):
        with pytest.raises(UserError, match="fps is .*; expected frames per second, more than 0"):
            model.predict(features, fps=fps)
    both = model.predict([features, features], fps=15.0, duration=[None, 1.5])
    assert [found.duration for found in both] == [slow.duration, 1.5]
    np.testing.assert_array_equal(both[0].detections.segments, slow.detections.segments)
    with pytest.raises(UserError, match="2 videos and 1 of duration; expected one for each video"):
        model.predict([features, features], duration=[1.5])
    with pytest.raises(UserError, match="features of video 1: no frames"):
        model.predict([features, features[:0]])
    with pytest.raises(UserError, match="transcript=.*goes with segmentation, and this is a run of localization"):
        model.predict(features, transcript=["Dive"])


def test_actions_without_a_class_are_named_by_other_scores(tmp_path):
    write_synthetic.main([str(tmp_path / "data"), "--train_videos", "4", "--videos", "3"])
    scores = {f"validation_{number:04d}": [0.1] * 5 + [0.9] for number in range(3)}
    (tmp_path / "data" / "scores.json").write_text(json.dumps(scores))
    changes = {
        "data__reader": "files", "data__dir": str(tmp_path / "data"), "data__num_classes": 1, "data__resize": True,
        "data__external_scores": "scores.json", "detection__per_class": False,
    }  # fmt: skip
    code, text = run(tmp_path / "run", config=make_config(**changes))
    assert code == 0 and "1 class," in text
    content = json.loads((tmp_path / "run" / "predictions" / "detections.json").read_text())
    assert content["external_data"]["used"]
    found = content["results"]
    assert {item["label"] for items in found.values() for item in items} == {"Dive", "Spin"}
    assert "come from the scores of another system" in (tmp_path / "run" / "results.md").read_text()

    inputs, told = tmp_path / "data" / "features", tmp_path / "data" / "scores.json"
    wanted = {
        "output": tmp_path / "out",
        "durations": str(tmp_path / "data" / "annotations.json"),
        "class_scores": str(told),
    }
    chosen = [inputs / f"{video}.npy" for video in scores]
    code, _ = predict(tmp_path / "run", chosen, make_config(**changes), **wanted)
    content = json.loads((tmp_path / "out" / "predictions" / "submission.json").read_text())
    assert content["external_data"]["used"]
    predicted = content["results"]
    assert code == 0 and predicted == found
    assert "3 of 3 videos are finished" in predict(tmp_path / "run", chosen, make_config(**changes), **wanted)[1]
    told.write_text(json.dumps({"class": list("abcdef"), "results": scores}))
    _, text = predict(tmp_path / "run", chosen, make_config(**changes), **wanted)
    assert "6 classes of the scores are unknown to the run" in text and "6 classes of the run have no score" in text
    predicted = json.loads((tmp_path / "out" / "predictions" / "submission.json").read_text())["results"]
    assert {item["label"] for items in predicted.values() for item in items} == {"a", "f"}
    with pytest.raises(UserError, match="no scores of 4 of 7 videos"):
        predict(tmp_path / "run", [inputs], make_config(**changes), **wanted)
    model, features = inference.load(tmp_path / "run"), np.load(chosen[0])
    names = model.names_of(7)
    assert model.class_names == ("action",) and (names[0], names[5:]) == ("Dive", ("Spin", "class 6"))
    assert set(model.predict(features, class_scores=[0.2, 0.1, 0.9, 0, 0, 0]).detections.labels) == {0, 2}
    for wrong, message in (
        ([0.5, -1.0], "class_scores: the one of class 1 is -1.0; expected a finite number from 0 to"),
        ([0.5, float("nan")], "class_scores: the one of class 1 is nan"),
        (np.array([[0.5]]), "class_scores: no list of numbers: an array of shape"),
        ([0.2, 0.1, 0.9], r"class_scores: 3 scores; expected 6, one per class of the run \(video_class_names"),
        ([0.1] * 7, "class_scores: 7 scores; expected 6"),
    ):
        with pytest.raises(UserError, match=message):
            model.predict(features, class_scores=wrong)

    (tmp_path / "data" / "scores.json").write_text(json.dumps({"validation_0000": [1.0]}))
    with pytest.raises(UserError, match="no scores of 2 of 3 videos"):
        run(tmp_path / "other", config=make_config(**changes))


def test_data_with_problems_is_refused_before_training(tmp_path):
    config = make_config(data__reader="files", data__dir=str(tmp_path))
    with pytest.raises(UserError, match="annotations.json"):
        run(tmp_path / "run", config=config)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_other_videos_are_scored_and_reported(tmp_path):
    workdir = tmp_path / "run"
    run(workdir)
    code, text = run(workdir, "eval", videos=VideoChoice("train"))
    assert code == 0 and "evaluating the 6 train videos" in text
    found = json.loads((workdir / "eval_train" / "predictions" / "detections.json").read_text())["results"]
    assert set(found) == {f"training_{number:04d}" for number in range(6)}
    kinds = {"actionformer": LocalizationReport()}
    (of_train,) = read_runs([workdir / "eval_train"], kinds)
    assert notes([of_train]) == [] and of_train.scores == of_train.stored and len(of_train.evaluated.videos) == 6
    assert of_train.split == "default, the 6 train videos" and of_train.selected_on == "test"
    with pytest.raises(
        UserError, match="evaluated videos differ, 'those of the run' in the first and 'train' in the second"
    ):
        read_runs([workdir, workdir / "eval_train"], kinds)
    # One video of each subset.
    code, text = run(workdir, "eval", videos=VideoChoice(videos=("training_0001", "validation_0003")))
    (folder,) = workdir.glob("eval_videos_*")
    assert code == 0 and len(json.loads((folder / "tables" / "detections.json").read_text())["videos"]) == 2
