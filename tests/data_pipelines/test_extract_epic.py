"""EPIC-Kitchens from LMDBs to a folder that training reads: whole files, restarts, and what happens to gaps."""

import os
import shlex
import types

import numpy as np
import pytest

from data_pipelines import extract_epic
from data_pipelines.core import command_line
from data_pipelines.segmentation.sources import open_sources
from data_pipelines.tools.frame_lmdb import FrameStore
from fact_jax import files
from fact_jax.types import UserError
from tests.data_pipelines.folders import settings

lmdb = pytest.importorskip("lmdb")

LENGTHS = {"P01_01": 40, "P01_101": 25, "P02_03": 31, "P02_04": 12}
DIMS = {"rgb": 5, "flow": 3}
LAYOUT = {
    "time_axis": "first",
    "train_split_file": "{split}.train",
    "test_split_file": "{split}.test",
    "verb_mapping_file": "verb_mapping.txt",
    "noun_mapping_file": "noun_mapping.txt",
    "length_tolerance": 0,
}


def vector(kind, video, number):
    seed = [list(DIMS).index(kind), list(LENGTHS).index(video), number]
    return np.random.default_rng(seed).standard_normal(DIMS[kind]).astype(np.float32)


def write_store(folder, kind, changes=None):
    """Writes an LMDB of all frames; `changes` maps (video, number) to other bytes, or None to leave the frame out."""
    with lmdb.open(str(folder / kind), map_size=2**22) as environment, environment.begin(write=True) as transaction:
        for video, length in LENGTHS.items():
            for number in range(1, length + 1):
                value = (changes or {}).get((video, number), vector(kind, video, number).tobytes())
                if value is not None:
                    transaction.put(f"{video}_frame_{number:010d}.jpg".encode(), value)


def write_inputs(folder, rgb=None, flow=None):
    """Writes both LMDBs and all CSV files; returns the arguments of the tool."""
    write_store(folder, "rgb", rgb)
    write_store(folder, "flow", flow)
    header = "video_id,start_timestamp,stop_timestamp,verb_class,noun_class\n"
    (folder / "train.csv").write_text(
        header + "P01_01,00:00:00.20,00:00:00.50,0,1\nP01_01,00:00:00.40,00:00:00.60,1,0\n"
        "P01_101,00:00:00.00,00:00:00.10,0,0\n"
    )
    (folder / "val.csv").write_text(header + "P02_03,00:00:00.90,00:00:01.50,1,1\nP02_04,00:00:00.10,00:00:00.20,0,1\n")
    (folder / "verbs.csv").write_text("id,key\n0,take\n1,put\n")
    (folder / "nouns.csv").write_text("id,key\n0,cup\n1,pan\n")
    (folder / "lengths.csv").write_text("video,frames\n" + "".join(f"{v},{n}\n" for v, n in LENGTHS.items()))
    names = {"train_csv": "train.csv", "validation_csv": "val.csv", "verb_classes": "verbs.csv"}
    names |= {"rgb": "rgb", "flow": "flow", "noun_classes": "nouns.csv", "output": "epic"}
    return [part for name, value in names.items() for part in (f"--{name}", str(folder / value))]


def expected_features(video, length):
    return np.stack([np.concatenate([vector("rgb", video, n), vector("flow", video, n)]) for n in range(1, length + 1)])


def test_the_folder_can_be_trained_on(tmp_path, capsys):
    arguments = write_inputs(tmp_path)
    assert extract_epic.main(arguments) == 0
    out = capsys.readouterr().out
    assert "5 RGB + 3 flow = 8 channels" in out and "split1.train: 2 of 2 videos" in out
    assert "5 classes of 3 verbs and 3 nouns" in out and "1 action lasts beyond the last frame" in out
    assert "4 of 4 videos are in" in out and "--config.data.dir=" in out
    sources = open_sources(settings(tmp_path / "epic", **LAYOUT))
    assert sources.class_names == ("background,background", "take,cup", "take,pan", "put,cup", "put,pan")
    assert sources.verb_nouns.verbs == ("take", "put", "background") and sources.verb_nouns.noun_of_action[0] == 2
    assert sources.train.video_ids == ("P01_01", "P01_101") and sources.test.video_ids == ("P02_03", "P02_04")
    for source in (sources.train, sources.test):
        for video in (source[index] for index in range(len(source))):
            np.testing.assert_array_equal(video.features, expected_features(video.video_id, LENGTHS[video.video_id]))
    # Frames 6 to 14 and 12 to 17 of numbers from 1; the later start shows where both are on.
    assert sources.train[0].labels.tolist() == [0] * 5 + [2] * 6 + [3] * 6 + [0] * 23
    assert sources.train[1].labels.tolist() == [1] * 2 + [0] * 23
    assert sources.test[0].labels.tolist() == [0] * 26 + [4] * 5


def test_published_lengths_and_frames_as_times(tmp_path):
    arguments = write_inputs(tmp_path) + ["--video_lengths", str(tmp_path / "lengths.csv"), "--videos", "P02_04"]
    (tmp_path / "val.csv").write_text("narration_id,video,start,stop,verb,noun,action\na,P02_04,3,6,0,1,9\n")
    assert extract_epic.main(arguments) == 0
    features = np.load(tmp_path / "epic" / "features" / "P02_04.npy")
    np.testing.assert_array_equal(features, expected_features("P02_04", 11))
    labels = (tmp_path / "epic" / "groundTruth" / "P02_04.txt").read_text().split("\n")
    assert labels[:-1] == ["background,background"] * 2 + ["take,pan"] * 3 + ["background,background"] * 6
    assert (tmp_path / "epic" / "split1.train").read_text() == ""
    assert (tmp_path / "epic" / "split1.test").read_text() == "P02_04\n"


def test_features_only(tmp_path, capsys):
    arguments = [part for part in write_inputs(tmp_path) if "verb" not in part and "noun" not in part]
    assert extract_epic.main(arguments) == 0
    assert sorted(path.name for path in (tmp_path / "epic").iterdir()) == ["features"]
    assert "features only" in capsys.readouterr().out


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    arguments = write_inputs(tmp_path)
    read_into = FrameStore.read_into

    def stop_in_second_video(self, video, output, advance):
        if video == "P01_101" and self.kind == "flow":
            raise KeyboardInterrupt
        return read_into(self, video, output, advance)

    features = tmp_path / "epic" / "features"
    monkeypatch.setattr(FrameStore, "read_into", stop_in_second_video)
    with pytest.raises(KeyboardInterrupt):
        extract_epic.main(arguments)
    assert [path.name for path in features.iterdir()] == ["P01_01.npy"]
    (features / ".P01_101.npy.partial").write_bytes(b"as left behind by a killed run")
    os.utime(features / "P01_01.npy", ns=(1, 1))
    monkeypatch.undo()
    assert extract_epic.main(arguments) == 0
    assert (features / "P01_01.npy").stat().st_mtime_ns == 1
    assert sorted(path.name for path in features.iterdir()) == sorted(f"{video}.npy" for video in LENGTHS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("epic/**/*.t*")}
    assert extract_epic.main(arguments) == 0
    for path, time in before.items():
        assert path.name.startswith("split1") or path.stat().st_mtime_ns == time


def test_few_missing_frames_are_repeated_and_reported(tmp_path, capsys):
    gaps = {("P01_01", 1): None, ("P01_01", 2): None, ("P01_01", 17): None}
    arguments = write_inputs(tmp_path, flow=gaps) + ["--max_missing", "0.1"]
    assert extract_epic.main(arguments) == 0
    line = "P01_01: 3 of 40 flow frames are missing (1, 2, 17); each repeats the frame before it"
    assert line in capsys.readouterr().out
    expected = expected_features("P01_01", 40)
    expected[:2, 5:], expected[16, 5:] = expected[2, 5:], expected[15, 5:]
    np.testing.assert_array_equal(np.load(tmp_path / "epic" / "features" / "P01_01.npy"), expected)
    assert extract_epic.main(arguments) == 0
    assert (tmp_path / "epic" / extract_epic.NOTES_FILE).read_text() == f"{line}\n"


def test_flow_may_end_a_little_earlier(tmp_path):
    arguments = write_inputs(tmp_path, flow={("P01_01", number): None for number in (38, 39, 40)})
    assert extract_epic.main([*arguments, "--videos", "P01_01"]) == 0
    features = np.load(tmp_path / "epic" / "features" / "P01_01.npy")
    np.testing.assert_array_equal(features, expected_features("P01_01", 37))
    assert len((tmp_path / "epic" / "groundTruth" / "P01_01.txt").read_text().splitlines()) == 37


def test_a_full_disk_is_noticed_before_writing(tmp_path, monkeypatch):
    arguments = write_inputs(tmp_path)
    monkeypatch.setattr(extract_epic.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=400))
    with pytest.raises(
        UserError, match=r"needs 1.2 KiB, .* has 400 bytes free. Make room and run the same command again"
    ):
        extract_epic.main(arguments)
    assert list((tmp_path / "epic" / "features").iterdir()) == []


def test_bad_videos_are_left_out_and_all_reported(tmp_path, capsys):
    flow = {("P01_01", number): None for number in range(6, 41)}
    flow |= {("P01_101", 9): np.zeros(4, np.float32).tobytes()}
    rgb = {("P02_03", 7): np.full(5, np.nan, np.float32).tobytes()}
    rgb |= {("P02_04", number): None for number in range(1, 13)}
    arguments = write_inputs(tmp_path, rgb, flow)
    assert extract_epic.main(arguments) == 1
    captured = capsys.readouterr()
    assert "4 problems:" in captured.err and "0 of 4 videos" in captured.out and "to train" not in captured.out
    for text in (
        "35 of 40 flow frames are missing (6, 7, 8, 9, 10, ...); more than --max_missing=0.01",
        "flow frame 9 has 16 bytes, expected 12",
        "RGB frame 7 has NaN",
        "there are no RGB frames",
    ):
        assert text in captured.err
    assert list((tmp_path / "epic" / "features").iterdir()) == []
    assert (tmp_path / "epic" / "split1.train").read_text() == ""


def test_files_of_others_are_not_overwritten(tmp_path, capsys):
    arguments = write_inputs(tmp_path)
    features = tmp_path / "epic" / "features"
    (tmp_path / "epic" / "groundTruth").mkdir(parents=True)
    features.mkdir()
    np.save(features / "P01_01.npy", np.zeros((40, 9), np.float32))
    (features / "P02_04.npy").write_bytes(b"half a file")
    (tmp_path / "epic" / "groundTruth" / "P02_03.txt").write_text("take,pan\n")
    assert extract_epic.main(arguments) == 1
    err = capsys.readouterr().err
    assert "a file of shape (40, 9) is there; expected (40, 8); delete it" in err
    assert "not a .npy file" in err and "a file with other content is there" in err
    assert (tmp_path / "epic" / "split1.test").read_text() == "P02_03\n"
    (tmp_path / "epic" / "verb_mapping.txt").write_text("0 take\n1 put\n2 background\n3 new\n")
    with pytest.raises(UserError, match="holds a dataset with other classes"):
        extract_epic.main(arguments)


def test_labels_beyond_the_video_are_a_problem(tmp_path, capsys):
    arguments = write_inputs(tmp_path)
    with open(tmp_path / "val.csv", "a") as file:
        file.write("P02_04,00:00:07.00,00:00:08.00,0,1\n")
    assert extract_epic.main(arguments) == 1
    text = "P02_04\n  1. 1 of 2 actions starts after the last frame, 12 (at 210); they are not in the labels"
    assert text in capsys.readouterr().err


def test_a_long_list_of_problems_goes_to_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(extract_epic, "_SHOWN_PROBLEMS", 2)
    gaps = {(video, number): None for video, length in LENGTHS.items() for number in range(1, length + 1, 2)}
    assert extract_epic.main(write_inputs(tmp_path, flow=gaps)) == 1
    assert "4 problems:" in (err := capsys.readouterr().err) and "... and 2 more" in err
    assert len((tmp_path / "epic" / extract_epic.PROBLEMS_FILE).read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"--rgb": "nothing"}, "does not exist"),
        ({"--flow": "train.csv"}, "is no LMDB of flow features"),
        ({"--videos": "P09_09"}, "P09_09 is in neither list of actions"),
        ({"--verb_classes": "nouns.csvv"}, "file is missing"),
        ({"--fps": "inf"}, "'inf'; expected a number from 0.001 to 1e+06"),
    ],
)
def test_mistakes_end_with_a_message_and_code_2(tmp_path, capsys, changes, text):
    arguments = write_inputs(tmp_path)
    for name, value in changes.items():
        value = value if name in ("--videos", "--fps") else str(tmp_path / value)
        if name in arguments:
            arguments[arguments.index(name) + 1] = value
        else:
            arguments += [name, value]
    with pytest.raises(SystemExit) as stop:
        command_line.run(extract_epic.main, arguments)
    err = capsys.readouterr().err
    assert stop.value.code == 2 and text in err and not (tmp_path / "epic").exists()


@pytest.mark.parametrize("place", ["epic", "epic/deeper", "epic/features", "epic/groundTruth", "epic/split1.train"])
def test_a_place_that_cannot_be_written_ends_with_code_2(tmp_path, capsys, place):
    arguments = write_inputs(tmp_path)
    blocked = tmp_path / "epic" / ("" if place == "epic/deeper" else place.removeprefix("epic").lstrip("/"))
    blocked.parent.mkdir(exist_ok=True)
    if place == "epic/split1.train":
        blocked.mkdir()
    else:
        blocked.write_text("a file of the user's")
    if place == "epic/deeper":
        arguments[arguments.index("--output") + 1] = str(tmp_path / place)
    with pytest.raises(SystemExit) as stop:
        command_line.run(extract_epic.main, arguments)
    err = capsys.readouterr().err
    assert stop.value.code == 2 and "cannot be written: " in err and str(tmp_path / "epic") in err
    assert blocked.is_dir() or blocked.read_text() == "a file of the user's"


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    arguments = write_inputs(tmp_path)
    partial = tmp_path / "epic" / "features" / ".P01_01.npy.partial"
    with files.lock_folder(tmp_path / "epic"):
        partial.parent.mkdir()
        partial.write_bytes(b"what the other process writes just now")
        with pytest.raises(UserError, match="Another process is writing to .*epic; wait, or"):
            extract_epic.main(arguments)
        assert [path.name for path in (tmp_path / "epic").rglob("*")] == ["features", partial.name]
    assert extract_epic.main(arguments) == 0 and not partial.exists()


def test_the_command_to_train_can_be_pasted(tmp_path, capsys):
    arguments = write_inputs(tmp_path)
    arguments[arguments.index("--output") + 1] = str(tmp_path / "my epic's")
    assert extract_epic.main(arguments) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("to train: ")
    assert f"--config.data.dir={tmp_path}/my epic's" in shlex.split(command)


def test_single_file_stores(tmp_path):
    with lmdb.open(str(tmp_path / "one.lmdb"), subdir=False, map_size=2**20) as environment:
        with environment.begin(write=True) as transaction:
            for name in ("P01_1_frame_0000000002.jpg", "P01_11_frame_0000000009.jpg", "P01_frame_0000000004.jpg"):
                transaction.put(name.encode(), np.ones(2, np.float32).tobytes())
    store = FrameStore("RGB", tmp_path / "one.lmdb")
    assert [store.last_frame(video) for video in ("P01_1", "P01_11", "P01", "P0", "Q")] == [2, 9, 4, 0, 0]
