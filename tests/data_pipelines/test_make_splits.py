"""Split lists from a folder: what is written, what is kept together, what is told, and what is refused."""

import csv
import os
import re

import pytest

from data_pipelines import make_splits
from data_pipelines.core import command_line
from data_pipelines.localization.opening import open_localization
from data_pipelines.segmentation.annotations import read_mapping
from data_pipelines.segmentation.index import read_index
from data_pipelines.segmentation.layouts import open_layout
from fact_jax.types import UserError
from tests.data_pipelines import folders
from tests.data_pipelines.localization import folders as localization_folders

LENGTHS = tuple((f"P{number // 2}_v{number}", 20 + number) for number in range(8))


def unsplit(root):
    """A folder of eight videos of four performers, without class list and split lists."""
    folders.write_folder(root, folders.make_videos(LENGTHS))
    for path in (*(root / "splits").iterdir(), root / "mapping.txt"):
        path.unlink()
    return root


def make(root, *options):
    assert make_splits.main([str(root), *map(str, options)]) == 0


def lists(root, split="split1"):
    found = {name: root / "splits" / f"{name}.{split}.bundle" for name in ("train", "val", "test")}
    return {name: path.read_text().split() for name, path in found.items() if path.exists()}


def everything(root):
    return {path.name: path.read_text() for path in [root / "mapping.txt", *(root / "splits").iterdir()]}


def test_a_share_and_the_class_list(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    make(root, "--test", 0.25, "--validation", 0.13)
    found = lists(root)
    assert [len(found[name]) for name in ("train", "val", "test")] == [5, 1, 2]
    assert sorted(sum(found.values(), [])) == sorted(name for name, _ in LENGTHS)
    assert read_mapping(root / "mapping.txt") == ({"background": 0, "pour_milk": 1, "stir": 2, "take cup": 3}, [])
    out = capsys.readouterr().out
    assert "mapping.txt is missing: 4 classes of the label files, by name" in out
    assert "split1  train       5       " in out and "none" in out and "data_pipelines.write_config" in out
    index, problems = read_index(open_layout(folders.settings(root)), ("train", "test"))
    assert problems == [] and len(index.splits["train"]) == 5


def test_folds_keep_groups_together(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    make(root, "--folds", 4, "--group_by", r"^(P\d)")
    tested = [lists(root, f"split{number}")["test"] for number in range(1, 5)]
    assert sorted(sum(tested, [])) == sorted(name for name, _ in LENGTHS)
    for number, test in enumerate(tested, 1):
        train = lists(root, f"split{number}")["train"]
        assert len(test) == 2 and {name[:2] for name in test}.isdisjoint(name[:2] for name in train)
    assert "groups" in capsys.readouterr().out
    table = tmp_path / "groups.csv"
    table.write_text("video,group\n" + "".join(f"{name},{name[:2]}\n" for name, _ in LENGTHS))
    before = everything(root)
    make(root, "--folds", 4, "--group_by", table, "--overwrite")
    assert everything(root) == before


def test_the_order_of_the_file_system_does_not_matter(tmp_path, monkeypatch):
    root = unsplit(tmp_path / "toy")
    make(root, "--folds", 2, "--seed", 3)
    before, listdir = everything(root), os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(listdir(path), reverse=True))
    make(root, "--folds", 2, "--seed", 3, "--overwrite")
    assert everything(root) == before
    make(root, "--folds", 2, "--seed", 4, "--overwrite")
    assert everything(root) != before


def test_nothing_is_overwritten_and_nothing_old_stays(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    make(root, "--folds", 3, "--validation", 0.2)
    (root / "splits" / "mine.txt").write_text("mine")
    (root / "mapping.txt").write_text((root / "mapping.txt").read_text() + "4 more\n")
    before = everything(root)
    with pytest.raises(UserError, match="has splits/test.split1.bundle, .* already. Add --overwrite to remove them"):
        make(root, "--test", 0.5)
    assert everything(root) == before
    make(root, "--test", 0.5, "--overwrite")
    assert sorted(everything(root)) == ["mapping.txt", "mine.txt", "test.split1.bundle", "train.split1.bundle"]
    assert everything(root)["mapping.txt"] == before["mapping.txt"]
    assert "removed, lists of an earlier command: splits/test.split2.bundle" in capsys.readouterr().out


def test_videos_that_lack_something_are_left_out_and_told(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    (root / "features" / "P0_v0.npy").unlink()
    (root / "groundTruth" / "P1_v2.txt").unlink()
    make(root, "--test", 0.5)
    assert len(sum(lists(root).values(), [])) == 6
    out = capsys.readouterr().out
    assert "left out, no features: 1 video, P0_v0" in out and "left out, no label file: 1 video, P1_v2" in out


def test_a_slip_of_the_pen_in_one_video_is_told(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    label = root / "groundTruth" / "P0_v1.txt"
    label.write_text(label.read_text().replace("take cup", "take cups"))
    make(root, "--test", 0.25)
    told = r"the class 'take cups' is in one video only: did you mean 'take cup', which is in (\d)\?"
    assert int(re.search(told, capsys.readouterr().out)[1]) > 1


def test_groups_of_one_video_each_are_told_and_counted(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    make(root, "--test", 0.25, "--group_by", "^(.*)$")
    out = capsys.readouterr().out
    assert "--group_by has no effect: each of the 8 videos is a group of its own" in out
    assert re.search(r"split +subset +videos +groups", out)


def test_features_alone_and_labels_alone(tmp_path, capsys):
    root = unsplit(tmp_path / "toy")
    (root / "groundTruth").rename(root / "labels")
    make(root, "--test", 0.25)
    assert not (root / "mapping.txt").exists() and len(lists(root)["test"]) == 2
    assert "dealt out without a look at their classes" in capsys.readouterr().out
    (root / "features").rename(root / "elsewhere")
    make(root, "--test", 0.25, "--overwrite", "--label_dir", "labels")
    out = capsys.readouterr().out
    assert (root / "mapping.txt").exists() and "no features are there yet" in out
    assert out.splitlines()[-1] == f"  python -m data_pipelines.write_config {root} --label_dir=labels"


def test_subsets_of_annotations(tmp_path, capsys):
    root = localization_folders.write_folder(tmp_path / "toy")
    (root / "features" / "d.npy").unlink()
    make(root, "--folds", 3)
    tested = []
    for number in (1, 2, 3):
        with open(root / "splits" / f"subsets.split{number}.csv") as file:
            subsets = {row["video"]: row["subset"] for row in csv.DictReader(file)}
        assert subsets.pop("d") == "unused" and sorted(subsets) == ["a", "b", "c"]
        tested += [video for video, subset in subsets.items() if subset == "validation"]
    assert sorted(tested) == ["a", "b", "c"]
    assert "left out, no features: 1 video, d" in capsys.readouterr().out
    data = localization_folders.settings(root, subset_file="splits/subsets.{split}.csv", split="split2")
    assert open_localization(data).test.video_ids == (tested[1],)
    folders.write_folder(root)
    (root / "mapping.txt").unlink()
    make(root, "--test", 0.5, "--overwrite")
    assert "label files are split; --annotation_file annotations.json splits" in capsys.readouterr().out
    with pytest.raises(UserError, match="--validation is for label files"):
        make(root, "--test", 0.5, "--validation", 0.1, "--overwrite", "--annotation_file", "annotations.json")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--test", "0"], "expected a number from 0.001 to 0.999"),
        (["--folds", "1"], "--folds is 1, expected 2 to 100"),
        ([], "one of the arguments --test --folds is required"),
        (["--test", "0.5", "--validation", "0.5"], "nothing is left to train with"),
        (["--folds", "9"], "has 8 videos: too few for 9 parts"),
        (["--folds", "5", "--group_by", r"P\d"], "has 4 groups: too few for 5 parts"),
        (["--folds", "2", "--group_by", "("], "which is no regular expression"),
        (["--folds", "2", "--group_by", "_v[1-6]"], "matches nothing in 2 names: P0_v0, P3_v7"),
        (["--folds", "2", "--group_by", "none.csv"], "file is missing"),
        (["--folds", "2", "--group_by", ""], "--group_by is empty"),
        (["--folds", "2", "--label_dir", "labels"], "labels is missing, expected a folder (--label_dir)"),
        (["--folds", "2", "--feature_dir", "groundTruth/P0_v0.txt"], "is no folder, expected a folder (--feature_dir)"),
    ],
)
def test_mistakes_end_with_code_2(tmp_path, capsys, monkeypatch, options, message):
    root = unsplit(tmp_path / "toy")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        command_line.run(make_splits.main, [str(root), *options])
    assert stop.value.code == 2 and message in capsys.readouterr().err
    assert not list((root / "splits").iterdir()) and not (root / "mapping.txt").exists()


def test_all_problems_of_a_folder_at_once(tmp_path):
    root = unsplit(tmp_path / "toy")
    labels = root / "groundTruth"
    (labels / "P0_v0.txt").write_text("0 10 reach\n10 20 stir\n")
    (labels / "P1_v2.txt").write_text("stir\n\nstir\n")
    (labels / "P3_v6.txt").write_text("")
    with pytest.raises(
        UserError, match=r"(?s)3 problems.*'0 10 reach'.*convert_labels.*label ''; expected a class name.*no labels"
    ):
        make(root, "--test", 0.5)
    (root / "mapping.txt").write_text("0 background\n1 stir\n2 pour_milk\n3 take cups\n")
    with pytest.raises(UserError, match="unknown label 'take cup'.*nearest class is 'take cups'"):
        make(root, "--test", 0.5)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has neither groundTruth/VIDEO.txt nor features/VIDEO.npy"):
        make(tmp_path / "empty", "--test", 0.5)


def test_names_that_no_list_can_hold(tmp_path):
    root = unsplit(tmp_path / "toy")
    for number, name in enumerate((" a", "b\n", "c.txt")):
        (root / "groundTruth" / f"P{number}_v{2 * number}.txt").rename(root / "groundTruth" / f"{name}.txt")
    with pytest.raises(UserError, match=r"(?s)3 problems.*' a'.*'b\\n'.*'c.txt'; expected a name that a list"):
        make(root, "--test", 0.5)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("P0_v0,a\n", "no group of 7 videos, P0_v1, P1_v2, P1_v3 and 4 more"),
        ("P0_v0.mp4,a\nP1_v1,b\n", "line 2: the ending '.mp4' of the name of a video: 'P0_v0.mp4'; expected 'P0_v0'"),
        ("P0_v0,a\nP0_v0,b\n", "line 3: video 'P0_v0' again; its group was 'a'"),
        ("P0_v0,\n", "line 2: an empty cell"),
    ],
)
def test_tables_of_groups(tmp_path, rows, message):
    root = unsplit(tmp_path / "toy")
    (tmp_path / "groups.csv").write_text("video,group\n" + rows)
    with pytest.raises(UserError, match=message):
        make(root, "--test", 0.5, "--group_by", tmp_path / "groups.csv")
