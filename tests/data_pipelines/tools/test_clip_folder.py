"""A folder of labelled clips: what the tools tell about it, and the config that they propose."""

import csv

import numpy as np
import pytest

from data_pipelines import inspect_dataset, write_config
from data_pipelines.tools.clip_proposal import _choose_frames
from fact_jax.types import UserError


def make(root, lengths, train, test):
    """Clips of these lengths by name, and the text of both lists."""
    (root / "clips").mkdir(parents=True)
    for name, length in lengths.items():
        np.save(root / "clips" / f"{name}.npy", np.zeros((length, 40, 48, 3), np.uint8))
    (root / "train.csv").write_text(train)
    (root / "val.csv").write_text(test)
    return root


def write(root, *options):
    path = root.parent / "my_config.py"
    assert write_config.main([str(root), "--output", str(path), "--overwrite", *options]) == 0
    return path.read_text()


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_config_for_clips(tmp_path, capsys):
    root = make(tmp_path / "toy", {"a": 30, "b": 35, "c": 9}, "a,turn left\nb,sit\n", "c,sit\n")
    text = write(root)
    assert "from configs import cast_custom" in text and "clip_datasets.base()" in text
    assert '"sampling": {"num_frames": 16}' in text and '"augmentation": {"flip": 0.0}' in text
    out = " ".join(capsys.readouterr().out.split())
    assert "2 clips to train on, 1 to evaluate; 2 classes" in out and "as published for Something-Something" in out
    given = write(root, "--num_frames", "6", "--fps", "12.5", "--batch_size", "3", "--name", "mine")
    assert '"num_frames": 6' in given and '{"rate": 12.5}' in given and "config.train.batch_size = 3" in given
    with pytest.raises(UserError, match=r"cast has no --time_axis\. Leave out"):
        write(root, "--time_axis", "first")
    (root / "val.csv").write_text("c,sits\nd,sit\n")
    with pytest.raises(UserError, match=r"2 problems:(.|\n)*did you mean 'sit'(.|\n)*d: file is missing"):
        write(root)
    (root / "train.csv").unlink()
    with pytest.raises(UserError, match=r"expected train\.csv, val\.csv and clips/"):
        write(root, "--system", "cast")


def test_frames_by_the_lengths_of_the_clips():
    assert _choose_frames(np.array([16, 40, 15]), None)[0] == {"num_frames": 16}
    assert _choose_frames(np.array([11, 11, 40]), None)[0] == {"num_frames": 10}
    assert _choose_frames(np.array([2]), None)[0] == {"num_frames": 4}


def test_what_is_told_about_clips(tmp_path, capsys):
    train = "video,verb,noun,start,stop\na,take,cup,0,0.5\na,put,tea,0.5,1\nb,take,tea,,\n"
    root = make(tmp_path / "toy", {"a": 30, "b": 35, "c": 9}, train, "c,take,cup\n")
    output = tmp_path / "out"
    assert inspect_dataset.main([str(root), "--output", str(output), "--fps", "30"]) == 0
    out = capsys.readouterr().out
    assert "train: 3 clips of 2 videos, 15 to 35 frames, 0.50 to 1.17 s each, 2.2 s together" in out
    assert (
        "noun: 2 classes, 2 clips each\nverb: 2 classes, from 1 (put) to 3 (take) clips each" in out
        and "40 x 48 (3 videos)" in out
    )
    rows = table(output / "clips.csv")
    assert [row["clip"] for row in rows] == ["a_0-0.5", "a_0.5-1", "b", "c"]
    assert (rows[1]["verb"], rows[1]["noun"], rows[1]["start"], rows[1]["frames"]) == ("put", "tea", "0.5", "15")
    classes = {(row["head"], row["class"]): (row["train"], row["test"]) for row in table(output / "classes.csv")}
    assert classes == {
        ("noun", "cup"): ("1", "1"), ("noun", "tea"): ("2", "0"),
        ("verb", "put"): ("1", "0"), ("verb", "take"): ("2", "1"),
    }  # fmt: skip
    assert {path.name for path in output.iterdir()} == {
        *("summary.txt", "clips.csv", "classes.csv", "lengths.png", "nouns.png", "verbs.png")
    }
    (root / "val.csv").write_text("c,take,cups\n")
    assert inspect_dataset.main([str(root), "--output", str(output)]) == 1
    assert "unknown noun 'cups'; did you mean 'cup'?" in capsys.readouterr().err
