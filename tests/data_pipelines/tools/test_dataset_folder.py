"""Finding out how a folder is laid out, from nothing but the folder."""

import argparse

import numpy as np
import pytest

from data_pipelines.tools.dataset_folder import add_options, insist, survey
from fact_jax.types import UserError
from tests.data_pipelines.folders import CLASS_NAMES, make_videos, write_folder
from tests.data_pipelines.localization import folders as localization_folders


def look(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return survey(parser.parse_args(list(map(str, arguments))))


def write_lists(root, names, videos=("v0", "v1", "v2", "v3", "v4")):
    for path in (root / "splits").iterdir():
        path.unlink()
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("\n".join(videos[:3] if "train" in name else videos[3:]))


@pytest.mark.parametrize("time_axis", ["last", "first"])
def test_a_folder_in_the_usual_form(tmp_path, time_axis):
    write_folder(tmp_path, time_axis=time_axis)
    folder = look(tmp_path)
    insist(folder)
    assert folder.data.time_axis == time_axis and folder.data.split == "split1" and folder.data.dataset == tmp_path.name
    assert folder.data.train_split_file == "splits/train.{split}.bundle" and folder.data.validation_split_file == ""
    assert folder.data.background_ids == (0,) and folder.index.feature_dim == 6
    assert folder.index.splits == {"train": ("v0", "v1", "v2"), "test": ("v3", "v4")}
    text = "\n".join(folder.findings)
    assert f'time_axis="{time_axis}"' in text and "0 (background), by name" in text


@pytest.mark.parametrize(
    ("names", "pattern", "split"),
    [
        (["split1.train", "split1.test", "split2.train"], "{split}.train", "split1"),
        (
            ["splits/fold_b.train", "splits/fold_b.test", "splits/fold_a.train", "splits/fold_a.test"],
            "splits/{split}.train",
            "fold_a",
        ),
        (["splits/train.x.txt", "splits/test.x.txt"], "splits/train.{split}.txt", "x"),
        (["train.txt", "test.txt"], "train.txt", "split1"),
    ],
)
def test_split_lists_of_other_names(tmp_path, names, pattern, split):
    write_folder(tmp_path)
    write_lists(tmp_path, names)
    folder = look(tmp_path)
    insist(folder)
    assert folder.data.train_split_file == pattern and folder.data.split == split
    assert len(folder.index.splits["train"]) == 3


def test_lists_in_a_place_of_their_own_and_a_validation_list(tmp_path):
    write_folder(tmp_path)
    write_lists(tmp_path, ["lists/a_train", "lists/a_test", "lists/a_val"])
    (tmp_path / "lists/a_test").write_text("v3")
    (tmp_path / "lists/a_val").write_text("v4")
    given = ("--train_split_file", "lists/{split}_train", "--test_split_file", "lists/{split}_test", "--split", "a")
    assert look(tmp_path, *given).data.validation_split_file == "lists/{split}_val"
    assert look(tmp_path, *given).index.splits["validation"] == ("v4",)
    assert "validation" not in look(tmp_path, *given, "--validation_split_file", "").index.splits


def test_annotations_of_segments_are_not_what_is_read(tmp_path):
    localization_folders.write_folder(tmp_path)
    (tmp_path / "splits").mkdir()
    for there in ([], ["splits/subsets.split1.csv"]):
        write_lists(tmp_path, there)
        with pytest.raises(UserError, match="has annotations.json and no groundTruth/: segments with times") as caught:
            look(tmp_path)
        assert "make_splits" not in str(caught.value) and "data_pipelines.write_config" in str(caught.value)


def test_no_lists_or_another_split(tmp_path):
    write_folder(tmp_path)
    with pytest.raises(UserError, match="--split is 'split11'. Did you mean 'split1'"):
        look(tmp_path, "--split", "split11")
    with pytest.raises(UserError, match="go together"):
        look(tmp_path, "--train_split_file", "x")
    write_lists(tmp_path, ["splits/train.split1.bundle"])
    with pytest.raises(UserError, match="has no lists of training and test videos: expected splits/train"):
        look(tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        look(tmp_path / "none")


def rename_classes(root, names):
    (root / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
    for path in (root / "groundTruth").iterdir():
        old = path.read_text().splitlines()
        path.write_text("".join(names[CLASS_NAMES.index(name)] + "\n" for name in old))


def test_background_classes(tmp_path):
    write_folder(tmp_path)
    assert look(tmp_path, "--background").data.background_ids == ()
    assert look(tmp_path, "--background", "stir", "1", "stir").data.background_ids == (3, 1)
    for wrong, hint in (("stirr", "Did you mean 'stir'"), ("4", "ids \\(0 to 3\\)"), ("٣", "no class")):
        with pytest.raises(UserError, match=hint):
            look(tmp_path, "--background", wrong)
    rename_classes(tmp_path, ("G0", "SIL", "G2", "No_Action"))
    assert look(tmp_path).data.background_ids == (1, 3)


def test_a_class_that_starts_most_videos_may_be_background(tmp_path):
    videos = make_videos()
    for _, labels in videos.values():
        labels[:3] = 0
    write_folder(tmp_path, videos)
    rename_classes(tmp_path, ("G0", "G1", "G2", "G3"))
    folder = look(tmp_path)
    assert folder.data.background_ids == ()
    assert "100 % of the videos start with 'G0'" in folder.findings[-1]


def test_verbs_and_nouns_are_found(tmp_path):
    write_folder(tmp_path)
    for name, words in (("verb_mapping.txt", ("take", "none")), ("noun_mapping.txt", ("cup", "milk", "none"))):
        (tmp_path / name).write_text("".join(f"{i} {word}\n" for i, word in enumerate(words)))
    assert look(tmp_path).data.verb_mapping_file == ""
    rename_classes(tmp_path, ("none,none", "take,cup", "take,milk", "none,milk"))
    folder = look(tmp_path)
    assert folder.problems == [] and folder.data.noun_mapping_file == "noun_mapping.txt"
    (tmp_path / "verb_mapping.txt").write_text("0 take\n1 nothing\n")
    assert len(look(tmp_path).problems) == 2


def test_problems_are_collected(tmp_path):
    write_folder(tmp_path, time_axis="first")
    np.save(tmp_path / "features" / "v1.npy", np.zeros((22, 7), np.float32))
    (tmp_path / "groundTruth" / "v2.txt").unlink()
    folder = look(tmp_path)
    assert folder.data.time_axis == "first" and len(folder.problems) == 2
    with pytest.raises(UserError, match="has 2 problems; put them right first"):
        insist(folder)
