"""Published lists: Pouring, PennAction, FineGym and Kinetics."""

import pickle

import numpy as np
import pytest

from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.opening import open_representation
from data_pipelines.representation.published import PENN_ACTIONS, read_published
from data_pipelines.video.clips import ClipConfig
from fact_jax.types import UserError


def entry(number, labels, **other):
    labels = np.asarray(labels)
    file = f"videos/{number}.npy"
    made = {"id": number, "name": f"v{number}", "video_file": file, "seq_len": len(labels), "frame_label": labels}
    return made | other


def write(root, name, value, videos=True):
    (root / "videos").mkdir(exist_ok=True)
    (root / name).write_bytes(pickle.dumps(value))
    for listed in (value[0] if isinstance(value, tuple) else value) if videos else ():
        np.save(root / listed["video_file"], np.zeros((listed["seq_len"], 8, 8, 3), np.uint8))


def config(root, layout, **options):
    return RepresentationDataConfig(dir=str(root), layout=layout, clip=ClipConfig(num_frames=4), **options)


def told(root, layout, **options):
    with pytest.raises(UserError) as caught:
        open_representation(config(root, layout, **options))
    return str(caught.value)


def test_pouring(tmp_path):
    write(tmp_path, "train.pkl", [entry(number, [0, 1, 2, 3, 4]) for number in range(4)])
    write(tmp_path, "val.pkl", [entry(9, [0, 0, 4])])
    sources = open_representation(config(tmp_path, "pouring", train_fraction=0.5))
    assert [v.video_id for v in sources.train] == ["v0", "v1"] and len(sources.phases[0]) == 5
    assert sources.test[0].labels.tolist() == [0, 0, 4] and sources.test[0].labels.dtype == np.int32


def test_penn_action(tmp_path):
    videos = [entry(number, [0, 1]) for number in range(14)]
    write(tmp_path, "train.pkl", (videos, [[number, *([13] if number == 2 else [])] for number in range(13)]))
    write(tmp_path, "val.pkl", (videos[:13], {number: np.array([number]) for number in range(13)}))
    sources = open_representation(config(tmp_path, "penn_action"))
    assert sources.groups == tuple(PENN_ACTIONS) and [len(names) for names in sources.phases] == [
        *PENN_ACTIONS.values()
    ]
    assert [v.group for v in sources.train] == [*range(13), 2]
    few = open_representation(config(tmp_path, "penn_action", groups=("bench_press", "bowl")))
    assert few.groups == ("bench_press", "bowl") and [v.group for v in few.train] == [0, 1, 0] and few.fit == few.train
    assert "Did you mean 'bowl'" in told(tmp_path, "penn_action", groups=("bowls",))
    write(tmp_path, "val.pkl", (videos[:13], [[0]] * 13), videos=False)
    assert "12 videos of no action" in told(tmp_path, "penn_action")
    write(tmp_path, "val.pkl", videos)
    assert "expected (list of videos, places of every action's videos)" in told(tmp_path, "penn_action")
    write(tmp_path, "val.pkl", ([entry(0, [0, 3])], [[]] * 2 + [[0]] + [[]] * 10), videos=False)
    assert "label 3, expected -1 (none) to 1" in told(tmp_path, "penn_action")


def test_finegym(tmp_path):
    floats = entry(0, np.array([-1.0, 3.0, 98.0], np.float32), event_label=1)
    write(tmp_path, "gym99_train_v1.0.pkl", [floats])
    write(tmp_path, "gym99_val.pkl", [entry(1, [5.0])])
    write(tmp_path, "additional_v1.0.pkl", [entry(2, [-1.0, -1.0])])
    options = {"num_classes": 99, "additional_list": "additional_v1.0.pkl"}
    sources = open_representation(config(tmp_path, "finegym", **options))
    assert [v.video_id for v in sources.train] == ["v0", "v2"] and sources.train[0].labels.tolist() == [-1, 3, 98]
    assert "gym288_train_v1.0.pkl" in told(tmp_path, "finegym", num_classes=288)


def test_kinetics(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in "ab":
        np.save(tmp_path / "videos" / f"{name}.npy", np.zeros((3, 8, 8, 3), np.uint8))
    (tmp_path / "train.csv").write_text("./videos/a.npy,17\nvideos/b.npy 3\n")
    (tmp_path / "val.csv").write_text("../b.npy,3\n")
    assert "'..'" in told(tmp_path, "kinetics")
    (tmp_path / "val.csv").write_text("videos/b.npy,3\n")
    sources = open_representation(config(tmp_path, "kinetics"))
    assert [v.video_id for v in sources.train] == ["a", "b"] and sources.train[0].labels is None


def test_another_dataset_is_evaluated(tmp_path):
    write(tmp_path, "train.pkl", ([entry(number, [0, 1]) for number in range(13)], [[number] for number in range(13)]))
    write(tmp_path, "val.pkl", ([entry(number, [1, 1]) for number in range(13)], [[number] for number in range(13)]))
    (tmp_path / "k400.csv").write_text("videos/3.npy,17\n")
    options = {"train_list": "k400.csv", "evaluation_layout": "penn_action", "groups": ("baseball_pitch",)}
    sources = open_representation(config(tmp_path, "kinetics", **options))
    assert [v.video_id for v in sources.train] == ["3"] and sources.train[0].labels is None
    assert [v.video_id for v in sources.fit] == ["v0"] and sources.fit[0].labels.tolist() == [0, 1]
    assert sources.test[0].labels.tolist() == [1, 1] and sources.groups == ("baseball_pitch",)
    assert "groups" in told(tmp_path, "pouring", groups=("bowl",))


def test_every_wrong_entry_is_told(tmp_path):
    wrong = [
        entry(0, [0]) | {"seq_len": 2},
        {"name": "a", "video": "x.mp4"},
        entry(1, [0, 7]),
        entry(2, [0.5]),
        entry(3, [0], video_file="../x.npy"),
        entry(4, [], seq_len=0),
        "text",
        entry(5, [0]) | {"frame_label": "abc"},
        entry(6, [0]),
        entry(6, [0]),
    ]
    write(tmp_path, "train.pkl", wrong, videos=False)
    write(tmp_path, "val.pkl", [], videos=False)
    found = [problem.found for problem in read_published(config(tmp_path, "pouring"), tmp_path).problems]
    assert found[:-1] == [
        "video 0 ('v0'): 1 label for seq_len 2",
        "video 1 ('a'): it lacks video_file, seq_len, frame_label; it has 'video'",
        "video 2 ('v1'): label 7, expected -1 (none) to 4",
        "video 3 ('v2'): labels that are no whole numbers",
        "video 4 ('v3'): a path with the part '..' in '../x.npy'",
        "video 5 ('v4'): seq_len is 0, expected a number of frames",
        "video 6: a str, expected a dict with name, video_file, seq_len, frame_label",
        "video 7 ('v5'): frame_label is no list of numbers",
    ]
    assert found[-1] == "an empty list"
    write(tmp_path, "train.pkl", wrong[-2:])
    assert "two videos are called 'v6'" in told(tmp_path, "pouring")
    message = told(tmp_path, "pouring", train_list="none.pkl")
    assert "none.pkl" in message and "file is missing" in message


def test_frames_that_differ_from_the_list(tmp_path):
    write(tmp_path, "train.pkl", [entry(0, [0, 1, 2])])
    write(tmp_path, "val.pkl", [entry(1, [0])])
    np.save(tmp_path / "videos" / "0.npy", np.zeros((2, 8, 8, 3), np.uint8))
    (tmp_path / "videos" / "1.npy").unlink()
    message = told(tmp_path, "pouring")
    assert "3 labels for 2 frames" in message and "1.npy" in message
