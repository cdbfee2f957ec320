"""Tools and copies: the dataset of Ego4D, the synthetic one on disk, the TFDS copy, videos without annotations."""

import collections
import dataclasses
import json
import shutil
import types

import numpy as np
import pytest

from data_pipelines.core import prepared_copy
from data_pipelines.localization import ego4d, write_synthetic
from data_pipelines.localization.config import LocalizationDataConfig
from data_pipelines.localization.opening import open_localization
from data_pipelines.localization.unlabelled import StreamReader, open_inputs
from fact_jax.ops.time_grid import GridRule
from fact_jax.types import UserError
from tests.data_pipelines.localization.folders import features, settings, write_folder


def moments(first_frame, last_frame):
    """An annotation file with one clip of a video at 30 frames per second."""
    labels = [
        {"label": "use_phone", "primary": True, "video_start_time": 4.0, "video_end_time": 5.0},
        {"label": "walk", "primary": False, "video_start_time": 4.0, "video_end_time": 5.0},
        {"label": 'say "hi"', "primary": True, "video_start_time": 4.0, "video_end_time": 4.2},
    ]
    clip = {
        "clip_uid": "c1", "video_start_frame": first_frame, "video_end_frame": last_frame,
        "video_start_sec": first_frame / 30, "video_end_sec": last_frame / 30,
        "annotations": [{"labels": labels[:2]}, {"labels": labels[2:]}],
    }  # fmt: skip
    silent = clip | {"clip_uid": "c2", "annotations": []}
    broken = clip | {"clip_uid": "c3", "video_end_sec": first_frame / 30 + 100}
    return {"split": "train", "videos": [{"video_uid": "v", "clips": [clip, silent, broken]}]}


def test_a_clip_of_ego4d_takes_its_windows(tmp_path):
    torch = pytest.importorskip("torch")
    (tmp_path / "moments_train.json").write_text(json.dumps(moments(100, 300)))
    (tmp_path / "slow").mkdir()
    stored = torch.arange(60, dtype=torch.float16).reshape(30, 2)
    torch.save(stored, tmp_path / "slow" / "v.pt")
    out = tmp_path / "out"
    ego4d.main([str(out), "--annotations", str(tmp_path / "moments_train.json"), "--slowfast", str(tmp_path / "slow")])
    # Frame 96 is the first of window 6. 204 frames, and 4 more to fill the last of 12 windows, of which 11 are taken.
    found = np.load(out / "slowfast_features" / "c1.npy")
    np.testing.assert_array_equal(found, stored.float().numpy()[6:17])
    (entry,) = json.loads((out / "annotations" / "ego4d.json").read_text())["database"].items()
    assert entry[0] == "c1" and entry[1]["subset"] == "training" and entry[1]["fps"] == 30.0
    assert entry[1]["annotations"] == [{"label": "use_phone", "segment": [0.8, 1.8], "label_id": 0}]


@pytest.mark.parametrize("name", ["clip_uid", "video_uid"])
def test_a_clip_of_ego4d_is_not_written_elsewhere(tmp_path, name):
    content = moments(100, 300)
    video = content["videos"][0]
    (video if name in video else video["clips"][0])[name] = "../../x"
    (tmp_path / "moments_train.json").write_text(json.dumps(content))
    problems = []
    assert ego4d.read_clips(tmp_path / "moments_train.json", problems, collections.Counter()) == []
    assert [problem.text for problem in problems if "a path with the part '..'" in problem.text]


def test_what_ego4d_leaves_out_is_counted(tmp_path):
    (tmp_path / "moments_train.json").write_text(json.dumps(moments(100, 300)))
    problems, left_out = [], collections.Counter()
    [clip] = ego4d.read_clips(tmp_path / "moments_train.json", problems, left_out)
    assert clip.uid == "c1" and problems == []
    assert left_out == {
        "actions of less than 0.25 s": 1,
        "clips without an action": 1,
        "clips of less than 10 or more than 100 frames per second": 1,
    }


def test_ego4d_takes_every_clip_and_class_once(tmp_path):
    content = moments(100, 300)
    content["videos"] += moments(200, 300)["videos"]
    (tmp_path / "moments_train.json").write_text(json.dumps(content))
    (tmp_path / "map.txt").write_text("0\tuse_phone\n1\tuse_phone\n0\twalk\n")
    with pytest.raises(UserError) as error:
        files = [str(tmp_path / "moments_train.json")]
        ego4d.convert(tmp_path / "out", files, {"slowfast": tmp_path}, tmp_path / "map.txt")
    assert "clip 'c1' is there twice" in str(error.value) and str(error.value).count("its id or name again") == 2


def test_what_ego4d_lacks_is_told_at_once(tmp_path):
    (tmp_path / "moments_train.json").write_text(json.dumps(moments(100, 300)))
    (tmp_path / "map.txt").write_text("0\twalk\nbroken\n")
    arguments = [str(tmp_path / "moments_train.json"), str(tmp_path / "moments_val.json")]
    with pytest.raises(UserError) as error:
        ego4d.convert(tmp_path / "out", arguments, {"slowfast": tmp_path}, tmp_path / "map.txt")
    for part in ("4 problems", "moments_val.json", "'broken'", "no id of 1 label, such as 'use_phone'", "v.pt"):
        assert part in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_tensor_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(2)}, tmp_path / "dict.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "dict.pt").read_bytes()[:40])
    torch.save(pathlike := json.JSONEncoder(), tmp_path / "object.pt")
    assert pathlike
    torch.save(torch.zeros(1).expand(2**20, 100), tmp_path / "repeated.pt")
    for name, message in (("dict", "expected one tensor"), ("cut", "cannot be read|something else"),
                          ("object", "something else"), ("repeated", r"KiB that unpack to 400.0 MiB")):  # fmt: skip
        with pytest.raises(UserError, match=message):
            ego4d.read_video(tmp_path / f"{name}.pt")


def test_the_written_synthetic_dataset_is_the_one_made_on_the_fly(tmp_path):
    write_synthetic.main([str(tmp_path / "data"), "--train_videos", "3", "--videos", "2"])
    data = LocalizationDataConfig(reader="synthetic", feature_stride=4.0, window=16.0)
    made = open_localization(data)
    read = open_localization(dataclasses.replace(data, reader="files", dir=str(tmp_path / "data")))
    assert read.class_names == made.class_names and (len(read.train), len(read.test)) == (3, 2)
    np.testing.assert_array_equal(read.test[1].features, made.test[1].features)
    np.testing.assert_allclose(read.test[1].segments, made.test[1].segments, atol=0.01)
    with pytest.raises(UserError, match="exists already"):
        write_synthetic.main([str(tmp_path / "data")])


def test_the_copy_gives_what_the_files_give(tmp_path):
    root = write_folder(tmp_path / "data")
    data = settings(root, reader="tfds", memory_gb=0.0)
    copied = open_localization(data)
    for subset in ("train", "test"):
        for index, video in enumerate(getattr(copied, subset).video_ids):
            np.testing.assert_array_equal(getattr(copied, subset)[index].features, features(video))
    records = sorted((root / "tfds").rglob("*.array_record*"))
    before = [path.stat().st_mtime_ns for path in records]
    open_localization(data)
    assert [path.stat().st_mtime_ns for path in records] == before
    files = open_localization(settings(root)).feature_checksums
    assert copied.feature_checksums == files and len(set(files.values())) == len(files) == 4
    np.save(root / "features" / "c.npy", features("x", 40))
    changed = open_localization(data)
    np.testing.assert_array_equal(changed.test[0].features, features("x", 40))
    assert {video for video in files if changed.feature_checksums[video] != files[video]} == {"c"}


def test_the_copy_alone_is_enough_beside_the_annotations(tmp_path):
    root = write_folder(tmp_path / "data")
    (root / "features" / "b.npy").unlink()
    data = settings(root, reader="tfds", tfds_dir=str(tmp_path / "copy"), skip_missing=True)
    open_localization(data)
    alone = dataclasses.replace(data, dir="", skip_missing=False)
    with pytest.raises(UserError, match="annotation_file='annotations.json' lies below config.data.dir"):
        open_localization(alone)
    alone = dataclasses.replace(alone, annotation_file=str(root / "annotations.json"))
    shutil.rmtree(root / "features")
    sources = open_localization(alone)
    assert sources.train.video_ids == ("a",) and "left out of training: b" in sources.notes[0]
    np.testing.assert_array_equal(sources.test[1].features, features("d"))
    assert sources.feature_checksums.keys() == {"a", "c", "d"}
    [metadata] = (tmp_path / "copy").rglob("metadata.json")
    metadata.write_text(metadata.read_text()[:-9])
    with pytest.raises(UserError, match="is damaged"):
        open_localization(alone)
    shutil.rmtree(tmp_path / "copy")
    with pytest.raises(UserError, match="holds no prepared features"):
        open_localization(alone)


def test_a_copy_that_has_no_room_says_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared_copy.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=10))
    with pytest.raises(
        UserError, match='has 10 bytes free. Choose another folder .* or use config.data.reader="files"'
    ):
        open_localization(settings(write_folder(tmp_path), reader="tfds"))


def test_videos_without_annotations_are_checked_one_by_one(tmp_path):
    np.save(tmp_path / "a.npy", features("a"))
    np.savez(tmp_path / "b.npz", feats=features("b"))
    np.save(tmp_path / "turned.npy", features("c").T)
    spoilt = features("d")
    spoilt[2, 1] = np.nan
    np.save(tmp_path / "spoilt.npy", spoilt)
    np.savez(tmp_path / "a.npz", feats=features("a"))
    source = open_inputs([tmp_path], StreamReader(6, ("jump",), GridRule(4, 8, resize_to=16)))
    assert source.video_ids == ("b", "spoilt") and source.lengths.tolist() == [16, 16]
    assert source[0].features.shape == (16, 6) and source[0].segments.shape == (0, 2)
    assert not source.is_bad(0) and not source[1].features.any() and source.is_bad(1)
    text = "\n".join(map(str, source.problems))
    for part in ("looks transposed", "video 'a' is also", "first at feature"):
        assert part in text
    assert source.select([1]).video_ids == ("spoilt",)


def test_what_stands_before_a_videos_name_is_left_out(tmp_path):
    for name in ("v_a", "v_", "b", "v_both", "both"):
        np.save(tmp_path / f"{name}.npy", features("a"))
    reader = StreamReader(6, ("jump",), GridRule(4, 8), {"a": 2.0}, "v_")
    source = open_inputs([tmp_path], reader)
    source = source.changed(reader=dataclasses.replace(reader, class_scores={"b": np.ones(3)}))
    assert set(source.video_ids) == {"a", "v_", "b"} and len(source.problems) == 2
    by_name = dict(zip(source.video_ids, range(3), strict=True))
    np.testing.assert_array_equal(source[by_name["a"]].features, features("a"))
    extent = source.select([by_name["a"], by_name["b"]]).extent
    assert extent(0)[1:] == (2.0, None) and extent(1)[1] is None and extent(1)[2].tolist() == [1.0] * 3
