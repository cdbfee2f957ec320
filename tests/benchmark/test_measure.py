"""Turns of the implementations, and the numbers that the report makes of them."""

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

from fact_jax.benchmark import measure, parts, plot, report


def test_implementations_take_turns():
    calls, clock = [], iter(range(100))

    def run(name):
        return lambda: (calls.append(name), float(next(clock)))[1]

    timings = measure.interleave({"ours": run("ours"), "torch": run("torch")}, 3)
    assert calls == ["ours", "torch", "torch", "ours", "ours", "torch"]
    assert timings == {"ours": [0.0, 3.0, 4.0], "torch": [1.0, 2.0, 5.0]}


def test_median_and_spread():
    summary = measure.summary([1.0, 9.0, 2.0], 4)
    assert summary == {"median": 2.0, "min": 1.0, "max": 9.0, "per_video": 0.5, "seconds": [1.0, 9.0, 2.0]}


def timed(ours, torch):
    return {"ours": measure.summary([ours], 1), "torch": measure.summary([torch], 1), "ratio": ours / torch}


def test_ratios_are_of_ours_to_each_of_the_others():
    found = measure.ratios({"ours": 3.0, "torch": 4.0, "fused": 2.0})
    assert found == {"ratio": 0.75, "ratio_fused": 1.5}
    assert report.ratio_text(found, ", ratio ") == ", ratio 0.750, 1.500" and report.ratio_text({}, "x") == ""


REST = {"libraries": 2**28, "device": None}
RESULT = {
    "config": "fact_toy",
    "repeats": 5,
    "workload": {"lengths": [100, 120], "classes": 7, "feature_dim": 3, "pieces": 4, "true_segments": 5},
    "machine": {"cores": 2, "jax": "1.0"},
    "memory": {
        phase: {"ours": {"host": 2**30} | REST, "torch": {"host": 2**31} | REST, "ratio": 0.5}
        for phase in report.PHASES
    },
    "lengths": [
        {"frames": frames, "train": timed(frames / 1000, frames / 500), "evaluate": timed(frames**2 / 1e6, 1.0)}
        for frames in (256, 1024, 4096)
    ]
    + [{"frames": 16384, "failed": "the process of 'ours' ended with code 1"}],
    "batches": [{"batch": batch, "train": timed(batch, 2 * batch), "evaluate": timed(1, 1)} for batch in (1, 2)],
}


class MadeSession:
    """A Session in which PyTorch takes a second for 100 frames, and ours half of that."""

    names, phases = ("ours", "torch"), ("train", "evaluate")

    def __init__(self, dataset, frames=()):
        data, train = SimpleNamespace(dataset=dataset), SimpleNamespace(batch_size=2)
        self.options = SimpleNamespace(frames=frames, settings=SimpleNamespace(data=data, train=train))
        self.workload, self.workers, self.said = SimpleNamespace(lengths=(300, 300)), contextlib.nullcontext, []
        self.say = self.said.append

    def prepare(self, workers, lengths):
        self.frames = sum(lengths)

    def time(self, workers, phase, num_videos):
        return timed(self.frames / 200, self.frames / 100)


@pytest.mark.parametrize(
    "dataset, frames, groups",
    [
        ("mine", (100, 200, 400), [[100, 200], [400]]),
        ("mine", (), [[300, 300]]),
        ("thumos14", (), [[671, 219], [1725, 1483], [5386, 1284], [873, 1053], [2465, 441]]),
    ],
)
def test_videos_of_a_dataset_are_added_up(dataset, frames, groups):
    found = parts.measure_dataset(MadeSession(dataset, frames))
    assert [row["frames"] for row in found["groups"]] == groups
    total = sum(map(sum, groups))
    assert found["train"] == found["evaluate"] == {"ours": total / 200, "torch": total / 100, "ratio": 0.5}
    lines = report.SECTIONS["dataset"](found).splitlines()[2:]
    assert len(lines) == len(groups) + 3 and len({line.count("|") for line in lines}) == 1
    assert lines[-1].startswith("| all of them |") and lines[-1].count("0.500") == 2


def test_growth_is_the_exponent_of_the_frames():
    assert report.growth(RESULT["lengths"], "train") == (1024, 4096, pytest.approx(1.0))
    assert report.growth(RESULT["lengths"], "evaluate") == (1024, 4096, pytest.approx(2.0))
    assert report.growth(RESULT["lengths"][:1], "train") is None


def test_report_holds_tables_and_pictures(tmp_path):
    text = report.markdown(RESULT)
    assert "2 video(s) of 100, 120 frames" in text and "constant over 4 pieces" in text
    assert "| training step | fact_jax | 1024 MiB | 256 MiB |  | 0.50 |" in text
    assert "| 4,096 | 4.096 (4.096 per video) | 8.192 (8.192 per video) | 0.500 |" in text
    assert "| 16,384 | failed | failed |" in text
    assert "evaluation grows as frames ** 2.00" in text
    report.write(tmp_path / "out", RESULT, text)
    plot.write(tmp_path / "out", RESULT)
    assert json.loads((tmp_path / "out" / "benchmark.json").read_text()) == RESULT
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert pictures == ["cost_by_batch.png", "cost_by_frames.png"]


def test_tables_have_as_many_cells_in_every_line():
    tables = [block.splitlines() for block in report.markdown(RESULT).split("\n\n") if "\n| ---" in block]
    assert len(tables) > 1
    for rows in tables:
        assert len({row.count("|") for row in rows if row.startswith("|")}) == 1


def test_disagreement_cannot_be_overlooked():
    agreement = {"equal_labels": 0.5, "largest_logit_difference": 0.1, "agree": False}
    assert report.agreement_text(agreement).startswith("DIFFERENT NUMBERS: 50.00 % equal labels")


def test_every_one_of_the_others_is_compared(tmp_path):
    for name, value in (("ours", 1.0), ("torch", 1.0), ("fused", 1.5)):
        np.savez(tmp_path / f"{name}.npz", logits0=np.full(3, value))
    assert parts._agreement(tmp_path, 1, ["torch"])["agree"]
    found = parts._agreement(tmp_path, 1, ["torch", "fused"])
    assert report.agreement_text(found) == "DIFFERENT NUMBERS: logits differ by at most 5.0e-01"


@pytest.mark.parametrize("wrong", [None, "logits0", "offsets1"])
def test_logits_and_offsets_are_compared(tmp_path, wrong):
    arrays = {f"{name}{place}": np.ones((3, 2)) for name in ("labels", "logits", "offsets") for place in range(2)}
    np.savez(tmp_path / "ours.npz", **arrays)
    if wrong:
        arrays[wrong] = arrays[wrong] + 0.5
    np.savez(tmp_path / "torch.npz", **arrays)
    found = parts._agreement(tmp_path, 2)
    assert found["agree"] == (wrong is None) and found["equal_labels"] == 1.0
    text = report.agreement_text(found)
    assert ("logits differ by at most 5.0e-01" in text) == (wrong == "logits0")
    assert text.endswith(f"offsets by {'5.0e-01' if wrong == 'offsets1' else '0.0e+00'} strides")
