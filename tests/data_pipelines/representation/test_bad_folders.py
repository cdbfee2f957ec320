"""Folders that cannot be trained on as they are: every fault is told at once, with its file and what to do."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.opening import open_representation
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.config import VideoConfig
from fact_jax.types import UserError
from tests.data_pipelines.video.test_faulty_files import noisy, streams
from tests.data_pipelines.video.written import write_video

ROOT = Path(__file__).resolve().parents[3]


def twice(path):
    """A video of ten frames, and one of three that has its name."""
    write_video(path, range(10))
    write_video(path.with_suffix(".avi"), range(3), codec="mpeg4")
    (path.parents[1] / "labels" / "twice.txt").write_text("a\n" * 10)


# File -> how it is written (None: labels or lists, a text), what is said of it, and what to do.
FAULTS = {
    "videos/text.mp4": (lambda path: path.write_text("hello"), "no video, or none of a known format", "convert it"),
    "videos/empty.mp4": (lambda path: path.write_bytes(b""), "the file is empty", "copy it again"),
    "videos/cut.avi": (lambda path: write_video(path, pictures=noisy(), cut=0.5), "cut off: ", "allow_cut_off=True"),
    "videos/sound.mp4": (lambda path: streams(path, sound=True), "no video stream: it holds audio", "leave it out"),
    "videos/none.npy": (lambda path: np.save(path, np.zeros((0, 8, 8, 3), np.uint8)), "no frame in an array", "leave"),
    "videos/twice.mp4": (twice, "a second video called 'twice', beside twice.avi", "rename one"),
    "videos/walk/a.mp4": (lambda path: write_video(path, range(3)), "no image, but a.mp4", "side by side"),
    "labels/long.txt": ("a\n" * 11, "11 labels for 10 frames", "expected one label for every frame"),
    "labels/short.txt": ("a\n" * 9, "9 labels for 10 frames", "expected one label for every frame"),
    "labels/late.txt": ("0,0.2,a\n5,6,b\n", "line 2: a segment from 5 to 6 s, in a video of 0.33 s", "seconds"),
    "labels/past.txt": ("0,9,a\n", "line 1: a segment from 0 to 9 s, in a video of 0.33 s", "expected seconds"),
    "labels/phase.txt": ("a\n" * 4 + "bb\n" * 6, "line 5: unknown phase 'bb' in 6 lines", "did you mean 'b'?"),
    "labels/form.xml": ("<a/>", "labels in a form that is not read", "expected form.txt, .csv, .tsv or .npy"),
    "labels/nobody.txt": ("a\n", "labels of no video", ""),
    "labels/nothing.txt": ("", "no labels", "expected a phase in every line"),
    "train.txt": ("long\nlonger\nlong\n", "line 2: unknown video 'longer'; did you mean 'long'?", ""),
    "test.txt": ("short\nshirt\n", "line 2: unknown video 'shirt'; did you mean 'short'?", ""),
}  # fmt: skip
SOUND = ("long", "short", "late", "past", "phase", "form", "nothing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("bad")
    for name in ("videos/walk", "labels"):
        (root / name).mkdir(parents=True)
    for name in SOUND:
        write_video(root / "videos" / f"{name}.mp4", range(10))
    for name, (content, *_) in FAULTS.items():
        (root / name).write_text(content) if isinstance(content, str) else content(root / name)
    (root / "phases.txt").write_text("a\nb\n")
    with open(root / "train.txt", "a") as lines:
        lines.writelines(f"{name}\n" for name in (*SOUND[2:], "text", "empty", "cut", "sound", "none", "walk"))
    return root


def check_message(message, root):
    """All faults with their files, and nothing else but a name that a list has twice."""
    parts = dict(re.findall(rf"^{re.escape(str(root))}/(\S+)\n((?:  +\d+\. .*\n?)+)", message, re.MULTILINE))
    for name, (_, found, expected) in FAULTS.items():
        name = "videos/walk" if name.startswith("videos/walk") else name
        assert found in parts[name] and expected in parts[name], name
    assert f"has {len(FAULTS) + 1} problems:" in message and "'long' for the second time" in parts["train.txt"]


def test_every_fault_is_told_at_once(folder, tmp_path):
    with pytest.raises(UserError) as caught:
        open_representation(RepresentationDataConfig(dir=str(folder)), tmp_path)
    check_message(str(caught.value), folder)


@pytest.mark.slow
def test_the_program_ends_with_2_before_it_trains(folder, tmp_path):
    arguments = [
        "--config",
        "configs/carl_custom.py",
        f"--config.data.dir={folder}",
        "--workdir",
        str(tmp_path / "run"),
    ]
    found = subprocess.run([sys.executable, "main.py", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 2 and "Traceback" not in found.stderr
    check_message(found.stderr, folder)
    assert not list((tmp_path / "run").rglob("*checkpoint*"))


@pytest.mark.parametrize(
    ("names", "place", "expected"),
    [
        ((), "", "no video; expected files of videos or folders of images in "),
        (("labels/",), "", "no video; expected files of videos or folders of images in "),
        (("README.md",), "", "no video; expected files of videos or folders of images in "),
        (("videos/",), "/videos", "no video; expected files of videos or folders of images"),
        (("videos",), "/videos", "it is no folder; expected a folder with the videos"),
        (("labels", "videos/walk/"), "/labels", "it is no folder; expected a folder with the labels"),
        (("videos/walk/",), "/videos/walk", "the folder is empty; expected images"),
    ],
)
def test_folders_without_videos(tmp_path, names, place, expected):
    for name in names:
        (tmp_path / name).mkdir(parents=True) if name.endswith("/") else (tmp_path / name).write_text("text")
    with pytest.raises(UserError) as caught:
        open_representation(RepresentationDataConfig(dir=str(tmp_path)))
    assert f"{tmp_path}{place}\n  1. {expected}" in str(caught.value)
    assert f" has {2 if 'labels' in names else 1} problem" in str(caught.value)


@pytest.mark.parametrize("labels", ["a\n" * 60, "0,0.5,b\n0.5,2,a\n"])
def test_a_video_that_is_cut_off_is_used_up_to_its_last_good_frame(tmp_path, labels):
    (tmp_path / "labels").mkdir()
    (tmp_path / "videos").mkdir()
    for name in ("cut", "whole"):
        write_video(tmp_path / "videos" / f"{name}.avi", pictures=noisy(), cut=0.5 if name == "cut" else None)
        (tmp_path / "labels" / f"{name}.txt").write_text(labels)
    data = RepresentationDataConfig(dir=str(tmp_path), clip=ClipConfig(num_frames=8))
    with pytest.raises(
        UserError, match="1 problem:(.|\n)*cut.avi\n.*use what is there: config.data.video.allow_cut_off"
    ):
        open_representation(data)
    allowed = RepresentationDataConfig(dir=str(tmp_path), clip=data.clip, video=VideoConfig(allow_cut_off=True))
    sources = open_representation(allowed)
    cut, whole = sources.train
    assert 20 < len(cut.video) < 50 and len(whole.video) == 60
    np.testing.assert_array_equal(cut.labels, whole.labels[: len(cut.video)])
    assert any(re.search(rf"cut.avi: cut off: {len(cut.video)} frames can be decoded", note) for note in sources.notes)
    assert "1 video cut off, whose labels behind the last good frame are left out: cut" in sources.notes
