"""Representation learning from settings to files, with a task that is quick to compile."""

import io
import json
import os
import signal

import numpy as np
import pytest

from configs import carl_custom, carl_penn_action, carl_synthetic
from fact_jax.app import experiment
from fact_jax.app.runs import representation
from fact_jax.app.video_choice import VideoChoice
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.representation import systems
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.overrides import override
from tests.tasks.representation import toy_embedder
from tests.training.watching import assert_same_run, rows


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    for name in ("build", "restore"):
        monkeypatch.setattr(systems, name, getattr(toy_embedder, name))


def make_config(source=carl_synthetic, data=None, **overrides):
    """The quick form of a config, of four steps; `data` is nested as config.data is."""
    config = source.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.train.update({"steps": 4, "log_every": 1, "eval_every": 2, "batch_size": 3})
        config.eval.update({"figures": False, "pixel_size": 0})
        config.data.num_workers = 0
        config.log.tensorboard = config.compilation_cache = False
        config.data.update(data or {})
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


def test_a_run_resumes_to_the_bit_with_any_number_of_workers(tmp_path):
    whole, run_dir, config = tmp_path / "whole", tmp_path / "run", {"eval__at_start": False, "train__eval_every": 4}
    assert run(whole, config=make_config(**config))[0] == 0
    _, stopped = run(run_dir, stream=StopAfter(2), config=make_config(data={"num_workers": 2}, **config))
    assert "stopped by SIGTERM after step" in stopped and not (run_dir / "results.json").exists()
    assert "resuming after step" in run(run_dir, config=make_config(**config))[1]
    assert_same_run(run_dir, whole, 4)


def test_scores_before_the_first_step_are_kept(tmp_path):
    run(tmp_path, stream=StopAfter(1))
    first = rows(tmp_path)[0]
    assert first["step"] == 0 and "test/Tau" in first
    run(tmp_path)
    assert rows(tmp_path)[0] == first
    assert [row["step"] for row in rows(tmp_path) if "test/Tau" in row] == [0, 2, 4]
    run(tmp_path / "off", config=make_config(eval__at_start=False))
    assert [row["step"] for row in rows(tmp_path / "off") if "test/Tau" in row] == [2, 4]


def test_one_and_two_devices_give_the_same_embeddings(tmp_path, monkeypatch):
    choose, found = device_layout.choose, []
    for count in (1, 2):
        devices = choose(8)[:count]
        monkeypatch.setattr(device_layout, "choose", lambda size, devices=devices: choose(size, devices))
        run(tmp_path / str(count))
        files = sorted((tmp_path / str(count) / "predictions").glob("*.npy"))
        found.append({path.name: np.load(path) for path in files})
    assert found[0].keys() == found[1].keys() and len(found[0]) == 7
    for name, embeddings in found[0].items():
        np.testing.assert_allclose(found[1][name], embeddings, atol=1e-5)


def test_results_say_what_was_scored_and_what_the_pixels_score(tmp_path):
    code, text = run(tmp_path, config=make_config(eval__pixel_size=8))
    assert code == 0 and "synthetic (synthetic stand-in)" not in text
    assert "4 train videos, 3 test videos, 3 phases; 2 views of 12 frames with 48 x 48 pixels" in text
    said = text.index("scoring the pixels of 3 videos for comparison (config.eval.pixel_size)")
    assert said < text.index("For comparison, the pixels themselves, averaged to 8 x 8: Classification@1")
    results = (tmp_path / "results.md").read_text()
    assert "scoring the pixels" not in results
    assert "For comparison, the pixels themselves, averaged to 8 x 8: Classification@1" in results
    assert "frames per video" in (tmp_path / "statistics.txt").read_text()
    derived = json.loads((tmp_path / "config.json").read_text())["derived"]
    assert derived["phases"] == [["phase 0", "phase 1", "phase 2"]] and derived["class_names"] == []
    code, text = run(tmp_path, "eval", config=make_config(eval__pixel_size=8))
    assert code == 0 and "the same, to the last digit" in text
    code, text = run(tmp_path, "eval", config=make_config(eval__pixel_size=8), videos=VideoChoice("train"))
    assert code == 0 and (tmp_path / "eval_train" / "predictions").is_dir()


def write_videos(folder, lengths=(20, 14, 17)):
    """Videos of noise as arrays."""
    rng = np.random.default_rng(0)
    (folder / "videos").mkdir(parents=True)
    for number, length in enumerate(lengths):
        np.save(folder / "videos" / f"v{number}.npy", rng.integers(0, 256, (length, 20, 24, 3), np.uint8))


def test_a_folder_without_labels_is_scored_by_tau_alone(tmp_path):
    write_videos(tmp_path / "mine")
    data = {"reader": "videos", "dir": str(tmp_path / "mine"), "dataset": "mine"}
    config = make_config(carl_custom, data)
    code, text = run(tmp_path / "run", config=config)
    assert code == 0 and "no evaluated video has labels, so what needs them is not scored: classification, prog" in text
    assert "3 train videos, 3 test videos, no labels; 2 views of 12 frames" in text
    drawn = "Training begins without --init_from: the stem and the first 3 stages of the ResNet stay as they are drawn"
    assert f"warning: {drawn}" in text and drawn in (tmp_path / "run" / "results.md").read_text()
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert set(results["metrics"]["test"]["best"]) == {"Tau"}
    with pytest.raises(UserError, match="select_metric is 'AP@5', and no evaluated video has labels: only Tau"):
        run(tmp_path / "other", config=make_config(carl_custom, data, eval__select_metric="AP@5"))
    with pytest.raises(UserError, match="no training video has labels"):
        run(
            tmp_path / "other",
            config=make_config(carl_custom, data, loss={**config.loss.to_dict(), "objective": "classification"}),
        )


@pytest.mark.parametrize("length", [20, 9])
def test_videos_that_changed_are_another_run_whatever_their_length(tmp_path, length):
    write_videos(tmp_path / "mine")
    data = {"reader": "videos", "dir": str(tmp_path / "mine"), "dataset": "mine"}
    workdir, config = tmp_path / "run", make_config(carl_custom, data)
    _, text = run(workdir, stream=StopAfter(2), config=config)
    assert "Read for their checksums, which are kept until a file changes: 3 files of videos" in text
    changed, path = np.zeros((length, 20, 24, 3), np.uint8), tmp_path / "mine" / "videos" / "v0.npy"
    original = np.load(path)
    np.save(path, changed)
    for mode in ("train", "eval"):
        with pytest.raises(UserError, match=r"1 of 3 videos have other files than the run .*: v0\. .*--accept_new_fea"):
            run(workdir, mode, config=config)
    np.save(path, original)
    code, text = run(workdir, config=config)
    assert code == 0 and "Read for their checksums, which are kept until a file changes: 1 file of videos" in text
    np.save(path, changed)
    code, text = run(workdir, config=config)
    assert code == 0 and "warning: the data are not those of this finished run" in text and "other files" in text
    code, text = run(workdir, "eval", config=config, accept_new_features=True)
    assert code == 0 and "Evaluated with other files" in (workdir / "eval_other_features" / "results.md").read_text()
    (workdir / "results.json").unlink()
    assert run(workdir, config=config, accept_new_features=True)[0] == 0
    assert "Files changed during this run: those of 1 videos." in (workdir / "results.md").read_text()


def test_labels_that_changed_are_named(tmp_path):
    write_videos(tmp_path / "mine")
    (tmp_path / "mine" / "labels").mkdir()
    for number, length in enumerate((20, 14, 17)):
        lines = "reach\n" * 5 + "pour\n" * (length - 5)
        (tmp_path / "mine" / "labels" / f"v{number}.txt").write_text(lines)
    config = make_config(carl_custom, {"reader": "videos", "dir": str(tmp_path / "mine"), "dataset": "mine"})
    run(tmp_path / "run", stream=StopAfter(2), config=config)
    label = tmp_path / "mine" / "labels" / "v1.txt"
    label.write_text(label.read_text().replace("reach\npour", "pour\npour"))
    with pytest.raises(UserError, match=r"labels_sha256: .*\n.*1 video with other labels, or in another list \(v1\)"):
        run(tmp_path / "run", config=config)


SINGLE = {"augmentation": {"self_supervised": False}}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"data": SINGLE}, "self_supervised is False, and loss.objective 'scl' compares two views"),
        ({"loss": {"objective": "tcn"}}, "clip.positives is False and loss.objective 'tcn'"),
        ({"data": {"clip": {"positives": True}}}, "clip.positives is True and loss.objective 'scl'"),
        ({"data": SINGLE, "loss": {"objective": "tcc"}, "train": {"batch_size": 1}}, "compares two clips at least"),
        ({"loss": {"negatives": "batch"}, "train": {"micro_batch_size": 1}}, "negatives 'batch'.* compares all videos"),
        ({"loss": {"objective": "tcc"}, "train": {"micro_batch_size": 1}}, "objective 'tcc'.* set it to 0"),
        ({"model": {"embedder": "conv"}}, "augmentation.size is 48: .* leaves 6 pixels.* take 2 off|Expected more"),
        ({"model": {"num_heads": 3}}, "model.hidden_dim is 16, which is not divided by model.num_heads, 3"),
        ({"model": {"train_backbone": "all"}}, "train_backbone is 'all'; the transformer's is 'frozen'"),
        ({"eval": {"select_metric": "Tua"}}, "select_metric is 'Tua'. Did you mean 'Tau'"),
        ({"eval": {"pixel_size": 7}}, "pixel_size is 7, expected a part of data.augmentation.size, 48"),
        ({"data": {"split": "split2"}}, "split is 'split2', and no list depends on it"),
    ],
)
def test_settings_that_contradict_each_other(changes, message):
    config = make_config(train__micro_batch_size=0).copy_and_resolve_references()
    if changes.get("model", {}).get("embedder") == "conv":
        changes = {"model": {"embedder": "conv", "conv_dims": (8, 8, 8)}}
    config.update(changes)
    with pytest.raises(UserError, match=message):
        representation.check_settings(config)


def test_all_contradictions_come_at_once():
    config = make_config(data=SINGLE).copy_and_resolve_references()
    config.update({"eval": {"pixel_size": 7}, "data": {"split": "x"}})
    with pytest.raises(UserError) as error:
        representation.check_settings(config)
    assert len(str(error.value).splitlines()) == 3


def test_classes_of_a_classifier_are_those_of_one_group():
    config = make_config().copy_and_resolve_references()
    assert representation.read_classes(config).names == ()
    config.loss.objective = "classification"
    assert representation.read_classes(config).names == ("phase 0", "phase 1", "phase 2")
    several = carl_penn_action.get_config().copy_and_resolve_references()
    several.loss.objective = "classification"
    with pytest.raises(UserError, match="config.data.dir is not set"):
        representation.read_classes(several)
