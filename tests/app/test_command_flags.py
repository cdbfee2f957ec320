"""Which flags go with which mode."""

import dataclasses

import pytest

from configs import actionformer_synthetic, carl_synthetic, cast_synthetic, fact_synthetic
from fact_jax.app import command_flags, kinds
from fact_jax.types import UserError

SETTINGS = fact_synthetic.get_config()
GIVEN = {
    "config": ("--config=x.py",),
    "workdir": "runs/x",
    "step": 3,
    "init_from": ("runs/y",),
    "accept_new_features": True,
    "split": "train",
    "videos": ("a",),
    "input": ("a.npy",),
    "output": "out",
    "extractor": "module:function",
    "overwrite": True,
    "checkpoint": "w.pth",
    "reference_config": "c.yaml",
    "workdirs": ("runs/x",),
    "coordinator_address": "node1:12345",
    "num_processes": 2,
    "process_id": 0,
    "distributed": False,
    "format": "jax",
    "longest": 900,
    "systems": "fact,mstcn",
    "folds": 3,
    "seeds": 2,
    "budget": 1.5,
    "group_by": "^(P)",
    "page_videos": "copy",
}


@pytest.mark.parametrize("mode", command_flags.MODES)
def test_every_flag_of_a_mode_is_accepted_and_the_others_are_refused(mode):
    needed, optional = command_flags.MODES[mode]
    own = {name: GIVEN[name] for name in (*needed, *optional)}
    command_flags.check(command_flags.Options(mode, settings=SETTINGS, **own))
    for name in GIVEN.keys() - own.keys():
        with pytest.raises(UserError, match=f"--{name} has no meaning with --mode {mode}; it belongs to"):
            command_flags.check(command_flags.Options(mode, settings=SETTINGS, **own, **{name: GIVEN[name]}))


@pytest.mark.parametrize("mode", command_flags.MODES)
def test_missing_flags_are_all_named(mode):
    with pytest.raises(UserError) as caught:
        command_flags.check(command_flags.Options(mode, settings=SETTINGS))
    missing = [f"--{name} is missing." for name in command_flags.MODES[mode][0]]
    lines = str(caught.value).splitlines()
    assert lines[: len(missing)] == missing
    assert [line.partition(":")[0] for line in lines[len(missing) :]] == (
        ["--config or --reference_config is missing"] if mode == "convert" else []
    )


def test_every_flag_belongs_to_a_mode():
    fields = {field.name for field in dataclasses.fields(command_flags.Options)}
    assert fields == {*GIVEN, "mode", "settings", "overridden", "prediction"}


def test_unknown_modes_are_refused():
    with pytest.raises(UserError, match="--mode is 'predct'. Did you mean 'predict'"):
        command_flags.check(command_flags.Options("predct"))


SYNTHETIC = (fact_synthetic, actionformer_synthetic, carl_synthetic, cast_synthetic)
OF_KINDS = {
    "segmentation": {
        "transcripts": "t",
        "fps": 15.0,
        "extractor_workdir": "x",
        "probabilities": True,
        "figures": False,
    },
    "localization": {
        "fps": 15.0,
        "extractor_workdir": "x",
        "durations": "d.json",
        "class_scores": "s.json",
        "figures": False,
    },
    "representation": {"align_to": "a", "figures": False},
    "recognition": {"window": 2.0, "every": 1.0, "figures": False},
}


@pytest.mark.parametrize("settings", [config.get_config() for config in SYNTHETIC], ids=list(OF_KINDS))
def test_flags_of_a_kind_go_with_its_runs_alone(settings):
    kind = kinds.of_system(settings.model.name)
    own = OF_KINDS[kind.name]
    given = {"settings": settings, "workdir": "runs/x", "input": ("a.npy",)}
    options = command_flags.Options("predict", prediction=own, **given)
    command_flags.check(options)
    assert command_flags.predict_config(options) == kind.predict_config(input=("a.npy",), **own)
    for name in set().union(*OF_KINDS.values()) - own.keys():
        with pytest.raises(UserError, match=f"--{name}: .* this is a run of {kind.name}; leave the flag out"):
            command_flags.check(command_flags.Options("predict", prediction={name: "x"}, **given))
    with pytest.raises(UserError, match="--figures has no meaning with --mode eval; it belongs to predict"):
        command_flags.check(command_flags.Options("eval", prediction={"figures": True}, workdir="runs/x"))
    for fps in (-1.0, 0.0, float("nan"), float("inf")) if "fps" in own else ():
        with pytest.raises(UserError, match="--fps"):
            kind.predict_config(input=("x.npy",), fps=fps)
    for told in ({"window": 0.0}, {"window": 1.0, "every": float("nan")}, {"every": 1.0}) if "window" in own else ():
        with pytest.raises(UserError, match="--window|--every"):
            kind.predict_config(input=("x.mp4",), **told)
