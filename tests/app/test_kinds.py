"""The table of kinds: what it names is there, and systems are found in it."""

import dataclasses
import re
import types

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import actionformer_synthetic, fact_synthetic
from fact_jax.app import command_flags, commands, config_rules, kinds, published_weights
from fact_jax.app.kinds.base import Kind, Lazy, PredictConfig, flag
from fact_jax.benchmark import kinds as benchmark_kinds
from fact_jax.tasks.segmentation import systems
from fact_jax.types import UserError


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.name)
def test_everything_that_a_kind_names_is_there(kind):
    for field in dataclasses.fields(kind):
        value = getattr(kind, field.name)
        if isinstance(value, Lazy):
            assert value() is not None
    for name in ("restore", "example_arrays", "recognise", "publish", "class_axes"):
        assert callable(getattr(kind.tasks(), name))
    for name in ("check_settings", "open_sources", "prepare", "read_classes", "open_prediction"):
        assert callable(getattr(kind.runs(), name))
    for system in kind.systems:
        assert kinds.of_system(system) is kind


def test_systems_are_named_once_and_have_a_builder():
    names = [system for kind in kinds.KINDS for system in kind.systems]
    assert len(names) == len(set(names))
    assert kinds.of_system("fact").systems == tuple(systems.BUILDERS)


def test_every_system_is_measured_and_another_is_refused():
    assert benchmark_kinds.MEASURED == tuple(system for kind in kinds.KINDS for system in kind.systems)
    with pytest.raises(UserError, match="config.model.name is 'toy'"):
        benchmark_kinds.kind_of("toy")


def test_a_kind_without_published_configs_says_so(tmp_path):
    options = command_flags.Options("convert", actionformer_synthetic.get_config(), reference_config="c.yaml")
    with pytest.raises(UserError, match="--reference_config: the published code of localization has no such configs"):
        commands.run(dataclasses.replace(options, workdir=str(tmp_path), checkpoint="w.pth"))


def test_an_unknown_system_is_told_the_nearest_one():
    with pytest.raises(UserError, match="config.model.name is 'asfomer'. Did you mean 'asformer'"):
        kinds.of_system("asfomer")


@pytest.mark.parametrize("tensors", [{}, {"fc.weight": np.zeros((2, 3)), "fc.bias": np.zeros(2)}])
def test_weights_of_no_known_system_are_refused(tensors):
    with pytest.raises(UserError, match="weights.pth: This is of no system known here, which are fact, .*actionformer"):
        published_weights.recognise(tensors, "weights.pth")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToyConfig(PredictConfig):
    """Of a third kind of work, which reads videos and needs no file of classes."""

    views: int | None = flag("predict: crops of every video.")


TOY = Kind(
    name="toy",
    systems=("toy",),
    choices=lambda values: {"model.size": ("small", "large")},
    ranges=((("data.clip_frames",), lambda value: value > 0, "more than 0"),),
    problems=lambda values: ["two settings contradict each other"] if values.get("data.clip_frames") == 7 else [],
    predict_config=ToyConfig,
    base_config=lambda: lambda name, model: ConfigDict({"name": name, "data": {"dataset": "", "clip_frames": 1}}),
    runs=lambda: types.SimpleNamespace(check_settings=lambda config: None),
    **{
        field.name: lambda: None
        for field in dataclasses.fields(Kind)
        if field.default is dataclasses.MISSING
        and field.name not in ("name", "systems", "predict_config", "base_config", "runs")
    },
)


def test_a_third_kind_is_entered_in_the_table_alone(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, TOY))
    config = fact_synthetic.get_config().copy_and_resolve_references()
    config.model = ConfigDict({"name": "toy", "size": "small"})
    config.data = ConfigDict({"dataset": "toy", "clip_frames": 3})
    config_rules.check_choices(config)
    for change, words in (
        ({"model.size": "lage"}, "config.model.size is 'lage'. Did you mean 'large'"),
        ({"data.clip_frames": 1.5}, "config.data.clip_frames is 1.5, expected a whole number, more than 0"),
        ({"data.clip_frames": 0}, "config.data.clip_frames is 0, expected more than 0"),
        ({"data.clip_frames": 7}, "two settings contradict each other"),
        ({"optimizer.clip_norm": -1.0}, "config.optimizer.clip_norm is -1.0, expected 0 or more"),
    ):
        wrong = config.copy_and_resolve_references()
        with wrong.ignore_type():
            wrong.update_from_flattened_dict(change)
        with pytest.raises(UserError, match=re.escape(words)):
            config_rules.check_choices(wrong)

    given = {"settings": config, "workdir": "runs/x", "input": ("a.mp4",)}
    options = command_flags.Options("predict", prediction={"views": 3, "figures": False}, **given)
    command_flags.check(options)
    assert command_flags.predict_config(options) == ToyConfig(input=("a.mp4",), views=3, figures=False)
    with pytest.raises(UserError, match="--fps: it goes with segmentation and localization, and this is a run of toy"):
        command_flags.check(command_flags.Options("predict", prediction={"fps": 3.0}, **given))
