"""A folder of raw videos: what the tools tell about it, and the config that they propose."""

import csv
import importlib.util

import numpy as np
import pytest

from data_pipelines import inspect_dataset, write_config
from data_pipelines.tools import video_inspection
from data_pipelines.tools.video_proposal import _choose_clip, _choose_size
from fact_jax.app import config_rules
from fact_jax.types import UserError
from tests.data_pipelines.folders import write_folder


def make(root, lengths, labels=None, size=(40, 48)):
    """Videos of these lengths by name, and phases, one a letter, of some."""
    (root / "videos").mkdir(parents=True)
    (root / "labels").mkdir()
    for name, length in lengths.items():
        np.save(root / "videos" / f"{name}.npy", np.zeros((length, *size, 3), np.uint8))
    for name, text in (labels or {}).items():
        (root / "labels" / f"{name}.txt").write_text("\n".join(text) + "\n")
    return root


def write(root, *options):
    path = root.parent / "my_config.py"
    assert write_config.main([str(root), "--output", str(path), "--overwrite", *options]) == 0
    spec = importlib.util.spec_from_file_location("written", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    config_rules.check_choices(config)
    return config


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_config_for_videos(tmp_path, capsys):
    root = make(tmp_path / "toy", {"a": 30, "b": 35, "c": 60, "d": 50, "e": 6}, {"a": "x" * 20 + "y" * 10})
    config = write(root)
    assert config.model.name == "carl" and config.is_locked and config.data.dir == str(root)
    # Two of five are kept for the evaluation: b and d.
    assert config.data.clip.num_frames == 40 and not config.data.clip.local_block
    assert config.data.augmentation.size == 64 and config.data.augmentation.evaluation_crop == "whole"
    out = " ".join(capsys.readouterr().out.split())
    assert "3 videos to train on, 2 to evaluate; 2 phases" in out and "Phases in this order: x, y" in out
    given = write(root, "--num_frames", "16", "--fps", "12.5", "--batch_size", "3", "--name", "mine")
    assert (given.data.clip.num_frames, given.data.video.rate, given.train.batch_size) == (16, 12.5, 3)
    assert given.data.dataset == "mine"
    with pytest.raises(UserError, match=r"carl has no --time_axis\. Leave out"):
        write(root, "--time_axis", "first")
    (root / "labels" / "b.txt").write_text("x\n")
    (root / "videos" / "f.mp4").write_text("text")
    with pytest.raises(UserError, match=r"2 problems:(.|\n)*f\.mp4(.|\n)*b\.txt"):
        write(root)


def test_which_folders_are_of_videos(tmp_path):
    write_folder(tmp_path / "features")
    with pytest.raises(UserError, match="neither videos/ nor files of videos"):
        write(tmp_path / "features", "--system", "carl")
    root = make(tmp_path / "toy", {"a": 30, "b": 35})
    with pytest.raises(UserError, match="fact has no --num_frames"):
        write(root, "--system", "fact", "--num_frames", "9")


def test_clips_and_sizes_by_the_videos():
    assert _choose_clip(np.array([100, 300, 80]), None)[0] == {"num_frames": 240}
    assert _choose_clip(np.array([720, 720]), None)[0] == {"num_frames": 240}
    assert _choose_clip(np.array([721, 721]), None)[0] == {"num_frames": 240, "local_block": True}
    assert [_choose_size([side])[0] for side in (20, 64, 65, 192, 193, 1080)] == [64, 64, 96, 192, 224, 224]


def test_what_is_told_about_videos(tmp_path, capsys, monkeypatch):
    root = make(tmp_path / "toy", {"a": 30, "b": 35, "c": 60}, {"a": "x" * 20 + "y" * 10, "c": "-" * 20 + "y" * 40})
    np.save(root / "videos" / "b.npy", np.zeros((35, 20, 20, 3), np.uint8))
    (root / "videos" / "d.mp4").write_text("text")
    drawn = []
    monkeypatch.setattr(video_inspection, "_draw", lambda *parts: drawn.append(parts[1]) or ["lengths.png"])
    assert inspect_dataset.main([str(root), "--output", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert "1 problem" in told.err and "d.mp4" in told.err and "d.mp4" in (tmp_path / "out" / "summary.txt").read_text()
    assert "pixels, height x width: 40 x 48 (2 videos), 20 x 20 (1 video)" in told.out
    assert "frames per second: 25 (3 videos)" in told.out and "30 to 60 frames, 1.20 to 2.40 s each" in told.out
    rows = {row["video"]: row for row in table(tmp_path / "out" / "videos.csv")}
    assert (rows["c"]["frames"], rows["c"]["seconds"], rows["c"]["labelled_frames"]) == ("60", "2.400", "40")
    assert (rows["c"]["without"], rows["a"]["without"], rows["b"]["phases"]) == ("x", "", "")
    classes = {row["class"]: row for row in table(tmp_path / "out" / "classes.csv")}
    assert {name: row["frames"] for name, row in classes.items()} == {"x": "20", "y": "50", "-": "20"}
    assert classes["y"]["segments"] == classes["y"]["videos"] == "2" and classes["y"]["segment_median_frames"] == "25"
    # So few are trained on and evaluated.
    assert [len(videos) for videos in drawn[0].values()] == [3, 3] and rows["b"]["subset"] == "train+test"
