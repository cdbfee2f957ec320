"""The script for a short loan of an accelerator: what is measured stays, and is not measured again."""

import json

import pytest

from fact_jax.benchmark import accelerator
from fact_jax.benchmark.ours import Ours
from fact_jax.benchmark.workload import workload_of

RESULT = {
    "device": "card",
    "in_a_row": 0.9,
    "train": {"ours": {"median": 1.0}, "torch": {"median": 2.0}},
    "evaluate": {"ours": {"median": 0.25}},
    "utilisation": {"train": {"ours": {"share": 0.5}}, "evaluate": {"ours": {"share": 0.125}}},
}


@pytest.fixture
def told(monkeypatch):
    """Arguments of measurements, none of which is made: the second ends with an error, the last is cut off."""
    made = []

    def measure(arguments, folder, seconds):
        made.append(arguments)
        assert 0 < seconds <= 480
        if len(made) == 2:
            (folder / accelerator.FAILED).write_text("exit code 1: RESOURCE_EXHAUSTED | memory\n")
        elif len(made) < 8:
            (folder / accelerator.DONE).write_text(json.dumps({"step": RESULT}))

    monkeypatch.setattr(accelerator, "_measure", measure)
    monkeypatch.setattr(accelerator, "BATCHES", (1, 16))
    monkeypatch.setattr(accelerator, "PRECISIONS", {"float32": (), "bfloat16": ("--config.dtype=bfloat16",)})
    return made


def test_what_is_there_is_not_measured_again(tmp_path, told, capsys):
    arguments = ["--output", str(tmp_path / "card"), "--tiny", "--against", "torch"]
    assert accelerator.main([*arguments, "--minutes", "0"]) == 1 and not told
    assert accelerator.main(arguments) == 1
    assert len(told) == 8 and sum("--against=torch" in line for line in told) == 4
    assert [line for line in told if "--batch=16" in line] == told[4:]
    assert accelerator.main(arguments) == 1 and told[8:] == told[7:8]
    text = capsys.readouterr().out
    assert "| gtea | float32 | 1 | 1.0000 | 2.0000 | 50.0 % | 10 % | 0.2500 |  | 12.5 % |" in text
    assert "| actionformer | float32 | 1 | exit code 1: RESOURCE_EXHAUSTED / memory |" in text and "card" in text


def test_a_measurement_is_a_run_of_the_benchmark(tmp_path):
    """Wrong arguments end it at once, and are told."""
    accelerator._measure(["--config=configs/none.py"], tmp_path, 60.0)
    assert "exit code 2" in (tmp_path / accelerator.FAILED).read_text()
    assert "none.py" in (tmp_path / "output.txt").read_text()


def test_every_system_comes_before_the_next_batch():
    wanted = accelerator.measurements(tuple(accelerator.SYSTEMS))
    assert len({measurement.name for measurement in wanted}) == len(wanted) == 45
    assert {measurement.system for measurement in wanted[:15]} == set(accelerator.SYSTEMS)
    assert min(measurement.batch for measurement in wanted if measurement.system == "cast") == 2


def test_steps_in_a_row(tmp_path):
    from configs import mstcn_gtea

    config = mstcn_gtea.get_config("quick")
    ours = Ours(config, workload_of(config, (20,), 1), tmp_path, 1)
    ours.prepare([20], evaluation=False)
    assert ours.in_a_row(2) > 0
