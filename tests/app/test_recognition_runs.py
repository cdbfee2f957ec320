"""Recognition from settings to files, with a task that is quick to compile."""

import csv
import io
import json
import os
import signal

import numpy as np
import pytest
from PIL import Image

from configs import cast_epic, cast_synthetic, cast_synthetic_verb_noun
from data_pipelines.recognition import opening
from fact_jax import inference
from fact_jax.app import experiment
from fact_jax.app.kinds.recognition import RecogniseClipsConfig
from fact_jax.app.runs import recognition
from fact_jax.app.video_choice import VideoChoice
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.recognition import systems
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.overrides import override
from tests.tasks.recognition import toy_recogniser
from tests.training.watching import assert_same_run, rows


@pytest.fixture(autouse=True, scope="module")
def toy():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("build", "restore"):
            patch.setattr(systems, name, getattr(toy_recogniser, name))
        yield


def make_config(source=cast_synthetic, **overrides):
    """The quick form of a config, of four steps with mixed clips."""
    config = source.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.train.update({"steps": 4, "log_every": 1, "eval_every": 2, "batch_size": 4, "micro_batch_size": 2})
        config.loss.mixup_probability = 0.9
        config.eval.figures = config.log.tensorboard = config.compilation_cache = False
        override(config, overrides)
    return config.lock()


def run(workdir, mode="train", config=None, stream=None, **options):
    stream = stream or io.StringIO()
    code = experiment.run(config or make_config(), workdir, mode, console=writers.Console(stream), **options)
    return code, stream.getvalue()


class StopAfter(io.StringIO):
    """A console that stops the run with a signal when a step is logged."""

    def __init__(self, step):
        super().__init__()
        self.words = f"step {step}/"

    def write(self, text):
        if self.words in text:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().write(text)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, and what it said."""
    workdir = tmp_path_factory.mktemp("runs") / "run"
    code, text = run(workdir)
    assert code == 0
    return workdir, text


def clip_rows(workdir):
    return list(csv.DictReader((workdir / "predictions" / "clips.csv").read_text().splitlines()))


def test_a_run_scores_one_view_while_it_trains_and_all_of_them_at_its_end(finished):
    workdir, text = finished
    assert "8 train clips, 4 test clips, 16 labels; 4 frames of 16 x 16 pixels" in text
    scored = [{key for key in row if key.endswith("/Top1")} for row in rows(workdir)]
    assert [row["step"] for row, names in zip(rows(workdir), scored, strict=True) if names] == [2, 4]
    assert set().union(*scored) == {"single_view/Top1"}
    results = json.loads((workdir / "results.json").read_text())
    assert results["selected_on"] == "single_view"
    assert results["num_videos"] == {"train": 8, "test": 4, "single_view": 4}
    assert results["metrics"].keys() == {"test", "single_view"}
    assert set(results["metrics"]["test"]["best"]) == {"Top1", "Top5"}
    text = (workdir / "results.md").read_text()
    assert "mean probabilities of 2 views of a clip (2 choices of frames x 1 crop).\n" in text
    assert "frames per clip" in (workdir / "statistics.txt").read_text()
    assert len(clip_rows(workdir)) == 4
    code, again = run(workdir, "eval")
    assert code == 0 and "the same, to the last digit" in again


def test_a_run_resumes_to_the_bit_with_any_number_of_workers(finished, tmp_path):
    workdir, _ = finished
    _, stopped = run(tmp_path, stream=StopAfter(2), config=make_config(data__num_workers=2))
    assert "stopped by SIGTERM after step" in stopped and not (tmp_path / "results.json").exists()
    assert "resuming after step" in run(tmp_path)[1]
    assert_same_run(tmp_path, workdir, 4)


def test_one_and_two_devices_give_the_same_probabilities(finished, tmp_path, monkeypatch):
    choose = device_layout.choose
    monkeypatch.setattr(device_layout, "choose", lambda size: choose(size)[:1])
    run(tmp_path)
    assert len(device_layout.choose(2)) == 1 < len(choose(2))
    for one, two in zip(clip_rows(tmp_path), clip_rows(finished[0]), strict=True):
        assert one["clip"] == two["clip"] and one["predicted_1"] == two["predicted_1"]
        for name in ("true_probability", "probability_1", "probability_5"):
            assert float(one[name]) == pytest.approx(float(two[name]), abs=2e-4)


def test_chosen_clips_are_scored(finished):
    workdir, _ = finished
    code, text = run(workdir, "eval", videos=VideoChoice("train"))
    assert code == 0 and "evaluating the 8 train videos" in text
    assert len(clip_rows(workdir / "eval_train")) == 8


def write_clips(root):
    """A folder in which one name stands for two clips: the images of clips/a in one list, clips/a.npy in the other."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d", "e"):
        (root / "clips" / name).mkdir(parents=True)
        for number in range(6):
            image = Image.fromarray(rng.integers(0, 256, (20, 24, 3)).astype(np.uint8))
            image.save(root / "clips" / name / f"{number}.png")
    np.save(root / "clips" / "a.npy", rng.integers(0, 256, (6, 20, 24, 3)).astype(np.uint8))
    (root / "train.csv").write_text("video,label\na,run\nb,jump\nc,run\nd,jump\n")
    (root / "val.csv").write_text("video,label\na.npy,jump\ne,run\n")
    return {"data__reader": "videos", "data__dir": str(root), "data__dataset": "mine"}


def test_a_name_of_two_clips_is_that_of_either_list(tmp_path):
    config = make_config(**write_clips(tmp_path / "folder"))
    assert run(tmp_path / "run", config=config)[0] == 0
    with pytest.raises(UserError, match="'a' is the name of a train video and of another test video: --split train or"):
        run(tmp_path / "run", "eval", config, videos=VideoChoice(videos=("a", "e")))
    truth = {}
    for split in ("train", "test"):
        assert run(tmp_path / "run", "eval", config, videos=VideoChoice(split, ("a",)))[0] == 0
    for folder in (tmp_path / "run").glob("eval_videos_*"):
        (row,) = clip_rows(folder)
        truth[row["true"]] = row["clip"]
    assert truth == {"run": "a", "jump": "a"}


def test_a_score_that_the_clips_do_not_have_is_refused_before_they_are_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "check_videos", None)
    config = make_config(eval__select_metric="Action@1", **write_clips(tmp_path / "folder"))
    expected = r"'Action@1' is no score of clips with one label; expected one of Top1, Top5"
    with pytest.raises(UserError, match=expected):
        recognition.open_sources(config, tmp_path / "run")
    with pytest.raises(UserError, match=expected):
        recognition.open_sources(make_config(eval__select_metric="Action@1"), None)
    with pytest.raises(UserError, match="'Top1' is no score of clips with a verb and a noun"):
        recognition.open_sources(make_config(cast_synthetic_verb_noun, eval__select_metric="Top1"), None)


def test_predictions_are_those_of_the_evaluation(finished, tmp_path):
    """The frames of a test clip, given as an array, have the probabilities that the evaluation gave the clip."""
    workdir, _ = finished
    clips = recognition.open_sources(make_config(), None).test
    np.save(tmp_path / "whole.npy", clips[0].video.frames(np.arange(clips[0].num_frames)))
    told = RecogniseClipsConfig(input=(str(tmp_path / "whole.npy"),), output=str(tmp_path / "out"))
    stream = io.StringIO()
    assert experiment.predict(make_config(), workdir, told, writers.Console(stream)) == 0
    model = inference.load(workdir)
    (row,) = (row for row in clip_rows(workdir) if row["clip"] == clips[0].clip_id)
    found = model.predict(clips[0].video.frames(np.arange(clips[0].num_frames)))
    assert found.labels == (row["predicted_1"],)
    assert [guess.label for guess in found.best()] == [row[f"predicted_{place}"] for place in range(1, 6)]
    assert found.best()[0].probability == pytest.approx(float(row["probability_1"]), abs=1e-4)
    assert (tmp_path / "out" / "predictions" / "whole.json").is_file()
    with pytest.raises(UserError, match="--every goes with --window"):
        model.predict(str(tmp_path / "whole.npy"), every=1.0)
    with pytest.raises(UserError, match="it goes with segmentation"):
        model.predict(str(tmp_path / "whole.npy"), transcript=("a",))


def test_a_prediction_may_look_at_more_views_and_at_no_other_frames(finished, tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((8, 20, 24, 3), np.uint8))
    told = RecogniseClipsConfig(input=(str(tmp_path / "v.npy"),), output=str(tmp_path), figures=False)
    config, stream = make_config().copy_and_resolve_references(), io.StringIO()
    config.data.sampling.test_crops = 3
    assert experiment.predict(config, finished[0], told, writers.Console(stream)) == 0
    assert '"test_crops": 3' in (tmp_path / "predictions" / "v.json").read_text()
    config.data.sampling.num_frames = 8
    with pytest.raises(UserError, match=r"data\.sampling\.num_frames: 4 there, 8 now"):
        experiment.predict(config, finished[0], told, writers.Console(stream))


def test_windows_of_a_long_video(finished, tmp_path):
    model = inference.load(finished[0])
    frames = np.random.default_rng(0).integers(0, 256, (50, 20, 24, 3), np.uint8)
    found = model.predict(frames, window=0.8, every=0.4)
    rate = 50 / found.times[-1, 1]
    np.testing.assert_allclose(found.times[1:-1, 0] - found.times[:-2, 0], 0.4)
    np.testing.assert_allclose(found.times[:, 1] - found.times[:, 0], 0.8)
    np.testing.assert_allclose(found.probabilities["label"].sum(axis=1), 1.0, rtol=1e-5)
    first = round(found.times[1, 0] * rate), round(found.times[1, 1] * rate)
    alone = model.predict(frames[first[0] : first[1]])
    np.testing.assert_allclose(alone.probabilities["label"][0], found.probabilities["label"][1], atol=1e-6)


def test_verbs_and_nouns(tmp_path):
    config = make_config(cast_synthetic_verb_noun)
    code, text = run(tmp_path, config=config)
    assert code == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert {"Action@1", "Action@5", "ActionPair@5", "Noun@1", "Verb@5"} <= results["metrics"]["test"]["best"].keys()
    derived = json.loads((tmp_path / "config.json").read_text())["derived"]
    nouns, verbs = derived["verb_nouns"]["nouns"], derived["verb_nouns"]["verbs"]
    assert derived["class_names"] == [*(f"noun {name}" for name in nouns), *(f"verb {name}" for name in verbs)]
    guess = inference.load(tmp_path).predict(np.zeros((8, 20, 20, 3), np.uint8)).best()[0]
    assert guess.label in {f"{verb} {noun}" for verb in verbs for noun in nouns}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"train": {"batch_size": 3}}, "batch_size is 3.*mixup mixes clips in pairs.*mixup_probability=0"),
        ({"train": {"micro_batch_size": 3}}, "micro-batches of 3 leave one over"),
        ({"model": {"num_heads": 3}}, "model.num_heads"),
        ({"model": {"experts": "clip", "frozen_dtype": "bfloat16"}}, "frozen_dtype is 'bfloat16'"),
        ({"eval": {"select_metric": "Top2"}}, "select_metric is 'Top2'. Did you mean 'Top"),
        ({"data": {"sampling": {"num_frames": 5}}}, "num_frames is 5, expected an even number"),
        ({"data": {"augmentation": {"size": 20}}}, "the side of a frame, is 20, which is no multiple"),
    ],
)
def test_settings_that_contradict_each_other(changes, message):
    config = make_config().copy_and_resolve_references()
    config.update(changes)
    with pytest.raises(UserError, match=message):
        recognition.check_settings(config)


def test_a_run_that_lacks_the_weights_of_its_experts_says_so():
    assert recognition.drawn_experts(make_config()) == ""
    config = cast_epic.get_config().copy_and_resolve_references()
    told = recognition.drawn_experts(config)
    assert "--init_from FILE with CLIP's ViT-B-16.pt and --init_from FILE with a ViT-B file of VideoMAE" in told
    config.model.update({"experts": "videomae", "dim": 384, "num_heads": 6})
    assert "No ViT-B/16 of others is of this size" in recognition.drawn_experts(config)
    config.model.train_experts = True
    assert recognition.drawn_experts(config) == ""
