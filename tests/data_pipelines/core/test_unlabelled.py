"""Feature files without labels: which are found, what is wrong with them, and what the others give."""

import errno
import os
import re

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_pipelines.core.batching import EvalBatches
from data_pipelines.core.buckets import bucket_for
from data_pipelines.core.unlabelled import open_files, prediction_buckets
from data_pipelines.localization.unlabelled import StreamReader
from data_pipelines.segmentation.unlabelled import FrameReader, open_inputs, prediction_examples
from fact_jax.ops.time_grid import GridRule
from fact_jax.types import UserError

CLASS_NAMES = ("background", "pour", "stir")
WIDTH = 4


def form(**changes):
    return FrameReader(
        **({"feature_dim": WIDTH, "time_axis": "last", "sample_rate": 1, "class_names": CLASS_NAMES} | changes)
    )


def write(path, num_frames=6, seed=0, time_axis="last", dtype=np.float32):
    """Writes a feature file; returns its values, frames first."""
    values = np.random.default_rng([seed, num_frames]).normal(size=(num_frames, WIDTH)).astype(dtype)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values if time_axis == "first" else values.T)
    return values.astype(np.float32)


def texts(source):
    return [str(problem) for problem in source.problems]


def test_files_folders_and_patterns_are_found_each_once(tmp_path, monkeypatch):
    for name in ("b/v2", "b/v1", "b/deep/v3", "single", "c/v4", "c/v5"):
        write(tmp_path / f"{name}.npy")
    (tmp_path / "b" / "notes.txt").write_text("not a feature file")
    monkeypatch.chdir(tmp_path)
    inputs = ["single.npy", "b", str(tmp_path / "b" / "v1.npy"), "c/v?.npy", "./c/../c/v4.npy"]
    source = open_inputs(inputs, form())
    assert source.video_ids == ("single", "v1", "v2", "v4", "v5") and source.problems == []
    assert all(video.path.is_absolute() for video in source.inputs)
    # Sub-folders take a pattern.
    assert set(open_inputs(["b/**/*.npy"], form()).video_ids) == {"v1", "v2", "v3"}


def test_nothing_to_predict_is_a_user_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="--input is missing"):
        open_inputs([], form())
    with pytest.raises(UserError) as caught:
        open_inputs([tmp_path / "empty", tmp_path / "no.npy", tmp_path / "*.npy"], form())
    for text in ("holds no .npy file; sub-folders are not searched", "no.npy: file is missing", "no file matches"):
        assert text in str(caught.value)


@pytest.mark.parametrize("time_axis", ["last", "first"])
@pytest.mark.parametrize("sample_rate", [1, 3])
def test_videos_are_the_files_time_first_at_the_reduced_rate(tmp_path, time_axis, sample_rate):
    values = {name: write(tmp_path / f"{name}.npy", n, time_axis=time_axis) for name, n in (("a", 7), ("b", 1))}
    source = open_inputs([tmp_path], form(time_axis=time_axis, sample_rate=sample_rate))
    assert source.lengths.tolist() == [-(-7 // sample_rate), 1] and source.feature_dim == WIDTH
    assert [video.num_frames for video in source.inputs] == [7, 1]
    for index, (name, expected) in enumerate(values.items()):
        video = source[index]
        assert video.video_id == name and not video.labels.any()
        np.testing.assert_array_equal(video.features, expected[::sample_rate])
        assert video.features.dtype == np.float32 and video.labels.shape == (source.lengths[index],)


BAD_FILES = {
    # Of the faults of any feature file one; for the others, see tests/data_pipelines/dirty.
    "text": (lambda path: path.write_bytes(b"hello"), "not a .npy file"),
    "wide": (lambda path: np.save(path, np.zeros((WIDTH + 1, 9))), "5 channels .* the model takes 4"),
    "transposed": (lambda path: np.save(path, np.zeros((9, WIDTH))), "looks transposed; save its .T instead"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_a_problem_and_the_others_are_served(tmp_path, kind):
    expected = write(tmp_path / "good.npy")
    make, text = BAD_FILES[kind]
    make(tmp_path / "bad.npy")
    source = open_inputs([tmp_path], form())
    assert source.video_ids == ("good",)
    np.testing.assert_array_equal(source[0].features, expected)
    (problem,) = source.problems
    assert problem.path == str(tmp_path / "bad.npy")
    assert re.search(text, problem.text)


def test_a_file_name_that_cannot_be_shown_is_a_problem(tmp_path):
    write(tmp_path / "fine.npy")
    (tmp_path / "fine.npy").rename(tmp_path / "two\nlines.npy")
    (tmp_path / os.fsdecode(b"\xff.npy")).write_bytes(b"")
    source = open_inputs([tmp_path], form())
    assert len(source) == 0 and len(source.problems) == 2
    for line in texts(source):
        assert "rename the file" in line and line.isprintable()
    # Nor are their transcripts looked for.
    assert texts(open_inputs([tmp_path], form(), transcript_dir=tmp_path)) == texts(source)


@pytest.mark.parametrize(("place", "what"), [("bad\tfolder/v.npy", "folder"), ("folder/bad\x7fv.npy", "file")])
def test_the_part_of_the_path_to_rename_is_named(tmp_path, place, what):
    write(tmp_path / place)
    [line] = texts(open_inputs([(tmp_path / place).parent], form()))
    assert f"in the name of the {what}; rename the {what}" in line and line.isprintable()
    # A file of that name elsewhere is no less welcome.
    write(tmp_path / "fine" / (tmp_path / place).name.replace("\x7f", ""))
    assert len(open_inputs([(tmp_path / place).parent, tmp_path / "fine"], form())) == 1


@pytest.mark.parametrize("kind", ["segmentation", "localization"])
def test_both_kinds_take_the_same_names_from_files(tmp_path, kind):
    """Without folder and ending, which has to be one; a prefix is no part of it where the dataset has one."""
    reader, prefix = form(time_axis="first"), ""
    if kind == "localization":
        prefix = "v_"
        reader = StreamReader(WIDTH, CLASS_NAMES, GridRule(4.0, 16.0), prefix=prefix)
    for name in (f"{prefix}a.b", f"{prefix}c.npy", "txt.txt"):
        write(tmp_path / f"{name}.npy", time_axis="first")
    write(tmp_path / "d.npy", time_axis="first")
    (tmp_path / "d.npy").rename(tmp_path / "d.dat")
    (tmp_path / "txt.txt.npy").rename(tmp_path / "e")
    source = open_files([tmp_path / "*"], reader)[0]
    assert source.video_ids == ("a.b", "c.npy") and source.unusable == ("d.dat", "e")
    first, second = texts(source)
    assert "d.dat: a name that ends in '.dat'; expected a .npy" in first
    assert "e: a name without an ending; expected a .npy" in second


def test_two_files_of_one_video_name_are_both_reported(tmp_path):
    for folder in ("rgb", "flow"):
        write(tmp_path / folder / "v.npy")
    write(tmp_path / "rgb" / "w.npy")
    source = open_inputs([tmp_path / "rgb", tmp_path / "flow"], form())
    assert source.video_ids == ("w",)
    first, second = texts(source)
    assert first.startswith(str(tmp_path / "rgb" / "v.npy")) and str(tmp_path / "flow" / "v.npy") in first
    assert second.startswith(str(tmp_path / "flow" / "v.npy")) and "one file per video name" in second


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_bad_values_are_found_when_a_video_is_read_and_harm_no_other(tmp_path, value):
    expected = write(tmp_path / "a.npy", 5)
    values = np.zeros((WIDTH, 8))
    values[2, 3] = value
    np.save(tmp_path / "b.npy", values)
    source = open_inputs([tmp_path], form())
    assert source.problems == [] and not source.is_bad(1)
    (batch,) = EvalBatches(prediction_examples(source, source), batch_size=2, buckets=(8,), num_rows=2)
    assert source.is_bad(1) and not source.is_bad(0)
    assert "the first at frame 3 of 8, channel 2" in texts(source)[0]
    assert batch.video_ids == ("b", "a") and np.isfinite(batch.arrays["features"]).all()
    np.testing.assert_array_equal(batch.arrays["features"][1, :5], expected)
    assert not batch.arrays["features"][0].any()


def test_a_selection_shares_the_problems(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.npy")
    source = open_inputs([tmp_path], form())
    part = source.select([2, 0])
    assert part.video_ids == ("c", "a")
    part.report(0, "scores are not finite")
    part.report(0, "said once only")
    assert source.is_bad(2) and not source.is_bad(0)
    assert texts(source) == [f"{tmp_path / 'c.npy'}: scores are not finite"]


def test_files_that_change_after_they_were_listed_are_problems(tmp_path):
    for name in ("gone", "longer", "same"):
        write(tmp_path / f"{name}.npy")
    source = open_inputs([tmp_path], form())
    (tmp_path / "gone.npy").unlink()
    write(tmp_path / "longer.npy", 7)
    assert [source[index].features.shape for index in range(3)] == [(6, WIDTH)] * 3
    assert [source.is_bad(index) for index in range(3)] == [True, True, False]
    assert "file is missing" in texts(source)[0] and "has changed since it was listed" in texts(source)[1]


def test_a_file_that_cannot_be_read_is_a_problem_and_the_others_are_served(tmp_path, monkeypatch):
    for name in ("bad", "good"):
        expected = write(tmp_path / f"{name}.npy")
    source = open_inputs([tmp_path], form())
    bad, preadv = os.stat(tmp_path / "bad.npy").st_ino, os.preadv

    def refuse(descriptor, *arguments):
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(errno.EIO, "Input/output error")
        return preadv(descriptor, *arguments)

    monkeypatch.setattr(os, "preadv", refuse)
    assert not source[0].features.any()
    np.testing.assert_array_equal(source[1].features, expected)
    [problem] = source.problems
    assert problem.path.endswith("bad.npy") and "file cannot be read (Input/output error)" in problem.text
    assert source.is_bad(0) and not source.is_bad(1)


@pytest.mark.parametrize("pattern", ["**/*.npy", "deep/**/*.npy", "deep/**", "./**/v?.npy"])
def test_patterns_reach_every_folder_once_though_links_lead_in_circles(tmp_path, monkeypatch, pattern):
    for name in ("deep/v1", "deep/a/v2", "deep/a/b/v3", "elsewhere/v4", "deep/.hidden/v5"):
        write(tmp_path / f"{name}.npy")
    for number in range(4):  # each of them doubles the paths below the other three
        (tmp_path / "deep" / "a" / f"up{number}").symlink_to("..")
        (tmp_path / "deep" / f"here{number}").symlink_to(".")
    (tmp_path / "deep" / "other").symlink_to("../elsewhere")
    (tmp_path / "deep" / "lost").symlink_to("lost")
    monkeypatch.chdir(tmp_path)
    assert sorted(open_inputs([pattern], form()).video_ids) == ["v1", "v2", "v3", "v4"]


def test_transcripts_belong_to_the_videos(tmp_path):
    folder = tmp_path / "transcripts"
    folder.mkdir()
    for name in ("a", "b", "c", "d"):
        write(tmp_path / f"{name}.npy")
    (folder / "a.txt").write_text("pour\nstir\npour\n")
    (folder / "b.txt").write_text("pour\npour\nstir\nstir\n")
    (folder / "c.txt").write_text("poor\n")
    source = open_inputs([tmp_path], form(), transcript_dir=folder)
    assert source.video_ids == ("a", "b")
    assert [video.transcript for video in source.inputs] == [(1, 2, 1), (1, 2)]
    examples = prediction_examples(source.select([1, 0]), source)
    (batch,) = EvalBatches(examples, batch_size=3, buckets=(8,), num_rows=3)
    assert batch.arrays["segment_labels"].shape == (3, 16)
    assert batch.arrays["segment_labels"][:, :4].tolist() == [[1, 2, 0, 0], [1, 2, 1, 0], [0, 0, 0, 0]]
    assert batch.arrays["segment_mask"].sum(axis=1).tolist() == [2, 3, 0]
    unknown, missing = sorted(texts(source))
    assert "unknown label 'poor'" in unknown
    # The folder's file that may be meant is named, as in training.
    assert missing.startswith(f"{folder / 'd.txt'}: file is missing; transcripts has '")
    with pytest.raises(UserError, match="--transcripts .* is not a folder"):
        open_inputs([tmp_path], form(), transcript_dir=tmp_path / "nothing")


def test_the_transcripts_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    write(tmp_path / "a.npy")
    (tmp_path / "a.txt").write_text("stir\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    source = open_inputs(["~"], form(), transcript_dir="~")
    assert source.problems == [] and source.inputs[0].transcript == (2,)


@hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
@hypothesis.given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=20),
    st.sets(st.integers(1, 1000), max_size=4),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.2, 0.9]),
)
def test_prediction_buckets_hold_every_video_and_keep_trained_programs(lengths, trained, max_buckets, max_padding):
    buckets = prediction_buckets(lengths, tuple(trained), max_buckets, max_padding)
    assert list(buckets) == sorted(set(buckets)) and len(set(buckets) - trained) <= max_buckets
    for length in lengths:
        if length <= max(trained, default=0):
            assert bucket_for(length, buckets) == bucket_for(length, trained)
        else:
            assert bucket_for(length, buckets) >= length
    assert {bucket_for(length, buckets) for length in lengths} == set(buckets)
