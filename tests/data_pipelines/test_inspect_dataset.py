"""The inspector: its tables against counts by hand, pictures that open, problems that do not stop it."""

import csv
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from data_pipelines import inspect_dataset
from fact_jax.types import UserError
from tests.data_pipelines.folders import CLASS_NAMES, make_videos, write_folder

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ("lengths", "segments", "classes", "durations", "relative_time")


@pytest.fixture
def no_pictures(monkeypatch):
    """They take seconds."""
    monkeypatch.setattr(inspect_dataset, "_draw", lambda *_: None)


def inspect(root, output, *arguments):
    return inspect_dataset.main([str(root), "--output", str(output), *map(str, arguments)])


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_tables_and_pictures(tmp_path, capsys):
    videos = write_folder(tmp_path / "toy")
    output = tmp_path / "out"
    assert inspect(tmp_path / "toy", output) == 0
    runs = [[(label, len(list(run))) for label, run in itertools.groupby(labels)] for _, labels in videos.values()]
    for class_id, row in enumerate(table(output / "classes.csv")):
        durations = [length for video in runs for label, length in video if label == class_id]
        assert row["class"] == CLASS_NAMES[class_id] and row["background"] == str(int(class_id == 0))
        assert int(row["frames"]) == sum(durations) and int(row["segments"]) == len(durations)
        assert int(row["videos"]) == sum(any(label == class_id for label, _ in video) for video in runs)
        assert int(row["train_frames"]) + int(row["test_frames"]) == sum(durations)
        assert float(row["segment_median_frames"]) == np.median(durations)
        assert float(row["segment_max_frames"]) == max(durations)
    rows = table(output / "videos.csv")
    assert [row["video"] for row in rows] == list(videos) and rows[4]["subset"] == "test"
    assert [int(row["segments"]) for row in rows] == [len(video) for video in runs]
    for name in PICTURES:
        assert min(matplotlib.image.imread(output / f"{name}.png").shape[:2]) > 100
    out = capsys.readouterr().out
    assert (output / "summary.txt").read_text().strip() in out
    assert "5 videos, 4 classes, 155 frames" in out and "6 channels, float32" in out and "segments in frames" in out


def test_seconds(tmp_path, capsys, no_pictures):
    write_folder(tmp_path / "toy")
    inspect(tmp_path / "toy", tmp_path / "a")
    frames = capsys.readouterr().out.split("duration of segments in frames\n")[1]
    inspect(tmp_path / "toy", tmp_path / "b", "--fps", 10)
    seconds = capsys.readouterr().out.split("duration of segments in s\n")[1]
    first, second = (float(text.splitlines()[1].split()[-1]) for text in (frames, seconds))
    assert first == pytest.approx(10 * second)


def test_places_and_frame_rates_that_are_none(tmp_path, capsys):
    write_folder(tmp_path / "toy")
    with pytest.raises(SystemExit):
        inspect(tmp_path / "toy", tmp_path / "out", "--fps=inf")
    assert "'inf'; expected a number from 0.001 to 1e+06, or 0" in capsys.readouterr().err
    with pytest.raises(UserError, match="none is not a folder"):
        inspect(tmp_path / "none", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/out cannot be written: Not a directory"):
        inspect(tmp_path / "toy", tmp_path / "file" / "out")


def test_a_folder_whose_name_is_no_text(tmp_path):
    write_folder(tmp_path / os.fsdecode(b"toy\xff"))
    with pytest.raises(UserError, match=r"toy\\udcff': the name of the folder is not UTF-8"):
        inspect(tmp_path / os.fsdecode(b"toy\xff"), tmp_path / "out")


def test_many_long_names_and_absent_classes(tmp_path, capsys):
    """More classes than a picture holds, with characters that mean something to matplotlib."""
    names = [f"{'very ' * 9}long name ${i}_^ {i}" for i in range(70)]
    videos = make_videos([(f"v{i}", 200) for i in range(6)])
    rng = np.random.default_rng(1)
    write_folder(tmp_path / "toy", videos)
    (tmp_path / "toy" / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
    for path in (tmp_path / "toy" / "groundTruth").iterdir():
        path.write_text("".join(names[i] + "\n" for i in np.repeat(rng.integers(0, 60, 50), 4)))
    assert inspect(tmp_path / "toy", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "in no video: " in out and "not in the test videos, but in others: " in out
    height, width = matplotlib.image.imread(tmp_path / "out" / "durations.png").shape[:2]
    assert height < 1600 and width < 1200


def test_one_class_and_one_frame(tmp_path):
    videos = {name: (np.zeros((1, 6), np.float32), np.ones(1, int)) for name in ("a", "b", "c")}
    write_folder(tmp_path / "toy", videos)
    assert inspect(tmp_path / "toy", tmp_path / "out", "--time_axis", "last") == 0


def test_problems_are_listed_and_the_rest_is_shown(tmp_path, capsys, no_pictures):
    write_folder(tmp_path / "toy")
    (tmp_path / "toy" / "groundTruth" / "v1.txt").write_text("sitr\n" * 22)
    (tmp_path / "toy" / "features" / "v3.npy").unlink()
    assert inspect(tmp_path / "toy", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert "2 problems" in captured.err and "nearest class is 'stir'" in captured.err
    assert "train: 2 videos, 37 to 41 frames each (not counted: 1 without sound labels)" in captured.out
    assert "2 problems:" in (tmp_path / "out" / "summary.txt").read_text()
    assert len(table(tmp_path / "out" / "videos.csv")) == 4


def test_lengths_are_those_of_the_files(tmp_path, capsys, no_pictures):
    videos = write_folder(tmp_path / "toy")
    for name, (features, _) in videos.items():
        np.save(tmp_path / "toy" / "features" / f"{name}.npy", features[:-3].T)
    assert inspect(tmp_path / "toy", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "all 5 videos have 3 labels more than features" in out and "train: 3 videos, 22 to 41 frames each\n" in out
    assert "155 frames" in out
    rows = table(tmp_path / "out" / "videos.csv")
    lengths = [len(labels) for _, labels in videos.values()]
    assert [int(row["frames"]) for row in rows] == lengths
    assert [int(row["feature_frames"]) + 3 for row in rows] == lengths


def test_values_are_checked_when_asked(tmp_path, capsys, no_pictures):
    write_folder(tmp_path / "toy")
    np.save(tmp_path / "toy" / "features" / "v1.npy", np.full((6, 22), np.nan, np.float32))
    assert inspect(tmp_path / "toy", tmp_path / "out") == 0
    assert inspect(tmp_path / "toy", tmp_path / "out", "--check_values") == 1
    assert "NaN" in capsys.readouterr().err


def test_features_are_not_needed(tmp_path, capsys, no_pictures):
    write_folder(tmp_path / "toy")
    shutil.rmtree(tmp_path / "toy" / "features")
    assert inspect(tmp_path / "toy", tmp_path / "out") == 1
    assert "1 problem (" in capsys.readouterr().err
    assert len(table(tmp_path / "out" / "videos.csv")) == 5


def test_nothing_to_show(tmp_path):
    write_folder(tmp_path / "toy")
    for path in (tmp_path / "toy" / "groundTruth").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no video with sound labels"):
        inspect(tmp_path / "toy", tmp_path / "out")


def test_the_command_line(tmp_path):
    """Output cut by the reader is no error worth a traceback."""
    write_folder(tmp_path / "toy")
    command = f"{sys.executable} -m data_pipelines.inspect_dataset {tmp_path}/toy --output {tmp_path}/out | head -1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("toy, ") and done.stderr == ""
    assert (tmp_path / "out" / "relative_time.png").is_file()
