"""Labels from Python: equal to an evaluation's, whatever the length; the right parameters; clear refusals."""

import json

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

from configs import fact_synthetic_transcript
from fact_jax import inference
from fact_jax.inference.predictor import check_features
from fact_jax.inference.segmentation.predictor import padded_length
from fact_jax.ops.resampling import upsample
from fact_jax.training.checkpoints.manager import checksum
from fact_jax.types import UserError
from tests.inference import runs

# Below, at and beyond the buckets of the run, 16 and 24 frames after sampling.
LENGTHS = (1, 2, 13, 31, 32, 100)


def features_of(num_frames, seed=0):
    return np.random.default_rng([seed, num_frames]).normal(size=(num_frames, runs.FEATURE_DIM))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(workdir, task, items of every step) of a run that uses every second frame; step 2 of 1, 2, 3 is the best."""
    workdir = tmp_path_factory.mktemp("predictor") / "run"
    config = runs.make_config(data__sample_rate=2, checkpoint__keep_latest=3)
    return workdir, *runs.write_run(workdir, config, {1: 10.0, 2: 30.0, 3: 20.0})


@pytest.fixture(scope="module")
def model(run):
    return inference.load(run[0])


@pytest.fixture(scope="module")
def predicted(model):
    return {length: model.predict(features_of(length)) for length in LENGTHS}


def test_a_loaded_model_says_what_it_is(model, run):
    assert model.class_names == runs.CLASS_NAMES and model.feature_dim == runs.FEATURE_DIM
    assert model.step == 2 and model.sample_rate == 2 and not model.uses_transcript and len(model.checksum) == 64


@pytest.mark.parametrize("part, key, value", [
    ("config", "model", None), ("config", "model", []), ("config", "compilation_cache", ...), ("derived", "model", 3),
    ("derived", "class_names", 5), ("derived", "class_names", ...), ("derived", "feature_dim", "x"),
])  # fmt: skip
def test_a_record_that_was_edited_names_itself(run, part, key, value):
    path = run[0] / "config.json"
    text = path.read_text()
    record = json.loads(text)
    record[part] = {name: found for name, found in (record[part] | {key: value}).items() if found is not ...}
    try:
        path.write_text(json.dumps(record))
        with pytest.raises(UserError, match="config.json|checkpoints"):
            inference.load(run[0])
    finally:
        path.write_text(text)


def test_predictions_are_those_of_the_unpadded_video_at_the_full_rate(run, predicted):
    _, task, items = run
    sampled = features_of(100)[None, ::2].astype(np.float32)
    batch = {"features": sampled, "mask": np.ones(sampled.shape[:2], bool), "row": np.zeros(1, np.int32)}
    expected = jax.device_get(jax.jit(task.predict_scores)(items[2]["params"], {}, batch))
    found = predicted[100]
    for name in ("labels", "frame_labels", "action_labels"):
        np.testing.assert_array_equal(getattr(found, name), upsample(expected[name][0], 100))
    for name in ("confidence", "probabilities"):
        np.testing.assert_allclose(getattr(found, name), upsample(expected[name][0], 100), atol=1e-5)


@pytest.mark.slow
def test_several_devices_give_the_same_labels(run, predicted):
    model = inference.load(run[0], devices=jax.local_devices()[:3])
    found = model.predict(features_of(31))
    np.testing.assert_array_equal(found.labels, predicted[31].labels)
    np.testing.assert_allclose(found.probabilities, predicted[31].probabilities, atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_parts_of_a_prediction_agree(predicted, length):
    found = predicted[length]
    assert found.labels.shape == found.confidence.shape == (length,) and found.labels.dtype == np.int32
    assert found.probabilities.shape == (length, len(runs.CLASS_NAMES)) and found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.confidence, found.probabilities[np.arange(length), found.labels], rtol=1e-6)
    assert found.names == tuple(runs.CLASS_NAMES[label] for label in found.labels)
    names = []
    for number, segment in enumerate(found.segments):
        assert segment.start == len(names) < segment.end
        assert not number or segment.label != found.segments[number - 1].label
        assert segment.confidence == pytest.approx(found.confidence[segment.start : segment.end].mean(), rel=1e-5)
        names += [segment.label] * (segment.end - segment.start)
    assert tuple(names) == found.names


def test_the_test_model_is_no_trivial_one(predicted):
    assert len(predicted[100].segments) > 3 and len(set(predicted[100].names)) > 1


def test_many_lengths_share_programs_and_a_list_is_its_videos(run):
    lines = []
    model = inference.load(run[0], say=lines.append)
    videos = [features_of(length) for length in (32, 5, 31, 100, 20, 98, 70)]
    together = model.predict(videos)
    assert sum("compiled" in line for line in lines) == 2
    for video, found in zip(videos, together, strict=True):
        alone = model.predict(video)
        np.testing.assert_array_equal(found.probabilities, alone.probabilities)
        assert found.segments == alone.segments
    assert model.predict([]) == []


def test_numbers_of_other_types_are_predicted_as_float32(model, predicted):
    video = features_of(13)
    np.testing.assert_array_equal(model.predict(video.astype(np.float32)).labels, predicted[13].labels)
    assert len(model.predict(np.ones((13, runs.FEATURE_DIM), np.int8)).labels) == 13


def test_the_step_can_be_chosen(run, predicted):
    other = inference.load(run[0], step=3)
    assert other.step == 3
    assert not np.array_equal(other.predict(features_of(13)).probabilities, predicted[13].probabilities)
    with pytest.raises(UserError, match="step 7: there is no such checkpoint .* Steps: 1, 2, 3"):
        inference.load(run[0], step=7)


def test_averaged_weights_are_used_where_the_run_has_them(tmp_path):
    config = runs.make_config(optimizer__ema_decay=0.9)
    _, items = runs.write_run(tmp_path / "run", config, {1: 10.0})
    # `load` verifies that what it read has this checksum.
    assert inference.load(tmp_path / "run").checksum == checksum(items[1]["ema"]) != checksum(items[1]["params"])


def test_a_checkpoint_that_nobody_evaluated_will_do(tmp_path):
    runs.write_run(tmp_path / "run", runs.make_config(), {4: None})
    lines = []
    assert inference.load(tmp_path / "run", say=lines.append).step == 4
    assert "was evaluated after a step; taking the latest, step 4" in lines[0]


def test_what_cannot_be_loaded_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="holds no run: config.json is missing"):
        inference.load(tmp_path / "nothing")
    runs.write_run(tmp_path / "run", runs.make_config(), {})
    for load in (inference.load, inference.segmentation.load):
        with pytest.raises(UserError, match="has no checkpoint yet"):
            load(tmp_path / "run")
    with pytest.raises(UserError, match=r"a run of segmentation \(fact\), .*: use inference.segmentation.load, or"):
        inference.localization.load(tmp_path / "run")
    runs.write_run(tmp_path / "damaged", runs.make_config(), {1: 10.0})
    path = tmp_path / "damaged" / "checkpoints" / "1" / "meta" / "metadata"
    path.write_text(path.read_text().replace('"params":"', '"params":"0').replace('"params": "', '"params": "0'))
    with pytest.raises(UserError, match="the checksum of its metadata is wrong. No other one"):
        inference.load(tmp_path / "damaged")


@pytest.mark.parametrize(
    "features, text",
    [
        (np.zeros((5, 9)), r"expected \(frames, 5\)\. They look transposed: pass features\.T"),
        (np.zeros(5), r"shape \(5,\); expected \(frames, 5\)"),
        (np.zeros((0, 5)), "no frames"),
        (np.full((9, 5), "x"), "expected float"),
        (np.array([[1.0] * 5, [1.0, 1.0, np.nan, 1.0, 1.0]]), "1 values are NaN .* first at frame 1, channel 2"),
        (np.full((2, 5), 1e300), "10 values are NaN or infinite as float32"),
    ],
)
def test_features_that_cannot_be_used_are_refused(model, features, text):
    with pytest.raises(UserError, match=f"^features: .*{text}"):
        model.predict(features)
    with pytest.raises(UserError, match="^features of video 1: "):
        model.predict([np.zeros((3, 5)), features])


def test_extreme_features_are_refused_instead_of_labelled(model):
    with pytest.raises(UserError, match="scores are not finite"):
        model.predict(np.full((9, 5), 3e38))


def test_a_model_without_transcripts_takes_none(model):
    with pytest.raises(UserError, match="trained without"):
        model.predict(features_of(9), transcript=["pour"])
    with pytest.raises(UserError, match="2 videos and 1 of transcript"):
        model.predict([features_of(9)] * 2, transcript=[["pour"]])
    with pytest.raises(UserError, match="fps=.*it goes with localization, and this is a run of segmentation; leave"):
        model.predict(features_of(9), fps=0)
    with pytest.raises(UserError, match="transcrpt=.*there is no such argument. It takes features, transcript"):
        model.predict(features_of(9), transcrpt=["pour"])


@pytest.fixture(scope="module")
def transcript_model(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("transcripts") / "run"
    runs.write_run(workdir, runs.make_config(fact_synthetic_transcript), {1: 10.0})
    return inference.load(workdir)


def test_a_transcript_decides_which_actions_there_are(transcript_model):
    video = features_of(20)
    found = transcript_model.predict(video, transcript=["pour", "pour", "stir", "pour"])
    assert transcript_model.uses_transcript and set(found.names) <= {"pour", "stir"}
    for same in ([1, 2, 1], np.array([1, 1, 2, 2, 1])):
        np.testing.assert_array_equal(transcript_model.predict(video, same).probabilities, found.probabilities)
    one, other = transcript_model.predict([video, video], transcript=[["stir"], ["serve"]])
    assert {segment.label for segment in one.segments} == {"stir"} and set(other.names) == {"serve"}


@pytest.mark.parametrize(
    "transcript, text",
    [
        (None, "needs the transcript"),
        (["sitr"], "'sitr', which is no class of this model. Did you mean 'stir'"),
        ([1, 4], "has 4, which is no class"),
        (["pour", 1.5], "has 1.5"),
        ("pour", "one name"),
    ],
)
def test_a_transcript_that_cannot_be_used_is_refused(transcript_model, transcript, text):
    with pytest.raises(UserError, match=text):
        transcript_model.predict(features_of(20), transcript=transcript)


def test_checked_features_are_a_copy_in_float32():
    given = features_of(4)
    checked = check_features(given, runs.FEATURE_DIM)
    assert checked.dtype == np.float32 and not np.shares_memory(checked, given)


@hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
@hypothesis.given(st.integers(1, 100_000), st.sets(st.integers(1, 5000), max_size=4))
def test_padded_lengths_hold_the_video_and_are_few(length, buckets):
    padded = padded_length(length, tuple(buckets))
    assert padded >= length
    if length <= max(buckets, default=0):
        assert padded == min(bucket for bucket in buckets if bucket >= length)
    else:
        # Never more than half again as long, up to rounding, so sizes up to any length grow like its logarithm.
        assert padded < max(1.5 * length + 64, max(buckets, default=0) * 1.5 + 64, 65)
