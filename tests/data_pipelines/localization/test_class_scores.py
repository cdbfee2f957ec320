"""Files with scores of another system."""

import io
import json
import math
import warnings
import zipfile

import numpy as np
import pytest

from data_pipelines.localization.class_scores import (
    VideoClassScores,
    check_number,
    check_order,
    name_lines,
    read_class_scores,
    renamed_lines,
    score_lines,
)
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


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x"], "'class' has 1 name; expected 2"), (["x", 1], "'class' is no list of names"),
        ("xy", "'class' is no list of names"), (["x", "x"], "'class' has 'x' twice"),
        (["x", "y\ud800"], r"'class': the control character '\\ud800'"),
    ],
)  # fmt: skip
def test_names_that_do_not_fit_are_refused(tmp_path, names, message):
    (tmp_path / "scores.json").write_text(json.dumps({"results": SCORES, "class": names}))
    with pytest.raises(UserError, match=message):
        read_class_scores(tmp_path / "scores.json", ["a", "b"])
    (tmp_path / "scores.json").write_text(json.dumps({"results": SCORES, "class": None}))
    assert read_class_scores(tmp_path / "scores.json", ["a", "b"]).names is None


def test_classes_in_another_order_than_in_the_annotations_are_refused():
    scores = VideoClassScores({"a": np.zeros(2, np.float32)}, ("x", "y"))
    check_order("s.json", scores, {0: "x", 1: "Y"})
    with pytest.raises(UserError, match="2 classes have another number than in the annotations, such as 'y' with 1"):
        check_order("s.json", scores, {0: "y", 1: "x"})
    with pytest.raises(UserError, match="scores of 2 classes; expected 4: the annotations have the id 3"):
        check_order("s.json", scores, {3: "z"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": [1, 2]}, "no scores of 1 of 2 videos, such as 'b'"),
        ({"a": [1, 2], "b": "x"}, "scores of video 'b': no list of numbers: 'x'; expected a finite number"),
        ({"a": [1, 2], "b": [1, -2]}, "'b': the one of class 1 is -2.0; expected a finite number from 0 to 3.4e.38"),
        ({"a": [1, 2], "b": [1, "2"]}, "'b': the one of class 1 is '2'; expected"),
        ({"a": [1, 2], "b": [1, True]}, "'b': the one of class 1 is True; expected"),
        ({"a": [1, 2], "b": [1, 10**400]}, "'b': the one of class 1 is inf; expected"),
        ({"a": [1, 2], "b": [1, 1e300]}, "'b': the one of class 1 is 1e.300; expected"),
        ({"a": [1, 2], "b": [1, None]}, "'b': the one of class 1 is None; expected"),
        ({"a": [1, 2], "b": [math.inf, math.nan]}, "'b': the one of class 0 is inf, and 1 more cannot be used"),
        ({"results": {"a": [1, 2], "b": [1, math.inf]}, "class": ["x", "y"]}, "'b': the one of class 1 .'y'. is inf;"),
        ({"a": [1, 2], "b": []}, "'b': 0 numbers; expected"),
        ({"a": [1, 2], "b": [1, 2, 3]}, "2 to 3 scores"),
        ([1], "no table of videos; expected {VIDEO"),
    ],
)  # fmt: skip
def test_scores_that_cannot_be_used_are_refused(tmp_path, content, message):
    (tmp_path / "scores.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        read_class_scores(tmp_path / "scores.json", ["a", "b"])


@pytest.mark.parametrize("values", [np.array([1j, 2]), np.array([True, False]), np.zeros((1, 2)), np.array(["1", "2"])])
def test_arrays_that_are_no_scores_are_refused(tmp_path, values):
    np.savez(tmp_path / "scores.npz", a=values)
    with pytest.raises(UserError, match="scores of video 'a': no list of numbers: an array of shape "):
        read_class_scores(tmp_path / "scores.npz", ["a"])


def test_names_that_are_there_twice_are_refused(tmp_path):
    (tmp_path / "scores.json").write_text('{"a": [1, 2],\n"a": [2, 1]}')
    with pytest.raises(UserError, match="line 2: 'a' is there twice"):
        read_class_scores(tmp_path / "scores.json", ["a"])
    with zipfile.ZipFile(tmp_path / "scores.npz", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for number in range(2):
            buffer = io.BytesIO()
            np.save(buffer, np.array([1.0, number]))
            archive.writestr("a.npy", buffer.getvalue())
    with pytest.raises(UserError, match="the array 'a' is there twice"):
        read_class_scores(tmp_path / "scores.npz", ["a"])
    (tmp_path / "scores.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="file cannot be read"):
        read_class_scores(tmp_path / "scores.npz", ["a"])


def test_a_pickle_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(UserError, match="run code.*scores.json"):
        read_class_scores(tmp_path / "scores.pkl", ["a"])
    with pytest.raises(UserError, match="is missing"):
        read_class_scores(tmp_path / "scores.json", ["a"])


RUN = ("Dive", "Serve", "Clap")


def scores_of(values, names=None):
    return VideoClassScores({video: np.float32(numbers) for video, numbers in values.items()}, names)


def test_fewer_scores_than_classes_of_the_run_need_names():
    with pytest.raises(
        UserError,
        match=r"--class_scores has 1 problem:\ns.json\n.*2 scores; expected 3, one per class of the run; give",
    ):
        check_number("s.json", scores_of(SCORES), RUN, "--class_scores")
    check_number("s.json", scores_of(SCORES, RUN[:2]), RUN, "--class_scores")
    check_number("s.json", scores_of(SCORES), ("x", "y"), "--class_scores")


def test_scores_that_are_no_shares_are_told():
    assert list(score_lines("s.json", scores_of(SCORES))) == []
    zero, large = score_lines("s.json", scores_of({"a": [0, 0], "b": [50, 10], "c": [0, 1]}))
    assert zero == "s.json: all scores of 1 of 3 videos are 0, and so are the scores of all that is found there: a"
    assert large.startswith("s.json: scores of 1 of 3 videos are above 1, up to 50; expected shares from 0 to 1; ")


def test_classes_that_are_not_those_of_the_run_are_told():
    three = {"a": [0.5, 0.25, 0.25]}
    assert list(name_lines("s.json", scores_of(three, RUN[::-1]), RUN)) == []
    unknown, lacking = name_lines("s.json", scores_of(three, ("Dive", "Serve", "clap")), RUN)
    assert unknown == (
        "s.json: 1 class of the scores is unknown to the run, and what is found is named so all the same: "
        "'clap' (did you mean 'Clap'?)"
    )
    assert lacking == "s.json: 1 class of the run has no score, so that nothing is named so: 'Clap'"
    (more,) = name_lines("s.json", scores_of(three), RUN[:2])
    assert more == "s.json: scores of 3 classes, and the run knows 2; the others are called 'class 2' and so on"


def test_other_names_than_in_the_annotations_are_told():
    (line,) = renamed_lines("s.json", scores_of({"a": [0.5, 0.5]}, ("Dive", "clap")), {0: "Dive", 1: "Clap"})
    assert line == "s.json: 1 class has another name than in the annotations; numbers count: 'clap' for 'Clap'"
