"""Files with scores of another system."""

import json

import numpy as np
import pytest

from data_pipelines.localization.class_scores import read_class_scores
from fact_jax.types import UserError

SCORES = {"a": [0.1, 0.9], "b": [0.5, 0.25]}


@pytest.mark.parametrize("form", ["plain", "results", "npz"])
def test_scores_are_read(tmp_path, form):
    path = tmp_path / ("scores.npz" if form == "npz" else "scores.json")
    if form == "npz":
        np.savez(path, **SCORES)
    else:
        path.write_text(json.dumps(SCORES if form == "plain" else {"results": SCORES, "class": ["x", "y"]}))
    found = read_class_scores(path, ["b"])
    assert list(found.by_video) == ["b"] and found.by_video["b"].dtype == np.float32 and found.num_classes == 2
    assert found.names == (("x", "y") if form == "results" else None)
    np.testing.assert_array_equal(found.by_video["b"], [0.5, 0.25])


@pytest.mark.parametrize("names", [["x"], ["x", 1], "xy", None])
def test_names_that_do_not_fit_are_none(tmp_path, names):
    (tmp_path / "scores.json").write_text(json.dumps({"results": SCORES, "class": names}))
    assert read_class_scores(tmp_path / "scores.json", ["a", "b"]).names is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": [1, 2]}, "no scores of 1 of 2 videos, such as 'b'"),
        ({"a": [1, 2], "b": "x"}, "'b' are no list of numbers"),
        ({"a": [1, 2], "b": [1, -2]}, "'b' are no list of numbers"),
        ({"a": [1, 2], "b": [1, 2, 3]}, "2 to 3 scores"),
        ([1], "expected {VIDEO"),
    ],
)  # fmt: skip
def test_scores_that_cannot_be_used_are_refused(tmp_path, content, message):
    (tmp_path / "scores.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        read_class_scores(tmp_path / "scores.json", ["a", "b"])


def test_a_pickle_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(UserError, match="run code.*scores.json"):
        read_class_scores(tmp_path / "scores.pkl", ["a"])
    with pytest.raises(UserError, match="is missing"):
        read_class_scores(tmp_path / "scores.json", ["a"])
