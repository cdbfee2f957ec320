"""Runs that predict together: means of what each says, read in its own way; refusals that name differences."""

import dataclasses
import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import actionformer_synthetic, mstcn_synthetic
from fact_jax import inference, run_record
from fact_jax.app import command_flags, commands
from fact_jax.app.command_flags import Options
from fact_jax.app.runs import segmentation as segmentation_runs
from fact_jax.models.actionformer.network import Outputs
from fact_jax.ops.clip_views import softmax
from fact_jax.ops.resampling import downsampled_length, upsample
from fact_jax.tasks.base import FINITE
from fact_jax.tasks.localization import ensemble as localization
from fact_jax.tasks.localization import systems as localization_systems
from fact_jax.tasks.localization.actionformer import ActionFormerTask
from fact_jax.tasks.recognition.ensemble import RecognitionEnsemble
from fact_jax.tasks.segmentation import systems
from fact_jax.tasks.segmentation.ensemble import stretched
from fact_jax.training import loop
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.shapes import variable_shapes


def make_config(**changes):
    """Of a tiny MS-TCN on the synthetic videos."""
    config = mstcn_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.model.update({"num_layers": 1, "num_stages": 1, "dim": 4} | changes)
        config.eval.figures = config.compilation_cache = config.log.tensorboard = False
    return config.lock()


def write_run(workdir, config, seed, **derived):
    """A run with random parameters."""
    classes = segmentation_runs.read_classes(config)
    derived = {"class_names": list(classes.names), "feature_dim": 12, "buckets": [40], "verb_nouns": None} | derived
    run_record.write(workdir, config=config.to_dict(), derived=derived)
    task, rng = systems.restore(config, derived), np.random.default_rng(seed)
    shapes = variable_shapes(task, {"features": np.zeros((1, 1, derived["feature_dim"]), np.float32)})["params"]
    params = jax.tree.map(lambda x: rng.normal(0, 0.7, x.shape).astype(np.float32), shapes)
    with loop.open_checkpoints(config, workdir) as checkpoints:
        best = {"step": 0, "value": None}
        checkpoints.save({"params": params}, {"step": 1, "metrics": {}, "value": 1.0, "split": "test", "best": best})
    return str(workdir)


@pytest.fixture(scope="module")
def workdirs(tmp_path_factory):
    """Two runs, the second of which sees every second frame."""
    folder = tmp_path_factory.mktemp("members")
    config = make_config()
    halved = config.copy_and_resolve_references()
    with halved.unlocked():
        halved.data.sample_rate = 2
    return [write_run(folder / "all", config, 0), write_run(folder / "halved", halved.lock(), 1, buckets=[20])]


def test_probabilities_of_frames_are_means_each_member_at_its_own_rate(workdirs):
    together, alone = inference.load_ensemble(workdirs), [inference.load(workdir) for workdir in workdirs]
    assert together.buckets == (40,) and together.sample_rate == 1 and together.step == "1+1"
    for length in (1, 37):
        features = np.random.default_rng(length).normal(size=(length, 12)).astype(np.float32)
        mean = np.mean([model.predict(features).probabilities for model in alone], axis=0)
        found = together.predict(features)
        np.testing.assert_allclose(found.probabilities, mean, atol=1e-6)
        np.testing.assert_array_equal(found.labels, mean.argmax(axis=1))
        np.testing.assert_allclose(found.confidence, mean.max(axis=1), atol=1e-6)


def test_frames_are_stretched_as_on_the_host():
    rng = np.random.default_rng(0)
    for number, rate in ((1, 3), (7, 2), (10, 3), (12, 4)):
        seen = downsampled_length(number, rate)
        values = rng.normal(size=(1, 4, 2)).astype(np.float32)
        mask, seen_mask = np.arange(12)[None] < number, np.arange(4)[None] < seen
        if seen <= 4:
            found = np.asarray(stretched(jnp.asarray(values), mask, seen_mask))[0, :number]
            np.testing.assert_array_equal(found, upsample(values[0, :seen], number))


def command(mode, workdirs, **flags):
    """(exit code, lines) of a mode, as main.py has it."""
    stream = io.StringIO()
    settings = make_config()
    options = Options(mode=mode, settings=settings, workdir=",".join(workdirs), **flags)
    command_flags.check(options)
    return commands.run(options, writers.Console(stream)), stream.getvalue()


def test_files_of_predictions_name_every_checkpoint(workdirs, tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(12, 30)).astype(np.float32))
    told = {"input": (str(tmp_path / "v.npy"),), "prediction": {"figures": False}}
    code, _ = command("predict", workdirs, output=str(tmp_path / "out"), **told)
    assert code == 0
    record = json.loads((tmp_path / "out/predictions/v.json").read_text())["made_from"]["model"]
    assert [one["workdir"] for one in record["members"]] == workdirs and record["sample_rate"] == 1
    assert all(len(one["checkpoint"]["sha256"]) == 64 for one in record["members"])
    with pytest.raises(UserError, match="--output is missing"):
        command("predict", workdirs, **told)
    with pytest.raises(UserError, match="--step goes with one workdir"):
        command("predict", workdirs, step=1, output="x", **told)


def test_an_evaluation_scores_the_means(workdirs, tmp_path):
    code, text = command("eval", [workdirs[0]] * 1 + [workdirs[1]], output=str(tmp_path / "scores"))
    assert code == 0 and "2 runs together  test:  Edit" in text
    record = json.loads((tmp_path / "scores/evaluation.json").read_text())
    assert [one["checkpoint"]["step"] for one in record["members"]] == [1, 1] and record["videos"] == "test"
    assert "The predictions of 2 runs are averaged" in (tmp_path / "scores/results.md").read_text()
    assert len(list((tmp_path / "scores/predictions").glob("*.txt"))) == 3
    assert not list((tmp_path / "scores").glob("config.json"))


def test_what_cannot_predict_together_is_named(workdirs, tmp_path):
    config = make_config()
    other = write_run(tmp_path / "other", config, 0, class_names=["a", "b"], feature_dim=3)
    with pytest.raises(UserError) as caught:
        inference.load_ensemble([*workdirs, other])
    first, *lines = str(caught.value).splitlines()
    assert first == "These runs cannot predict together, they differ in" and len(lines) == 2
    assert lines[1] == f"  channels of the features: 12 in {workdirs[0]}, 3 in {other}"
    with pytest.raises(UserError, match="two runs or more, each named once"):
        inference.load_ensemble([workdirs[0]] * 2)
    for mode, told in {
        "train": "--mode train takes one",
        "eval": "--output is missing.*(?s:.*)--step goes with one workdir",
    }.items():
        step = {"step": 1} if mode == "eval" else {}
        with pytest.raises(UserError, match=told):
            command_flags.check(Options(mode=mode, settings=config, workdir="a,b", **step))
    with pytest.raises(UserError, match="--output has no meaning with --mode eval"):
        command_flags.check(Options(mode="eval", settings=config, workdir="a", output="b"))


@dataclasses.dataclass(frozen=True)
class Saying:
    """A member that says what its parameters are."""

    model: object = None
    candidate_config: object = None
    predict_keys = ("features", "mask")

    def outputs(self, params, batch):
        return Outputs(*params, batch["mask"], [], [])

    def predict(self, params, state, batch):
        return {"logits_label": params, FINITE: jnp.all(jnp.isfinite(params), axis=1)}


def test_points_are_averaged_before_candidates_are_chosen():
    config = actionformer_synthetic.get_config("quick")
    task = localization_systems.restore(config, {"class_names": ["a", "b"]})
    assert isinstance(task, ActionFormerTask)
    length, rng = task.model.max_frames, np.random.default_rng(0)
    points = sum(task.model.level_lengths(length))
    one, other = (
        (rng.normal(-1, 2, (1, points, 2)).astype(np.float32), rng.uniform(1, 3, (1, points, 2)).astype(np.float32))
        for _ in range(2)
    )
    batch = {"features": np.zeros((1, length, 3), np.float32), "mask": np.ones((1, points), bool)}
    members = localization.LocalizationEnsemble((Saying(task.model, task.candidate_config),) * 2)

    jitted = jax.jit(lambda params: members.predict(params, {}, batch))

    def predict(first, second):
        return jitted({"member_0": first, "member_1": second})

    def mean(first, second):
        chances = np.mean([1 / (1 + np.exp(-np.float64(logits))) for logits in (first[0], second[0])], axis=0)
        return np.log(chances / (1 - chances)).astype(np.float32), (first[1] + second[1]) / 2

    found, same = predict(one, other), predict(mean(one, other), mean(one, other))
    np.testing.assert_allclose(found["scores"], same["scores"], atol=1e-6)
    np.testing.assert_allclose(found["segments"], same["segments"], atol=1e-4)
    np.testing.assert_array_equal(found["labels"], same["labels"])
    assert bool(found[FINITE][0]) and not bool(predict((one[0] * np.nan, one[1]), other)[FINITE][0])


def test_probabilities_of_clips_are_means():
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 3, (2, 5)).astype(np.float32) for _ in range(3)]
    members = RecognitionEnsemble((Saying(),) * 3)
    found = members.predict({f"member_{number}": jnp.asarray(one) for number, one in enumerate(logits)}, {}, {})
    expected = np.mean([softmax(one) for one in logits], axis=0)
    np.testing.assert_allclose(softmax(np.asarray(found["logits_label"])), expected, atol=1e-6)
