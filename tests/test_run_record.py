"""config.json and the refusal to mix runs."""

import json

import pytest

from fact_jax import run_record
from fact_jax.types import UserError
from tests.overrides import override

CONFIG = {"seed": 0, "name": "x", "data": {"split": "split1", "dir": "", "background_ids": (0,), "fps": 0.0}, "log": {}}


def changed(**values):
    return override(json.loads(json.dumps(CONFIG)), values)


def test_equal_settings_are_accepted_and_written_once(tmp_path):
    workdir = tmp_path / "run"
    assert not run_record.check(workdir, config=CONFIG)
    run_record.write(workdir, config=CONFIG, derived={"buckets": (8, 16)})
    before = (workdir / "config.json").stat().st_mtime_ns
    run_record.write(workdir, config=CONFIG, derived={"buckets": (8, 16)})
    assert (workdir / "config.json").stat().st_mtime_ns == before
    assert run_record.check(workdir, config=CONFIG, derived={"buckets": [8, 16]})


@pytest.mark.parametrize(
    "values",
    [{"name": "y"}, {"data__dir": "/elsewhere"}, {"data__fps": 15.0}, {"log": {"tensorboard": False}}],
    ids=str,
)
def test_settings_that_change_no_number_may_differ(tmp_path, values):
    run_record.write(tmp_path, config=CONFIG, derived={})
    assert run_record.check(tmp_path, config=changed(**values))


def test_all_differing_settings_are_named(tmp_path):
    run_record.write(tmp_path, config=CONFIG, derived={"feature_dim": 4})
    with pytest.raises(UserError) as caught:
        other = changed(seed=1, data__split="split2", train={"epochs": 3})
        run_record.check(tmp_path, config=other, derived={"feature_dim": 5})
    lines = str(caught.value).splitlines()
    assert lines[1:5] == [
        "  config.data.split: 'split1' there, 'split2' now",
        "  config.seed: 0 there, 1 now",
        "  config.train.epochs: None there, 3 now",
        "  feature_dim: 4 there, 5 now (from the data and the settings)",
    ]
    assert "Use another --workdir" in lines[5]


@pytest.mark.parametrize("text", ["{", "[]", '{"config": {}}', '{"config": [], "derived": {}}'])
def test_a_file_that_is_no_record_is_an_error(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="config.json"):
        run_record.check(tmp_path, config=CONFIG)


def test_records_from_before_transcripts_are_read_as_of_today(tmp_path):
    old = {"config": {"model": {"num_tokens": 9}}, "derived": {"model": {"num_classes": 7, "num_tokens": 9}}}
    today = {"name": "fact", "num_tokens": 9, "use_transcript": False}
    (tmp_path / "config.json").write_text(json.dumps(old))
    new_model = {"num_tokens": 9, "classes": {"num_classes": 7}, "use_transcript": False}
    assert run_record.check(
        tmp_path,
        config={"model": today, "log": {"wandb": False}},
        derived={"model": new_model, "verb_nouns": None, "transcripts_sha256": ""},
    )
    with pytest.raises(UserError, match="model.classes.num_classes: 7 there, 8 now"):
        run_record.check(tmp_path, derived={"model": new_model | {"classes": {"num_classes": 8}}})
    with pytest.raises(UserError, match="use_transcript: False there, True now"):
        run_record.check(tmp_path, config={"model": today | {"use_transcript": True}})
    assert run_record.read(tmp_path)["config"]["model"] == today
    # Checkpoints of such a run say nothing of the name either.
    assert run_record.differences(old["config"], {"model": today}) == []


def test_the_name_of_a_dataset_is_a_name():
    assert (
        run_record.differences({"data": {"dataset": "gtea"}}, {"data": {"dataset": "gtea (synthetic stand-in)"}}) == []
    )


def test_settings_younger_than_a_run_are_what_the_run_did(tmp_path):
    run_record.write(tmp_path, config={"seed": 0}, derived={})
    assert run_record.check(tmp_path, config={"seed": 0, "dtype": "float32", "train": {"sampling": "random"}})
    with pytest.raises(UserError, match="dtype: None there, 'bfloat16' now"):
        run_record.check(tmp_path, config={"seed": 0, "dtype": "bfloat16"})


def test_settings_of_blocks_younger_than_a_run_are_off_in_it(tmp_path):
    run_record.write(tmp_path, config=CONFIG, derived={"model": {"block_configs": [{"dim": 4}, {"dim": 5}]}})
    blocks = [{"dim": 4, "encoder_dim": None}, {"dim": 5, "encoder_dim": None}]
    assert run_record.check(tmp_path, derived={"model": {"block_configs": blocks, "faformer": False}})
    blocks[1] = {"dim": 6, "encoder_dim": 3}
    with pytest.raises(UserError) as caught:
        run_record.check(tmp_path, derived={"model": {"block_configs": blocks}})
    assert "model.block_configs.1.dim: 5 there, 6 now" in str(caught.value)
    assert "model.block_configs.1.encoder_dim: None there, 3 now" in str(caught.value)
    with pytest.raises(UserError, match="model.block_configs.1.dim: 5 there, None now"):
        run_record.check(tmp_path, derived={"model": {"block_configs": blocks[:1]}})


def test_more_settings_may_be_allowed_to_differ(tmp_path):
    run_record.write(tmp_path, config=CONFIG, derived={})
    assert run_record.check(tmp_path, config=changed(seed=1), neutral=(*run_record.NEUTRAL, "seed"))


def test_conversions_are_compared_where_both_know_something(tmp_path):
    converted = {"feature_dim": 4, "buckets": [], "converted": {"file": "w.pth"}}
    run_record.write(tmp_path, config=CONFIG, derived=converted)
    assert run_record.check(tmp_path, derived={"feature_dim": 4, "buckets": [16], "labels_sha256": "ab"})
    with pytest.raises(UserError, match="feature_dim: 4 there, 5 now"):
        run_record.check(tmp_path, derived={"feature_dim": 5})


def test_identity_is_short_and_tells_runs_apart():
    record = {
        "config": {"seed": 1, "log": {"wandb": True}, "optimizer": {"name": "adam"}},
        "derived": {"class_names": [f"class {number}" for number in range(100)], "model": {"width": 3}},
    }
    identity = run_record.identity(record)
    assert identity["config"] == {"seed": 1, "optimizer.name": "adam"}
    assert identity["data"]["model.width"] == 3 and len(identity["data"]["class_names"]) < run_record.LONG
    record["derived"]["class_names"][3] = "other"
    record["config"]["seed"] = 2
    lines = run_record.differences(identity, run_record.identity(record), ())
    assert [line.partition(":")[0] for line in lines] == ["config.seed", "data.class_names"]


def test_identity_is_that_of_the_file():
    record = {"config": {}, "derived": {"model": {"blocks": ({"kind": "sca"}, {"kind": "sa"})}}}
    assert run_record.identity(record) == run_record.identity(json.loads(json.dumps(record)))
    assert run_record.identity(record)["data"] == {"model.blocks.0.kind": "sca", "model.blocks.1.kind": "sa"}
