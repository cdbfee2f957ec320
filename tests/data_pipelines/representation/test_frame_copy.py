"""The prepared copy of raw videos gives what the files give, and is made again when they are others."""

import dataclasses
import itertools
import pickle

import numpy as np
import pytest
from PIL import Image

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from data_pipelines.representation import opening
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.frame_copy import VideoFrames
from data_pipelines.representation.opening import open_representation
from data_pipelines.representation.source import EvaluationChunks, TrainClips
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.views import AugmentationConfig
from fact_jax.types import UserError
from tests.data_pipelines.video.written import write_video


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(VideoFrames, "RECORDS_PER_SHARD", 10)


def write_folder(root):
    """A video of a variable rate with labels in seconds, an array, a folder of images and a strip of frames."""
    rng = np.random.default_rng(0)
    for name in ("videos/images", "labels"):
        (root / name).mkdir(parents=True)
    write_video(root / "videos" / "film.mp4", range(20), times=np.cumsum([0, *[1, 2] * 9, 1]).tolist())
    np.save(root / "videos" / "array.npy", rng.integers(0, 256, (14, 40, 30, 3), np.uint8))
    for number in range(11):
        picture = rng.integers(0, 256, (36, 48, 3), np.uint8)
        Image.fromarray(picture).save(root / "videos" / "images" / f"{number}.png")
    Image.fromarray(rng.integers(0, 256, (26, 26 * 12, 3), np.uint8)).save(root / "videos" / "strip.png")
    (root / "labels" / "film.txt").write_text("0.1,0.5,reach\n0.5,0.7,pour\n")
    (root / "labels" / "array.txt").write_text("reach\n" * 10 + "pour\n" * 4)
    (root / "train.txt").write_text("film\narray\nimages\n")
    (root / "test.txt").write_text("strip\n")
    return root


def config(root, **options):
    return RepresentationDataConfig(
        dir=str(root), clip=ClipConfig(num_frames=8), augmentation=AugmentationConfig(size=24), **options
    )


def examples(sources, data):
    for examples in (TrainClips(sources.train, data), EvaluationChunks(sources.test, data, 5)):
        for place in range(len(examples.video_ids)):
            yield examples.example(place, np.random.default_rng(place))


def records(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*.array_record*")}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("short_side", [0, 28])
def test_the_copy_gives_what_the_files_give(tmp_path, short_side):
    data = config(write_folder(tmp_path), video=VideoConfig(short_side=short_side))
    files = open_representation(data)
    copied = open_representation(dataclasses.replace(data, reader="tfds"))
    assert copied.phases == files.phases and copied.notes[: len(files.notes)] == files.notes
    for one, other in zip(copied.train + copied.test, files.train + files.test, strict=True):
        assert (one.video_id, one.video.path, one.video.size) == (other.video_id, other.video.path, other.video.size)
        np.testing.assert_array_equal(one.video.times, other.video.times)
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(
            one.video.frames(range(len(one.video))), other.video.frames(range(len(one.video)))
        )
        assert one.video.rate == other.video.rate and one.video.warnings == other.video.warnings
    assert min(min(entry.video.size) for entry in copied.train) == (28 if short_side else 30)
    assert all(map(same, examples(copied, data), examples(files, data)))
    assert ": 57 frames, " in copied.notes[-1] and copied.notes[-1].endswith("every pixel")


def test_files_in_the_copy_are_not_gone_through_again(tmp_path, monkeypatch):
    data = config(write_folder(tmp_path), reader="tfds")
    first = open_representation(data)
    before = records(tmp_path)
    assert len(before) == 6
    check = opening.check_videos
    monkeypatch.setattr(opening, "check_videos", None)
    # Fewer videos, and labels that are others, are read from the same copy.
    (tmp_path / "labels" / "array.txt").write_text("pour\n" * 14)
    second = open_representation(dataclasses.replace(data, train_fraction=0.7))
    assert [entry.video_id for entry in second.train] == ["film", "array"] and set(second.train[1].labels) == {1}
    for one, other in zip(second.test, first.test, strict=True):
        np.testing.assert_array_equal(one.video.frames([11, 0]), other.video.frames([11, 0]))
    monkeypatch.setattr(opening, "check_videos", check)
    Image.fromarray(np.full((36, 48, 3), 7, np.uint8)).save(tmp_path / "videos" / "images" / "3.png")
    changed = open_representation(data)
    assert changed.train[2].video.frames([3]).max() == 7 and records(tmp_path) != before


def test_another_process_reads_the_same(tmp_path):
    data = config(write_folder(tmp_path), reader="tfds")
    clips = TrainClips(open_representation(data).train, data)
    again = pickle.loads(pickle.dumps(clips))
    assert same(clips.example(0, np.random.default_rng(1)), again.example(0, np.random.default_rng(1)))


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path):
    data = config(write_folder(tmp_path), reader="tfds")
    sources = open_representation(data)
    clips, chunks = TrainClips(sources.train, data), EvaluationChunks(sources.test, data, 5)
    found = []
    for workers in (0, 2):
        train = TrainBatches(clips, batch_size=2, seed=1, num_rows=2, num_workers=workers)
        scored = EvalBatches(chunks, batch_size=2, num_rows=2, num_workers=workers)
        with_steps = itertools.chain.from_iterable(itertools.islice(train.iterate(), 2))
        found.append([batch.arrays for batch in (*with_steps, *scored)])
    assert len(found[0]) == 4 and all(map(same, *found))


def test_a_copy_that_is_cut_off_is_refused(tmp_path):
    data = config(write_folder(tmp_path), reader="tfds")
    open_representation(data)
    shard = sorted(records(tmp_path))[2]
    whole = shard.read_bytes()
    for kept in (len(whole) // 2, len(whole) - 2**16, 10, 0):
        shard.write_bytes(whole[:kept])
        with pytest.raises(UserError, match=r"is damaged \(.*: delete this folder to have it prepared again"):
            open_representation(data)
    # Records of another part in its place.
    shard.write_bytes(sorted(records(tmp_path))[3].read_bytes())
    sources = open_representation(data)
    with pytest.raises(UserError, match="is of another video than 'videos/array.npy:0'"):
        [entry.video.frames(range(len(entry.video))) for entry in sources.train]


def test_frames_as_jpeg(tmp_path):
    data = config(write_folder(tmp_path))
    exact = open_representation(data).train[0].video.frames(range(20)).astype(int)
    sources = open_representation(dataclasses.replace(data, reader="tfds", copy_quality=95))
    difference = np.abs(sources.train[0].video.frames(range(20)) - exact)
    assert 0 < difference.mean() < 3
    assert sources.notes[-1].endswith("JPEG of quality 95, so that pixels differ from those of the files")
    # Another form is another copy.
    exactly = open_representation(dataclasses.replace(data, reader="tfds")).train[0].video
    np.testing.assert_array_equal(exactly.frames(range(20)), exact)


def test_nothing_is_copied_where_something_is_wrong(tmp_path):
    data = config(write_folder(tmp_path), reader="tfds")
    (tmp_path / "labels" / "array.txt").write_text("pour\n" * 13)
    with pytest.raises(UserError, match="13 labels for 14 frames"):
        open_representation(data)
    assert not (tmp_path / "tfds").exists()


def test_what_cannot_be_read_is_left_out_of_the_copy_and_told_again(tmp_path):
    data = config(write_folder(tmp_path), skip_unreadable=True)
    (tmp_path / "videos" / "images" / "3.png").write_bytes(b"text")
    (tmp_path / "videos" / "none.mp4").write_bytes(b"")
    (tmp_path / "train.txt").write_text("film\narray\nimages\nnone\n")
    notes = open_representation(data).notes
    data = dataclasses.replace(data, reader="tfds")
    made, again = open_representation(data), open_representation(data)
    assert made.notes == again.notes and made.notes[:-1] == notes
    assert [note.startswith("Left out: ") for note in notes].count(True) == 2
    with pytest.raises(UserError, match=r"(?s)3.png\n.*none.mp4\n"):
        open_representation(dataclasses.replace(data, skip_unreadable=False))
