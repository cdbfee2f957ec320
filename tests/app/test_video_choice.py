"""Which videos --split and --videos name, and what is said where they name none."""

import pytest

from fact_jax.app.video_choice import VideoChoice, choose
from fact_jax.types import UserError

SUBSETS = {"train": ("pour_1", "pour_2"), "test": ("stir_1", "stir_2", "cut")}


def test_a_subset_is_all_its_videos():
    chosen = choose(VideoChoice("train"), SUBSETS)
    assert chosen.by_subset == {"train": ("pour_1", "pour_2")}
    assert (chosen.name, chosen.folder, chosen.title) == ("train", "eval_train", "the 2 train videos")


def test_names_and_lists_of_names_may_be_mixed(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("pour_2\n\nstir_1.txt\ncut\n")
    chosen = choose(VideoChoice(videos=(str(path), "cut")), SUBSETS)
    assert chosen.by_subset == {"train": ("pour_2",), "test": ("stir_1", "cut")}
    assert chosen.title == "3 named videos: pour_2, stir_1, cut"
    assert chosen.notes[0].endswith("there twice; every video counts once")
    trained = (
        "1 of 3 videos named in --videos: training videos of this run (pour_2), whose scores say nothing of new videos"
    )
    assert chosen.notes[1:] == (trained,)
    assert choose(VideoChoice(videos=("cut",)), SUBSETS).notes == ()
    other = choose(VideoChoice(videos=("cut", "stir_1", "pour_2")), SUBSETS)
    assert other.folder == chosen.folder and other.folder.startswith("eval_videos_")
    assert choose(VideoChoice(videos=("cut",)), SUBSETS).folder != other.folder


def test_a_name_of_two_videos_needs_a_subset(tmp_path):
    subsets, unlike = {"train": ("a", "b", "c"), "test": ("a", "b", "d")}, {"a"}
    path = tmp_path / "list.txt"
    path.write_text("a\nb\n")
    with pytest.raises(UserError) as caught:
        choose(VideoChoice(videos=(str(path), "a", "x")), subsets, unlike)
    first, second = str(caught.value).splitlines()
    named = "'a' is the name of a train video and of another test video: --split train or --split test says which"
    assert first == f"{path}:1: {named} is meant."
    assert second.startswith("--videos: 'x' is none of the 4 videos")
    found = {split: choose(VideoChoice(split, ("a", "b")), subsets, unlike) for split in subsets}
    assert found["test"].by_subset == {"test": ("a", "b")} and found["train"].by_subset == {"train": ("a", "b")}
    assert found["test"].folder != found["train"].folder
    # What both subsets have alike is one video.
    assert choose(VideoChoice(videos=("b",)), subsets, unlike).by_subset == {"train": ("b",)}
    both = [choose(VideoChoice(split, ("b",)), subsets, unlike).folder for split in subsets]
    assert both[0] == both[1]


def test_everything_unknown_is_named_with_the_nearest(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("pour_3\ncut\nXYZ\n")
    with pytest.raises(UserError) as caught:
        choose(VideoChoice(videos=(str(path), "stirr_2", "lists/gone.txt")), SUBSETS)
    assert str(caught.value).splitlines() == [
        f"{path}:1: 'pour_3' is none of the 5 videos of this run. Did you mean 'pour_2'?",
        f"{path}:3: 'XYZ' is none of the 5 videos of this run. They are pour_1, pour_2, stir_1, stir_2, cut, ...",
        "--videos: 'stirr_2' is none of the 5 videos of this run. Did you mean 'stir_2'?",
        "--videos: 'lists/gone.txt' is none of the 5 videos of this run. They are pour_1, pour_2, stir_1, stir_2, cut, "
        "... There is no such file either.",
    ]
    with pytest.raises(UserError, match="--split is 'trian'. Did you mean 'train'. This run has 'train', 'test'"):
        choose(VideoChoice("trian"), SUBSETS)
    with pytest.raises(UserError, match="'cut' is none of the 2 train videos"):
        choose(VideoChoice("train", ("cut",)), SUBSETS)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(UserError, match="empty.txt: no videos; expected one video name per line"):
        choose(VideoChoice(videos=(str(tmp_path / "empty.txt"),)), SUBSETS)
    path.write_text("".join(f"unknown {number}\n" for number in range(60)))
    with pytest.raises(UserError, match="and 10 more unknown names"):
        choose(VideoChoice(videos=(str(path),)), SUBSETS)
