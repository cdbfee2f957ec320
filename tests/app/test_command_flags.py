"""Which flags go with which mode."""

import dataclasses

import pytest

from fact_jax.app import command_flags
from fact_jax.types import UserError

GIVEN = {
    "config": ("--config=x.py",),
    "workdir": "runs/x",
    "step": 3,
    "input": ("a.npy",),
    "transcripts": "t",
    "fps": 15.0,
    "probabilities": True,
    "durations": "d.json",
    "class_scores": "s.json",
    "figures": False,
    "output": "out",
    "checkpoint": "w.pth",
    "reference_config": "c.yaml",
    "workdirs": ("runs/x",),
    "coordinator_address": "node1:12345",
    "num_processes": 2,
    "process_id": 0,
    "distributed": False,
}


@pytest.mark.parametrize("mode", command_flags.MODES)
def test_every_flag_of_a_mode_is_accepted_and_the_others_are_refused(mode):
    needed, optional = command_flags.MODES[mode]
    own = {name: GIVEN[name] for name in (*needed, *optional)}
    command_flags.check(command_flags.Options(mode, **own))
    for name in GIVEN.keys() - own.keys():
        with pytest.raises(UserError, match=f"--{name} has no meaning with --mode {mode}; it belongs to"):
            command_flags.check(command_flags.Options(mode, **own, **{name: GIVEN[name]}))


@pytest.mark.parametrize("mode", command_flags.MODES)
def test_missing_flags_are_all_named(mode):
    with pytest.raises(UserError) as caught:
        command_flags.check(command_flags.Options(mode))
    missing = [f"--{name} is missing." for name in command_flags.MODES[mode][0]]
    lines = str(caught.value).splitlines()
    assert lines[: len(missing)] == missing
    assert [line.partition(":")[0] for line in lines[len(missing) :]] == (
        ["--config or --reference_config is missing"] if mode == "convert" else []
    )


def test_every_flag_belongs_to_a_mode():
    fields = {field.name for field in dataclasses.fields(command_flags.Options)}
    assert fields == {*GIVEN, "mode", "settings", "overridden"}


def test_unknown_modes_are_refused():
    with pytest.raises(UserError, match="--mode is 'predct'. Did you mean 'predict'"):
        command_flags.check(command_flags.Options("predct"))
