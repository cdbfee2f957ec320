"""Folders of clips, opened and checked; and clips as examples, read in processes, in parts and in views."""

import dataclasses
import pickle

import numpy as np
import pytest

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from data_pipelines.recognition import evaluation_views, source
from data_pipelines.recognition.augmentation import ClipAugmentationConfig
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.opening import open_recognition, read_heads
from data_pipelines.recognition.sampling import SamplingConfig
from data_pipelines.recognition.source import EvaluationViews, TrainClips
from fact_jax.types import UserError
from tests.data_pipelines.video.written import number_of, numbers_of, write_video

DATA = RecognitionDataConfig(
    augmentation=ClipAugmentationConfig(size=64, rand_augment=""), sampling=SamplingConfig(num_frames=4)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two videos of 30 frames a second, and a folder of images."""
    root = tmp_path_factory.mktemp("clips")
    (root / "clips").mkdir()
    write_video(root / "clips" / "long.mp4", range(60))
    write_video(root / "clips" / "short.mp4", range(8))
    (root / "val.csv").write_text("video,label,start,stop\nlong,jump,1,1.5\nshort,run,,\n")
    (root / "train.csv").write_text("video,label,start,stop\nlong,run,0.5,1\nlong.mp4,jump,1.5,2.9\nshort,jump,,\n")
    return root


def opened(root, **settings):
    return open_recognition(dataclasses.replace(DATA, dir=str(root), **settings))


@pytest.fixture(scope="module")
def sources(folder):
    return opened(folder)


def test_clips_are_the_frames_that_begin_within_their_seconds(sources):
    assert [(clip.clip_id, clip.first, clip.num_frames) for clip in sources.train] == [
        ("long_0.5-1", 15, 15),
        ("long_1.5-2.9", 45, 15),
        ("short", 0, 8),
    ]
    assert sources.train[0].video.path == sources.train[1].video.path
    assert [clip.labels.tolist() for clip in sources.train] == [[1], [0], [0]]
    assert [name for _, name, _ in sources.named()][2:] == ["train/short", "long_1-1.5", "test/short"]


def test_training_clips_are_frames_of_their_parts(sources):
    clips = TrainClips(sources.train, DATA)
    for position, clip in enumerate(sources.train):
        example = clips.example(position, np.random.default_rng([0, 1, 2]))
        assert example["frames"].shape == (4, 64, 64, 3) and example["frames"].dtype == np.float32
        again = clips.example(position, np.random.default_rng([0, 1, 2]))
        assert np.array_equal(example["frames"], again["frames"]) and example["labels"] is clip.labels
    assert not np.array_equal(example["frames"], clips.example(2, np.random.default_rng([0, 2, 2]))["frames"])


def test_reading_in_parts_changes_nothing(sources, monkeypatch):
    noisy = ClipAugmentationConfig(size=64, rand_augment="rand-m7-n4-mstd0.5-inc1", erase=1.0)
    data = dataclasses.replace(DATA, augmentation=noisy, sampling=SamplingConfig(num_frames=10))
    readings = []
    for at_once in (1, 3, 100):
        monkeypatch.setattr(source, "_READ_AT_ONCE", at_once)
        train, views = TrainClips(sources.train, data), EvaluationViews(sources.test, data, is_test=True)
        # The last clip has fewer frames than are seen.
        found = [train.example(position, np.random.default_rng([2, position])) for position in (1, 2)]
        readings.append([example["frames"] for example in (*found, views.example(3, None), views.example(8, None))])
    for one, *others in zip(*readings, strict=True):
        assert all(np.array_equal(one, other) for other in others)


def test_a_clip_that_is_augmented_several_times_is_decoded_once(sources, monkeypatch):
    data = dataclasses.replace(DATA, sampling=dataclasses.replace(DATA.sampling, num_samples=3))
    asked = []
    video = sources.train[0].video
    monkeypatch.setattr(
        video, "batches", lambda numbers, size: asked.append(list(numbers)) or type(video).batches(video, numbers, size)
    )
    frames = TrainClips(sources.train, data).example(0, np.random.default_rng(0))["frames"]
    assert frames.shape == (12, 64, 64, 3) and len(asked) == 1
    assert not np.array_equal(frames[:4], frames[4:8]) and not np.array_equal(frames[4:8], frames[8:])


def test_a_test_has_all_views_of_a_clip_and_decodes_it_once(sources, monkeypatch):
    views = EvaluationViews(sources.test, DATA, is_test=True)
    assert len(views.video_ids) == 2 * 2 * 3
    asked = []
    video = sources.test[0].video
    monkeypatch.setattr(
        video, "batches", lambda numbers, size: asked.append(list(numbers)) or type(video).batches(video, numbers, size)
    )
    found = [views.example(position, None) for position in range(6)]
    assert [(int(view["chunk"]), int(view["crop"])) for view in found] == [(c, k) for c in (0, 1) for k in (0, 1, 2)]
    assert {int(view["video"]) for view in found} == {0} and len(asked) == 1
    # 15 frames from number 30 on: firsts and middles of four parts.
    assert sorted(asked[0]) == [30, 31, 33, 35, 37, 39, 41, 43]
    assert views.frames_of(0).tolist() == [[30, 33, 37, 41], [31, 35, 39, 43]]
    whole = video.frames([31, 35, 39, 43])
    assert numbers_of(whole) == [31, 35, 39, 43]
    place = evaluation_views.view_of_test(DATA.augmentation, *video.size, 2, 3)
    np.testing.assert_array_equal(found[5]["frames"], evaluation_views.evaluate(whole, place))


def test_an_evaluation_has_one_view_of_every_clip(sources):
    views = EvaluationViews(sources.test, DATA)
    assert views.video_ids == ("long_1-1.5", "short")
    example = views.example(0, None)
    assert (int(example["chunk"]), int(example["crop"])) == (0, 0)
    middle = evaluation_views.view_of_validation(DATA.augmentation, *sources.test[0].video.size)
    frames = sources.test[0].video.frames([31, 35, 39, 43])
    np.testing.assert_array_equal(example["frames"], evaluation_views.evaluate(frames, middle))


def test_processes_get_a_copy_that_reads_the_same(sources):
    for examples, rng in ((TrainClips(sources.train, DATA), [1, 2]), (EvaluationViews(sources.test, DATA), None)):
        found = [
            copy.example(1, rng and np.random.default_rng(rng))["frames"]
            for copy in (examples, pickle.loads(pickle.dumps(examples)))
        ]
        np.testing.assert_array_equal(*found)


@pytest.mark.slow
def test_processes_and_threads_read_the_same(sources):
    train = {}
    for workers in (0, 2):
        batches = TrainBatches(TrainClips(sources.train, DATA), batch_size=2, seed=3, num_rows=2, num_workers=workers)
        steps = batches.iterate()
        train[workers] = [next(steps)[0].arrays["frames"] for _ in range(2)]
        steps.close()
    np.testing.assert_array_equal(train[0], train[2])
    views = EvaluationViews(sources.test, DATA, is_test=True)
    tests = [
        np.concatenate([batch.arrays["frames"] for batch in EvalBatches(views, **options)])
        for options in ({"batch_size": 4, "num_rows": 4, "num_workers": 2}, {"batch_size": 3, "num_rows": 3})
    ]
    np.testing.assert_array_equal(*tests)


def test_reading_a_dataset_again_opens_nothing_anew(folder, tmp_path):
    data = dataclasses.replace(DATA, dir=str(folder))
    first, again = open_recognition(data, tmp_path), open_recognition(data, tmp_path)
    assert len(set(first.checksums.values())) == 2 and first.checksums == again.checksums
    assert any("checksums" in note for note in first.notes) and not any("checksums" in note for note in again.notes)
    assert read_heads(data) == (first.heads, "")


FAULTS = {
    "long,run,0,0.5": "",
    "long,run,0.501,0.502": "a clip from 0.501 to 0.502 s is shorter than one frame: no frame begins then",
    "long,run,1,3.5": "a clip from 1 to 3.5 s, in a video of 2.00 s; expected seconds inside of the video",
    "long,run,2.5,2.6": "a clip from 2.5 to 2.6 s, in a video of 2.00 s; expected seconds inside of the video",
    "cut.avi,run,,": "",
    "none,run,,": "clips/none: file is missing; expected it in ",
}


@pytest.fixture
def bad(tmp_path, folder):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "long.mp4").symlink_to(folder / "clips" / "long.mp4")
    (tmp_path / "clips" / "cut.avi").write_bytes(b"no video")
    (tmp_path / "train.csv").write_text("video,label,start,stop\n" + "".join(f"{row}\n" for row in FAULTS))
    (tmp_path / "val.csv").write_text("video,label,start,stop\nlong,walk,1,1.2\n")
    return tmp_path


def test_all_faults_are_told_at_once(bad):
    with pytest.raises(UserError) as error:
        opened(bad)
    text = str(error.value)
    listed = text.split(f"{bad}/train.csv\n")[1].split("\n/")[0].splitlines()
    for number, told in enumerate(FAULTS.values(), 2):
        place = next(iter(line for line in listed if f"line {number}: " in line), "")
        assert told in place if told else not place, (number, told, place)
    assert "unknown label 'walk'" in text and "cut.avi" in text and "6 problems" in text


def test_unreadable_and_missing_clips_are_left_out_with_a_line(bad):
    (bad / "train.csv").write_text("long,run\ncut.avi,run\nnone,run\n")
    (bad / "val.csv").write_text("long,run\ngone,run\n")
    found = opened(bad, skip_unreadable=True)
    assert [clip.clip_id for clip in found.train] == [clip.clip_id for clip in found.test] == ["long"]
    assert any(note.startswith("Left out, 2 clips whose file is missing: ") for note in found.notes)
    assert any(note.startswith("Left out, 1 video: ") and "cut.avi" in note for note in found.notes)
    (bad / "train.csv").write_text("cut.avi,run\n")
    (bad / "val.csv").write_text("gone,run\nlost,run\n")
    with pytest.raises(UserError) as error:
        opened(bad, skip_unreadable=True)
    told = str(error.value).splitlines()
    assert "2 problems" in told[0]
    assert told[2].startswith("  1. no clip to train on, none of 1 can be used; the first: ") and "cut.avi: " in told[2]
    expected = f"none of 2 can be used; the first: {bad}/clips/gone: file is missing; expected it in {bad}/clips"
    assert told[4] == f"  2. line 1: no clip to evaluate, {expected}"


def test_of_many_missing_clips_a_few_are_told(bad):
    (bad / "train.csv").write_text("".join(f"gone_{k},run\n" for k in range(40)))
    (bad / "val.csv").write_text("long,run\n")
    with pytest.raises(UserError) as error:
        opened(bad)
    told = str(error.value).splitlines()
    assert len(told) == 6 and told[4].startswith(f"  3. line 3: {bad}/clips/gone_2: file is missing; ")
    assert told[5] == "  4. 37 more clips whose file is missing"


def test_remarks(folder, sources):
    data = dataclasses.replace(DATA, sampling=SamplingConfig(num_frames=16), augmentation=ClipAugmentationConfig(96))
    notes = open_recognition(dataclasses.replace(data, dir=str(folder))).notes
    assert any(note.startswith("5 clips of fewer than 16 frames, which are trained on as a still") for note in notes)
    assert any(note.startswith("5 clips with fewer than the 96 x 96 pixels") for note in notes)
    assert "Trained on and evaluated as well, 1 clip: short" in notes
    assert number_of(sources.test[0].video.frames([30])[0]) == 30


def test_settings_that_cannot_be(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.dir is not set(.|\n)*train\.csv"):
        open_recognition(DATA)
    wrong = dataclasses.replace(DATA, num_workers=-1, num_classes=3)
    with pytest.raises(UserError, match=r"num_workers is -1(.|\n)*num_classes is 3; it is for layout 'ssv2'"):
        wrong.check()
    with pytest.raises(UserError, match="layout is 'epics'"):
        dataclasses.replace(DATA, layout="epics").check()
    with pytest.raises(UserError, match=r"config\.data\.sampling has no setting 'frames'"):
        parts = {name: {} for name in ("video", "augmentation", "synthetic")}
        RecognitionDataConfig.parse(parts | {"sampling": {"frames": 3}})
