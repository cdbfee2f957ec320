"""Your own folder: what is listed, and every problem with its file and line."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.folder import read_folder
from data_pipelines.representation.opening import open_representation
from data_pipelines.video.clips import ClipConfig
from fact_jax.types import UserError


def make(tmp_path, videos, **files):
    """A folder of .npy videos, {name: number of frames}, and text files."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "labels").mkdir()
    for name, length in videos.items():
        np.save(tmp_path / "videos" / f"{name}.npy", np.zeros((length, 8, 8, 3), np.uint8))
    for name, text in files.items():
        path = tmp_path / f"{name}.txt" if name in ("train", "test", "phases") else tmp_path / "labels" / f"{name}.txt"
        path.write_text(text)
    return tmp_path


def config(root, **options):
    return RepresentationDataConfig(dir=str(root), clip=ClipConfig(num_frames=4), **options)


def listing(root, **options):
    return read_folder(config(root, **options), root)


def told(root, **options):
    with pytest.raises(UserError) as caught:
        open_representation(config(root, **options))
    return str(caught.value)


def test_videos_alone(tmp_path):
    root = make(tmp_path, {f"v{number}": 5 for number in range(10)})
    sources = open_representation(config(root))
    assert [v.video_id for v in sources.test] == ["v2", "v7"] and len(sources.train) == 8
    assert {v.labels for v in sources.train} == {None} and sources.phases == ((),)
    assert "2 videos of 10 are evaluated and not trained on: v2, v7" in sources.notes
    assert "10 videos of 10 without labels" in sources.notes
    assert sources.train[0].video.frames([4]).shape == (1, 8, 8, 3)


def test_few_videos_are_trained_on_and_evaluated(tmp_path):
    sources = open_representation(config(make(tmp_path, {"a": 5, "b": 5})))
    assert (
        len(sources.train) == len(sources.test) == 2 and "All 2 videos are trained on and evaluated" in sources.notes[0]
    )


def test_labels_of_both_forms(tmp_path):
    root = make(
        tmp_path, {"a": 4, "b": 5, "c": 3},
        a="reach\nreach\n-\npour\n", b="start,end,phase\n0.0,0.08,reach\n0.08,0.16,pour\n",
        train="a\nb.npy\n", test="c\n",
    )  # fmt: skip
    sources = open_representation(config(root))
    assert sources.phases == (("reach", "pour"),)
    assert sources.train[0].labels.tolist() == [0, 0, -1, 1]
    # 25 frames per second: the frame at 0.16 s has no phase.
    assert sources.train[1].labels.tolist() == [0, 0, 1, 1, -1] and sources.test[0].labels is None
    assert "Phases in this order: reach, pour" in sources.notes


def test_labels_as_arrays(tmp_path):
    root = make(tmp_path, {"a": 4, "b": 3, "c": 2})
    for name, labels in (("a", [10, -1, 2, 0]), ("b", [0, 2, 10])):
        np.save(root / "labels" / f"{name}.npy", np.array(labels))
    sources = open_representation(config(root))
    # Phases that are numbers come in their order.
    assert sources.phases == (("0", "2", "10"),)
    assert [v.labels.tolist() for v in sources.train[:2]] == [[2, -1, 1, 0], [0, 1, 2]]
    np.save(root / "labels" / "c.npy", np.zeros((2, 1)))
    (root / "labels" / "b.npy").write_bytes(b"text")
    message = told(root)
    assert "an array (2, 1) of float64; expected a whole number for every frame" in message
    assert "b.npy" in message and "not a .npy file; expected an array written by numpy.save" in message


def test_phases_in_the_order_of_their_list(tmp_path):
    root = make(tmp_path, {"a": 2}, a="pour\nreach\n", phases="reach\npour\nput\n")
    found = listing(root)
    assert found.phases == (("reach", "pour", "put"),) and found.videos["train"][0].labels.tolist() == [1, 0]
    assert "No video has the phase 'put'" in found.notes


def test_all_problems_at_once(tmp_path):
    root = make(
        tmp_path, {"a": 4, "b": 4, "c": 4, "d": 4, "f": 4},
        a="reach\nreech\n", b="0 1 reach\n0.5 2 pour\n", c="reach\nreach\nreach\n", d="start,end,phase\n9.0,9.5,pour\n",
        e="reach\n", phases="reach\npour\nreach\n", train="a\nb\nc\nd\nx\na\n", test="f\n",
    )  # fmt: skip
    (root / "videos" / "g.mp4").write_bytes(b"no video")
    (root / "test.txt").write_text("g\n")
    message = told(root)
    for part in (
        "unknown phase 'reech'; did you mean 'reach'?",
        "'pour' from 0.5 to 2 begins before 'reach' from 0 to 1 ends",
        "3 labels for 4 frames",
        "a segment from 9 to 9.5 s, in a video of 0.16 s",
        "labels of no video",
        "'reach' for the second time",
        "unknown video 'x'",
        "'a' for the second time",
        "g.mp4",
    ):
        assert part in message, part
    assert "line 2" in message


def test_more_labels_than_frames(tmp_path):
    message = told(make(tmp_path, {"a": 2}, a="one\none\ntwo\n"))
    assert "3 labels for 2 frames" in message and "labels/a.txt" in message and "a.npy" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no labels"),
        ("a\n\nb\n", "no name"),
        ("start_frame,end_frame,label\n0,1,a\n", "times in frames"),
        ("0 1\n", "x"),
    ],
)
def test_label_files_that_cannot_be(tmp_path, text, said):
    if said == "x":
        assert listing(make(tmp_path, {"a": 1}, a=text)).phases == (("0 1",),)
    else:
        assert said in told(make(tmp_path, {"a": 2}, a=text))


def test_a_folder_without_videos(tmp_path):
    assert "nowhere', which is missing" in told(tmp_path / "nowhere")
    assert "no video" in told(tmp_path)
    assert "no video" in told(make(tmp_path, {}))
    with pytest.raises(UserError, match="dir is not set"):
        open_representation(RepresentationDataConfig())


def test_videos_beside_other_files(tmp_path):
    """A folder of videos alone, with a text among them."""
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.zeros((4, 8, 8, 3), np.uint8))
    (tmp_path / "LICENSE.txt").write_text("free")
    found = listing(tmp_path)
    assert [v.video_id for v in found.videos["train"]] == ["a", "b"] and found.problems == []
    assert f"No videos, left out of {tmp_path}: LICENSE.txt" in found.notes


def test_videos_of_one_name_are_refused(tmp_path):
    """The second one is a problem; labels and lists that have the name make no further ones."""
    for name in ("videos", "labels"):
        (tmp_path / name).mkdir()
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / "videos" / name, np.zeros((4, 8, 8, 3), np.uint8))
    np.savez(tmp_path / "videos" / "b.npz", np.zeros((5, 8, 8, 3), np.uint8))
    (tmp_path / "labels" / "b.txt").write_text("x\n" * 5)
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text("a\nb\n")
    (problem,) = listing(tmp_path).problems
    assert problem.path == str(tmp_path / "videos" / "b.npz")
    assert problem.text == "a second video called 'b', beside b.npy; rename one of them, or move it out of the folder"
    with pytest.raises(UserError, match="1 problem:"):
        open_representation(config(tmp_path))


def test_a_remark_on_many_videos_is_one_line(tmp_path):
    notes = open_representation(config(make(tmp_path, {name: 5 for name in "abc"}))).notes
    assert len([note for note in notes if "times" in note]) <= 1


def test_what_is_odd_is_a_line(tmp_path):
    root = make(
        tmp_path, {"a": 3, "b": 9, "c": 9},
        a="x\ny\nz\n", b="x\n" * 8 + "z\n", c="x\n" * 8 + "w\n", train="a\nb\n", test="c\nb\n",
    )  # fmt: skip
    notes = open_representation(config(root)).notes
    assert "1 video shorter than a clip of 4 frames, which is padded: a" in notes
    assert any("that lack a phase count for no progress: b, c" in note for note in notes)
    assert any("1 phase of evaluated videos that no training video has: w" in note for note in notes)
    assert "Trained on and evaluated as well, 1 video: b" in notes


def test_small_pictures_and_labels_of_no_frame_are_told(tmp_path):
    root = make(tmp_path, {"a": 3, "b": 4, "c": 3}, a="-\n-\n-\n", b="-\nx\n-\n-\n")
    known = config(root)
    height = min(open_representation(known).train[0].video.size)
    for size, told in ((height, 0), (height + 1, 3)):
        augmentation = dataclasses.replace(known.augmentation, size=size)
        notes = open_representation(dataclasses.replace(known, augmentation=augmentation)).notes
        assert "1 video whose labels give no frame a phase, scored by nothing: a" in notes
        said = f"3 videos with fewer than the {size} x {size} pixels that the network sees, enlarged: a, b, c"
        assert (said in notes) == bool(told)


def test_one_video_is_trained_on_and_evaluated(tmp_path):
    notes = open_representation(config(make(tmp_path, {"a": 3}))).notes
    assert any(note.startswith("The one video is trained on and evaluated; train.txt and") for note in notes)


def test_unreadable_videos_may_be_left_out(tmp_path):
    root = make(tmp_path, {"a": 5, "b": 5})
    (root / "videos" / "c.mp4").write_bytes(b"no video")
    assert "c.mp4" in told(root)
    sources = open_representation(config(root, skip_unreadable=True))
    assert len(sources.train) == 2 and any(note.startswith("Left out: ") and "c.mp4" in note for note in sources.notes)


@pytest.mark.parametrize(
    "wrong", [{"reader": "tfrecord"}, {"layout": "penn"}, {"train_fraction": 0.0}, {"test_share": 1.0},
              {"layout": "finegym"}, {"additional_list": "more.pkl"}],
)  # fmt: skip
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UserError, match="config.data"):
        RepresentationDataConfig(**wrong).check()
    with pytest.raises(UserError, match="no setting"):
        nothing = {"video": {}, "clip": {"frames": 3}, "augmentation": {}, "synthetic": {}}
        RepresentationDataConfig.parse(nothing)
