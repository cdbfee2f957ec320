"""Lists of clips and folders that can be used and are odd: each has a line."""

import shutil

import pytest

from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.listing import read_listing
from data_pipelines.recognition.opening import open_recognition
from data_pipelines.recognition.sampling import SamplingConfig
from fact_jax.types import UserError
from tests.data_pipelines.video.written import write_video


@pytest.fixture
def root(tmp_path):
    """Clips without content, two to train on and one to test."""
    (tmp_path / "clips").mkdir()
    for name in "abc":
        (tmp_path / "clips" / f"{name}.mp4").touch()
    return tmp_path


def read(root, train, test="c,run\n", **files):
    for name, text in ({"train": train, "val": test} | files).items():
        (root / f"{name}.csv").write_text(text)
    return read_listing(RecognitionDataConfig(), root)


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        ("a,run\nb,Run\n", "c,run\n", "train.csv, lines 1, 2: the labels 'run', 'Run' differ in capitals"),
        ("a,run\nb,1\n", "c,run\n", "train.csv, line 2: 1 label taken for a name: '1'; numbers of classes are whole"),
        ("a,0.0\nb,-1\n", "c,0.0\n", "train.csv, line 1: 2 labels taken for names: '0.0', '-1'; numbers of"),
        ("a,01\nb,1\n", "c,1\n", "train.csv: one label each, though written in two ways: '01' and '1'"),
        ("a,run\nb,run\n", "c,run\n", "All clips have the same label, 'run': there is nothing to tell apart"),
        ("a,run\nc,sit\n", "c,run\n", "clips: 1 file in no list is not used: b.mp4"),
    ],
)
def test_odd_lists_have_a_line(root, train, test, told):
    found = read(root, train, test)
    assert not found.problems and any(told in note for note in found.notes), found.notes


def test_sound_lists_have_none(root):
    assert read(root, "a,run\nb,sit\n").notes == read(root, "a,0\nb,1\n", "c,1\n").notes == ()


def test_files_that_are_not_read_have_a_line(root):
    (root / "verbs.txt").write_text("take\n")
    (root / "train.csv.gz").write_bytes(b"")
    (root / "videos").mkdir()
    assert read(root, "a,run\nb,sit\n").notes == (
        f"{root}/train.csv.gz is not read: train.csv is there as well",
        f"{root}/verbs.txt is not read: the lists have the columns label",
        f"{root}/videos is not read: clips is there as well",
    )


def test_two_files_of_one_name_are_told(root):
    (root / "clips" / "a.mkv").touch()
    (problem,) = read(root, "a,run\nb,run\n").missing
    assert problem.text.endswith("clips has 'a.mkv' and 'a.mp4': expected one, or its ending in the list")


def test_a_missing_list_names_those_that_are_there(root):
    (root / "train.csv").write_text("a,run\n")
    (root / "test.csv").write_text("c,run\n")
    (problem,) = read_listing(RecognitionDataConfig(), root).problems
    assert problem.text.endswith("test.csv is there, see config.data.train_list and test_list")


def test_headings_with_other_names_may_be_meant(root):
    first, second = read(root, "filename,class\na,run\nx,run\n").missing
    assert first.text.endswith("; headings are called video, label, verb, noun, start, stop")
    assert "; headings" not in second.text
    (first,) = read(root, "x,run\na,run\n").missing
    assert "; headings" not in first.text


def test_rows_of_another_form_are_told_once(root):
    (root / "train.csv").write_text("a,1\nb,2\n")
    (root / "val.csv").write_text("c,1\n")
    problems = read_listing(RecognitionDataConfig(layout="epic"), root).problems
    assert [problem.text for problem in problems] == ["2 values; expected video,verb,noun, parted by commas"] * 2


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Clips of 8 frames, one of which is there twice."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "clips").mkdir()
    for number, name in enumerate("abc"):
        write_video(folder / "clips" / f"{name}.mp4", range(number, number + 8))
    shutil.copy(folder / "clips" / "a.mp4", folder / "clips" / "copy.mp4")
    (folder / "train.csv").write_text("a,run\nb,sit\ngone,fly\n")
    (folder / "val.csv").write_text("c,run\ncopy,sit\n")
    return folder


def test_copies_and_classes_whose_clips_are_left_out_have_a_line(real, tmp_path):
    data = RecognitionDataConfig(dir=str(real), skip_unreadable=True, sampling=SamplingConfig("dense", 4, 5))
    notes = open_recognition(data, tmp_path).notes
    copies = "Copies of the same video under several names, some of which are trained on and others evaluated: "
    assert f"{copies}a.mp4 = copy.mp4" in notes
    assert "1 class that no training clip has: fly" in notes
    half = "4 clips of fewer than 10 frames, of which at least half of the 4 that are seen are the last one"
    assert any(note.startswith(half) for note in notes)


def test_wrong_settings_of_several_parts_are_told_at_once():
    parts = {name: {} for name in ("video", "synthetic")}
    wrong = parts | {"sampling": {"num_frames": 5}, "augmentation": {"flip": 2.0}}
    with pytest.raises(UserError, match=r"num_frames is 5(.|\n)*augmentation\.flip is 2"):
        RecognitionDataConfig.parse(wrong)
