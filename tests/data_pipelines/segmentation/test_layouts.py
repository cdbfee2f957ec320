"""From config.data to paths, and the tree shown when a dataset is not where it should be."""

import pytest

from data_pipelines.segmentation import layouts
from fact_jax.types import UserError
from tests.data_pipelines.folders import settings, write_folder

EGOPROCEL = {
    "dataset": "egoprocel",
    "time_axis": "first",
    "train_split_file": "{split}.train",
    "test_split_file": "{split}.test",
}


def test_paths(tmp_path):
    layout = layouts.open_layout(settings(tmp_path, validation_split_file="val.{split}.txt", split="split3"))
    assert layout.feature_file("P01") == tmp_path / "features" / "P01.npy"
    assert layout.label_file("P01.b") == tmp_path / "groundTruth" / "P01.b.txt"
    assert layout.split_files == {
        "train": tmp_path / "splits" / "train.split3.bundle",
        "test": tmp_path / "splits" / "test.split3.bundle",
        "validation": tmp_path / "val.split3.txt",
    }


def test_folders_may_lie_outside_of_the_root(tmp_path):
    layout = layouts.open_layout(settings(tmp_path, feature_dir="/elsewhere/features"))
    assert str(layout.feature_file("a")) == "/elsewhere/features/a.npy"


@pytest.mark.parametrize("folder", ["", "missing"])
def test_a_missing_root_shows_the_expected_tree(tmp_path, folder):
    data = settings(tmp_path / folder if folder else "", **EGOPROCEL)
    with pytest.raises(UserError) as error:
        layouts.open_layout(data)
    message = str(error.value)
    assert "config.data.dir" in message
    for part in ("features/<video>.npy", "(T, D)", "groundTruth/<video>.txt", "mapping.txt"):
        assert part in message
    assert "split1.train" in message and "split1.test" in message
    assert "EgoProceL" in message


@pytest.mark.parametrize("dataset", [*layouts.DATASET_NOTES, "my own"])
def test_every_dataset_has_a_tree(tmp_path, dataset):
    tree = layouts.expected_tree(settings(tmp_path, dataset=dataset))
    assert "splits/train.split1.bundle" in tree and "(D, T)" in tree and "{split}" not in tree


def test_verbs_nouns_and_transcripts_are_in_the_tree_when_configured(tmp_path):
    plain = settings(tmp_path)
    assert "<verb>" not in layouts.expected_tree(plain) and "in order" not in layouts.expected_tree(plain)
    layout = layouts.open_layout(plain)
    assert layout.verb_noun_files == (None, None) and layout.transcript_dir is None
    data = settings(tmp_path, verb_mapping_file="verbs.txt", noun_mapping_file="nouns.txt", transcript_dir="orders")
    tree = layouts.expected_tree(data)
    for part in ("verbs.txt", "nouns.txt", "orders/<video>.txt", "<verb>,<noun>"):
        assert part in tree
    layout = layouts.open_layout(data)
    assert layout.verb_noun_files[1] == tmp_path / "nouns.txt" and layout.transcript_dir == tmp_path / "orders"


def test_without_a_root_files_need_a_full_path(tmp_path):
    full = {"verb_mapping_file": str(tmp_path / "verbs.txt"), "noun_mapping_file": str(tmp_path / "nouns.txt")}
    assert layouts.layout_without_root(settings("", **full)).verb_noun_files[0] == tmp_path / "verbs.txt"
    assert layouts.layout_without_root(settings("")).transcript_dir is None
    with pytest.raises(UserError, match="transcript_dir='orders' lies below config.data.dir, which is not set"):
        layouts.layout_without_root(settings("", transcript_dir="orders", **full))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"time_axis": "lst"}, "Did you mean 'last'"),
        ({"sample_rate": 0}, "config.data.sample_rate is 0; it must be at least 1"),
        ({"length_tolerance": -1}, "config.data.length_tolerance is -1"),
        ({"split": ""}, "config.data.split is empty"),
        ({"test_split_file": ""}, "config.data.test_split_file is empty"),
    ],
)
def test_settings_without_sense(tmp_path, changes, text):
    with pytest.raises(UserError, match=text):
        layouts.open_layout(settings(tmp_path, **changes))


def test_splits_that_do_exist_are_named(tmp_path):
    ids = ["v0", "v1"]
    write_folder(tmp_path, splits={"train.split1.bundle": ids, "train.fold[2].bundle": ids, "other.txt": ids})
    layout = layouts.open_layout(settings(tmp_path, split="split7"))
    assert layout.other_splits("train") == ["fold[2]", "split1"]
    assert layout.other_splits("test") == []
