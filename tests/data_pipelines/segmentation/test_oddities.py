"""Datasets whose files are sound one by one: what contradicts is refused, what is odd is a line."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.core.feature_files import read_header
from data_pipelines.core.finite import never_changes
from data_pipelines.segmentation.index import read_index
from data_pipelines.segmentation.layouts import open_layout
from data_pipelines.segmentation.oddities import find_oddities
from data_pipelines.segmentation.sources import open_sources
from fact_jax.types import UserError
from tests.data_pipelines.folders import CLASS_NAMES, settings, write_folder


@pytest.fixture
def folder(tmp_path):
    """Five videos with all classes each."""
    videos = write_folder(tmp_path)
    for name, (_, labels) in videos.items():
        write_labels(tmp_path, name, np.arange(len(labels)) // 3 % len(CLASS_NAMES))
    return tmp_path


def write_labels(root, video, ids):
    (root / "groundTruth" / f"{video}.txt").write_text("".join(f"{CLASS_NAMES[i]}\n" for i in ids))


def oddities(root, **changes):
    layout = open_layout(settings(root, **changes))
    index, problems = read_index(layout, layout.configured_subsets())
    assert problems == []
    problems, notes = find_oddities(index, layout.data)
    return [str(problem) for problem in problems], notes


def test_nothing_odd(folder):
    assert oddities(folder) == ([], ())


@pytest.mark.parametrize(("subset", "videos"), [("test", ("v3", "v4")), ("train", ("v0", "v1", "v2"))])
def test_lists_without_an_action_are_refused(folder, subset, videos):
    for video in videos:
        write_labels(folder, video, [0] * {"v0": 37, "v1": 22, "v2": 41, "v3": 30, "v4": 25}[video])
    [problem], _ = oddities(folder)
    assert f"{subset}.split1.bundle: no {subset} video has anything but background (background)" in problem
    assert oddities(folder, evaluate_background=True)[0] == [] == oddities(folder, background_ids=())[0]
    with pytest.raises(UserError, match=f"no {subset} video has anything but background"):
        open_sources(settings(folder))


def test_a_video_without_an_action_is_a_line(folder):
    write_labels(folder, "v4", [0] * 25)
    assert oddities(folder) == ([], ("1 of 2 test videos has nothing but background: v4",))


def test_classes_of_test_videos_alone(folder):
    for video, length in (("v0", 37), ("v1", 22), ("v2", 41)):
        write_labels(folder, video, np.arange(length) // 5 % 2)
    _, [line] = oddities(folder)
    assert line == "2 classes of the test videos in no training video, cannot be learned: pour_milk, stir"


def test_a_class_of_test_videos_that_is_a_slip_of_the_pen(folder):
    with open(folder / "mapping.txt", "a") as file:
        file.write("4 pour_milks\n")
    label = folder / "groundTruth" / "v4.txt"
    label.write_text(label.read_text().replace("pour_milk", "pour_milks"))
    line = "1 class of the test videos in no training video, cannot be learned: pour_milks (did you mean 'pour_milk'?)"
    assert line in oddities(folder)[1]


def test_classes_in_no_video(folder):
    with open(folder / "mapping.txt", "a") as file:
        file.write("4 wipe\n")
    assert oddities(folder) == ([], ("1 class of 5 in no video: wipe",))


def test_segments_that_the_sample_rate_loses(folder):
    for video, length in (("v0", 37), ("v1", 22), ("v2", 41)):
        labels = np.arange(length) // 10 % 2 * 3
        labels[[4, 14]] = 1, 2
        write_labels(folder, video, labels)
    _, lines = oddities(folder, sample_rate=4)
    shorter = (
        "6 of 24 training segments too short for config.data.sample_rate=4, never learned: take cup 3, pour_milk 3"
    )
    assert shorter in lines
    assert oddities(folder)[1] == ()


def test_transcripts_that_say_something_else_than_the_labels(folder):
    (folder / "transcripts").mkdir()
    (folder / "transcripts" / "v3.txt").write_text((folder / "groundTruth" / "v3.txt").read_text())
    (folder / "transcripts" / "v4.txt").write_text("stir\n")
    [line] = open_sources(settings(folder, transcript_dir="transcripts")).notes
    assert line == "transcripts of 1 video differ from the order of their labels: v4"


def test_one_class_in_all_training_videos(folder):
    for video, length in (("v0", 37), ("v1", 22), ("v2", 41)):
        write_labels(folder, video, [3] * length)
    _, lines = oddities(folder)
    assert "all train labels are of one class, 'stir'" in lines


def test_lists_that_are_the_same_or_leave_videos_out(folder):
    (folder / "splits" / "test.split1.bundle").write_text("v3\n")
    problems, lines = oddities(folder, train_split_file="splits/test.{split}.bundle")
    assert problems == [] and lines[0].startswith("training and test videos are the same list")
    left_out = f"4 label files of {folder}/groundTruth left out, in no list: v0.txt, v1.txt, v2.txt and 1 more"
    lists = folder / "splits"
    settings_of_lists = "(config.data.train_split_file, test_split_file, validation_split_file)"
    unnamed = f". {lists}/train.split1.bundle lists 3 of them, and no setting names it {settings_of_lists}"
    assert lines[1] == left_out + unnamed
    (lists / "train.split1.bundle").write_text("v0\n")
    (lists / "train.split2.bundle").write_text("v1\nv3\n")  # a list of another split
    _, [line] = oddities(folder)
    assert line.endswith("in no list: v1.txt, v2.txt, v4.txt")
    (lists / "val.split1.bundle").write_text("v1\nv4\n")
    _, [line] = oddities(folder)
    setting = 'config.data.validation_split_file="splits/val.{split}.bundle"'
    assert f"{lists}/val.split1.bundle lists 2 of them, and no setting names it: {setting} evaluates them" in line


def test_an_action_as_background_beside_a_class_of_that_name(folder):
    line = (
        "config.data.background_ids=(1, 2) counts 'take cup' (1), 'pour_milk' (2) as background, and 'background' (0)"
    )
    assert oddities(folder, background_ids=(1, 2))[1] == (f"{line} as an action: is that meant?",)
    assert oddities(folder, background_ids=(0, 2)) == oddities(folder, background_ids=()) == ([], ())


def rename(folder, old, new, videos=("v0", "v1", "v2", "v3", "v4")):
    """Writes one class in another way in the labels of some videos."""
    for video in videos:
        path = folder / "groundTruth" / f"{video}.txt"
        path.write_text(path.read_text().replace(f"{old}\n", f"{new}\n"))


def test_a_second_name_for_background(folder):
    with open(folder / "mapping.txt", "a") as file:
        file.write("4 SIL\n")
    rename(folder, "background", "SIL", ("v0", "v4"))
    line = (
        "config.data.background_ids=(0,) leaves out 'SIL' (4), learned and scored as an action: does the name mean that"
    )
    _, [found] = oddities(folder)
    assert found.startswith(line) and "config.data.background_ids=(0, 4) counts all as background" in found
    assert oddities(folder, background_ids=(0, 4)) == oddities(folder, background_ids=()) == ([], ())


@pytest.mark.parametrize("name", ["pour-milk", "pour milk", "Pour.Milk", "pour__milk"])
def test_a_class_spelt_in_two_ways_is_told_once(folder, name):
    with open(folder / "mapping.txt", "a") as file:
        file.write(f"4 {name}\n")
    rename(folder, "pour_milk", name, ("v0", "v1"))
    _, [line] = oddities(folder)
    assert line == (
        f"{folder}/mapping.txt, lines 3, 5: the classes 'pour_milk', {name!r} differ in capitals, spaces, hyphens or "
        "Unicode form only; they are taken for different ones"
    )


def test_a_class_of_training_videos_alone_that_is_a_slip_of_the_pen(folder):
    with open(folder / "mapping.txt", "a") as file:
        file.write("4 pour_milks\n")
    rename(folder, "pour_milk", "pour_milks", ("v0", "v1"))
    line = "1 class of training videos alone has nearly the name of another: pour_milks (did you mean 'pour_milk'?)"
    assert oddities(folder) == ([], (line,))


@pytest.mark.parametrize("names", [("train.split1.bundle", "test.split1.bundle"), ("train.txt", "test.txt")])
def test_other_lists_of_the_same_split(folder, names):
    for name, videos in zip(names, (("v0", "v1", "v3"), ("v2", "v4")), strict=True):
        (folder / name).write_text("".join(f"{video}\n" for video in videos))
    _, [line] = oddities(folder)
    assert line.startswith(
        f"{folder / names[0]} and {folder / names[1]} list other videos than train.split1.bundle and test.split1.bundle"
        f" of {folder}/splits, which are used (2 videos trained with by one, tested on by the other): config.data.tr"
    )
    # The same lists again, those of another split, and a choice of other lists are no contradiction.
    (folder / names[0]).write_text("v2\nv0\nv1\n")
    (folder / names[1]).write_text("v3\nv4\n")
    (folder / "splits" / "train.split2.bundle").write_text("v3\nv4\n")
    (folder / "splits" / "test.split2.bundle").write_text("v0\nv1\n")
    assert oddities(folder) == ([], ())
    (folder / names[0]).write_text("v3\nv4\n")
    (folder / "mine").mkdir()
    for part in ("train", "test"):
        (folder / "splits" / f"{part}.split1.bundle").rename(folder / "mine" / f"{part}.txt")
    chosen = {f"{part}_split_file": f"mine/{part}.txt" for part in ("train", "test")}
    assert oddities(folder, **chosen) == ([], ())


def test_an_action_as_background_where_no_class_is_called_so(folder):
    (folder / "mapping.txt").write_text("0 other\n1 take cup\n2 pour_milk\n3 stir\n")
    for path in (folder / "groundTruth").iterdir():
        path.write_text(path.read_text().replace("background", "other"))
    line = "config.data.background_ids=(0,) counts 'other' (0) as background, which Acc, Edit and F1 then leave out"
    assert oddities(folder) == ([], (f'{line}; "()" there counts no class so',))
    assert oddities(folder, background_ids=()) == oddities(folder, evaluate_background=True) == ([], ())


def test_features_that_are_the_same_in_every_frame(folder):
    np.save(folder / "features" / "v1.npy", np.zeros((6, 22), np.float32))
    np.save(folder / "features" / "v3.npy", np.arange(6.0)[:, None].repeat(30, 1))
    _, [line] = oddities(folder)
    assert line == "2 videos with features that are the same in every frame: v1, v3"
    [again] = open_sources(settings(folder)).notes
    assert again == line


def test_features_of_another_video(folder):
    """Under two names, one video is in the training and the test list; the same start alone says nothing."""
    features = np.ones((6, 37), np.float32) * np.arange(37) // 30
    np.save(folder / "features" / "v0.npy", features)
    np.save(folder / "features" / "v3.npy", features)
    write_labels(folder, "v3", np.arange(37) // 10)
    _, [line] = oddities(folder)
    assert line == (
        "1 video with the features of another: v3 (as v0); one of the two is trained with and the other evaluated"
    )
    features[5, 36] = 2
    np.save(folder / "features" / "v3.npy", features)
    assert oddities(folder)[1] == ()


@pytest.mark.parametrize("time_axis", ["first", "last"])
@pytest.mark.parametrize("order", "CF")
def test_the_last_frame_alone_differs(tmp_path, time_axis, order):
    features = np.ones((5000, 40), np.float32)
    for changed in (False, True):
        features[-1, -1] = 2 if changed else 1
        stored = features if time_axis == "first" else features.T
        np.save(tmp_path / "v.npy", np.asarray(stored, order=order))
        found = never_changes(tmp_path / "v.npy", read_header(tmp_path / "v.npy"), time_axis)
        assert found != changed
    np.save(tmp_path / "v.npy", features[:1] if time_axis == "first" else features[:1].T)
    assert never_changes(tmp_path / "v.npy", read_header(tmp_path / "v.npy"), time_axis) is False


def test_names_that_differ_in_capitals_or_spaces(folder):
    names = ("background", "take cup", "Take  cup", "stir")
    (folder / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
    for path in (folder / "groundTruth").iterdir():
        path.write_text(path.read_text().replace("pour_milk", "Take  cup"))
    _, [line] = oddities(folder)
    assert line.startswith(f"{folder}/mapping.txt, lines 2, 3: the classes 'take cup', 'Take  cup' differ in capitals")


def test_verbs_numbered_otherwise(folder):
    pairs = ("none,none", "take,cup", "pour,milk", "stir,milk")
    (folder / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(pairs)))
    for path in (folder / "groundTruth").iterdir():
        text = path.read_text()
        for old, new in zip(CLASS_NAMES, pairs, strict=True):
            text = text.replace(f"{old}\n", f"{new}\n")
        path.write_text(text)
    (folder / "verbs.txt").write_text("1 none\n2 take\n3 pour\n4 stir\n")
    (folder / "nouns.txt").write_text("0 none\n1 cup\n2 milk\n")
    _, [line] = oddities(folder, verb_mapping_file="verbs.txt", noun_mapping_file="nouns.txt")
    assert line.startswith(f"{folder}/verbs.txt: ids are not 0, 1, 2, ...") and "verbs are numbered by them" in line


def test_only_some_lists_are_read(folder):
    """Whoever evaluates reads no training list, and is told nothing of it."""
    sources = open_sources(settings(folder), subsets=("test",))
    assert sources.notes == () and sources.train is None
    data = dataclasses.replace(settings(folder), background_ids=(0, 1, 2, 3))
    with pytest.raises(UserError, match="no test video has anything but background"):
        open_sources(data, subsets=("test",))


def test_one_way_of_writing_labels_is_told_with_a_count(folder):
    for path in (folder / "groundTruth").iterdir():
        path.write_text(
            "".join(f"{CLASS_NAMES[i].swapcase()}\n" for i in range(4)) + path.read_text()[len("background") :]
        )
    layout = open_layout(settings(folder))
    _, problems = read_index(layout, layout.configured_subsets())
    texts = [problem.found for problem in problems if "unknown label" in problem.found]
    labels = ("BACKGROUND", "TAKE CUP", "POUR_MILK", "STIR")
    assert texts == [f"unknown label {label!r}, as in 5 files" for label in labels]
