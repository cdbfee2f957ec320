"""results.json that is not as a run wrote it."""

import copy
import json

import pytest

from fact_jax.reporting import results
from fact_jax.types import UserError

RESULT = {
    "name": "x", "dataset": "toy", "split": "split1", "seed": 0, "select_metric": "Acc", "selected_on": "test",
    "best_step": 2, "final_step": 3, "num_videos": {"train": 3, "test": 2},
    "metrics": {"test": {"best": {"Acc": 50.0, "Edit": None}, "final": {"Acc": 40.0, "Edit": 1}}},
}  # fmt: skip


def write(folder, content):
    (folder / "results.json").write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


def test_what_a_run_writes_is_read(tmp_path):
    assert results.read_results(tmp_path) is None
    write(tmp_path, RESULT)
    assert results.read_results(tmp_path) == RESULT


@pytest.mark.parametrize("key", [key for key in RESULT if key != "seed"])
def test_every_value_of_another_type_is_named(key, tmp_path):
    for value in (None, [], {}, True, 1.5, "text" if not isinstance(RESULT[key], str) else 3, {"test": 3}):
        changed = copy.deepcopy(RESULT) | {key: value}
        if key == "num_videos" and value in ({}, {"test": 3}):
            continue
        write(tmp_path, changed)
        with pytest.raises(UserError, match=r"results\.json is not the result of a run: .*Remove it"):
            results.read_results(tmp_path)
    del changed[key]
    write(tmp_path, changed)
    with pytest.raises(UserError, match=r"results\.json is not the result of a run: .*Remove it"):
        results.read_results(tmp_path)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", r"results\.json:1 cannot be read"), ('{\n"name": }', r"results\.json:2 cannot be read"),
        ("[]", "expected an object"), ("[" * 100_000, "cannot be read"),
        (RESULT | {"metrics": {"test": {"best": {"Acc": "50"}}}}, "scores of 'test' are"),
        (RESULT | {"metrics": {"test": {"worst": {}}}}, "those of the best and the final step"),
    ],
)  # fmt: skip
def test_the_place_and_the_remedy_are_told(content, message, tmp_path):
    write(tmp_path, content)
    with pytest.raises(UserError, match=message):
        results.read_results(tmp_path)
