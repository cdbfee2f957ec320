"""Both readers of feature folders: the same examples, whatever the orientation, sample rate and cache."""

import concurrent.futures
import dataclasses
import os
import types

import numpy as np
import pytest

from data_pipelines.core import prepared_copy
from data_pipelines.core.finite import CHECK_FILE, CheckedFeatures
from data_pipelines.core.labelled_videos import MemoryBudget
from data_pipelines.core.problems import PROBLEMS_FILE
from data_pipelines.segmentation import feature_dataset, npy_source
from data_pipelines.segmentation.config import SyntheticSegmentationConfig
from data_pipelines.segmentation.feature_dataset import TfdsSource
from data_pipelines.segmentation.index import read_index
from data_pipelines.segmentation.layouts import open_layout
from data_pipelines.segmentation.sources import open_sources
from fact_jax.ops.resampling import downsample_labels
from fact_jax.types import UserError, VerbNouns
from tests.data_pipelines.folders import CLASS_NAMES, make_videos, settings, write_folder


def assert_same_videos(first, second):
    assert tuple(first.video_ids) == tuple(second.video_ids)
    assert tuple(first.class_names) == tuple(second.class_names)
    assert first.feature_dim == second.feature_dim
    np.testing.assert_array_equal(first.lengths, second.lengths)
    for index in range(len(first)):
        np.testing.assert_array_equal(first.labels(index), second.labels(index))
        for name in ("features", "labels", "full_labels"):
            left, right = getattr(first[index], name), getattr(second[index], name)
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("sample_rate", [1, 3])
@pytest.mark.parametrize("time_axis", ["last", "first"])
def test_examples(tmp_path, sample_rate, time_axis):
    videos = write_folder(tmp_path, time_axis=time_axis)
    sources = open_sources(settings(tmp_path, time_axis=time_axis, sample_rate=sample_rate))
    assert sources.validation is None
    assert sources.class_names == CLASS_NAMES and sources.feature_dim == 6
    assert sources.train.video_ids == ("v0", "v1", "v2") and sources.test.video_ids == ("v3", "v4")
    for source in (sources.train, sources.test):
        assert source.lengths.dtype == np.int64
        for index, video_id in enumerate(source.video_ids):
            features, labels = videos[video_id]
            video = source[index]
            assert video.video_id == video_id
            assert video.features.dtype == np.float32
            np.testing.assert_array_equal(video.features, features[::sample_rate])
            np.testing.assert_array_equal(video.labels, downsample_labels(labels, sample_rate))
            np.testing.assert_array_equal(video.labels, source.labels(index))
            np.testing.assert_array_equal(video.full_labels, labels)
            assert video.labels.dtype == video.full_labels.dtype == np.int32
            assert len(video.features) == len(video.labels) == source.lengths[index]


@pytest.mark.parametrize("sample_rate", [1, 3])
@pytest.mark.parametrize("time_axis", ["last", "first"])
def test_both_readers_agree_on_uneven_files(tmp_path, sample_rate, time_axis):
    write_folder(tmp_path, time_axis=time_axis)
    longer, shorter = make_videos([("v1", 24), ("v3", 28)], seed=1).values()
    for name, (features, _) in (("v1", longer), ("v3", shorter)):
        stored = features.astype(np.float64)
        np.save(tmp_path / "features" / f"{name}.npy", stored if time_axis == "first" else np.asfortranarray(stored.T))
    data = settings(tmp_path, time_axis=time_axis, sample_rate=sample_rate)
    direct = open_sources(data)
    data = dataclasses.replace(data, reader="tfds")
    prepared = open_sources(data)
    assert_same_videos(direct.train, prepared.train)
    assert_same_videos(direct.test, prepared.test)
    assert len(direct.train[1].full_labels) == 22 and len(direct.test[0].full_labels) == 28
    np.testing.assert_array_equal(direct.train[1].features, longer[0][:22:sample_rate])


def test_what_is_cut_off_is_told(tmp_path):
    videos = write_folder(tmp_path)
    assert open_sources(settings(tmp_path)).notes == ()
    for name, (features, _) in videos.items():
        np.save(tmp_path / "features" / f"{name}.npy", features[:-2].T)
    sources = open_sources(settings(tmp_path))
    [line] = sources.notes
    assert "all 5 videos have 2 labels more than features" in line
    np.testing.assert_array_equal(sources.train[0].full_labels, videos["v0"][1][:-2])


def test_the_copy_is_enough_and_serves_every_rate(tmp_path):
    write_folder(tmp_path / "source")
    lists = {"validation_split_file": "splits/test.{split}.bundle"}
    data = settings(tmp_path / "source", reader="tfds", tfds_dir=str(tmp_path / "copy"), **lists)
    first = open_sources(data)
    alone = dataclasses.replace(data, dir="", sample_rate=3)
    moved = open_sources(alone)
    files = open_sources(dataclasses.replace(data, reader="npy", sample_rate=3))
    assert_same_videos(files.validation, moved.validation)
    assert_same_videos(files.train, moved.train)
    assert len(first.train[0].features) == 37 and len(moved.train[0].features) == 13
    with pytest.raises(UserError, match="holds no prepared train videos"):
        open_sources(dataclasses.replace(alone, split="split2"))


def test_the_copy_is_written_once_and_again_after_a_change(tmp_path, monkeypatch):
    write_folder(tmp_path)
    data = settings(tmp_path, reader="tfds")
    written, told = [], []
    write = prepared_copy._write
    monkeypatch.setattr(prepared_copy, "_write", lambda *args: (written.append(1), write(*args)))
    own = types.SimpleNamespace(**vars(prepared_copy.logging))  # TFDS tells more through the same module
    own.warning = lambda text, *args: told.append(text % args)
    monkeypatch.setattr(prepared_copy, "logging", own)
    open_sources(data)
    open_sources(data, subsets=("test",))
    assert len(written) == 1 and told == []
    features = np.ones((6, 30), np.float32)
    np.save(tmp_path / "features" / "v3.npy", features)
    os.utime(tmp_path / "features" / "v3.npy", ns=(1, 1))
    np.testing.assert_array_equal(open_sources(data).test[0].features, features.T)
    assert len(written) == 2
    [line] = told
    assert line.endswith(f"is not that of the files in {tmp_path} as they are now: it is written again")
    label = tmp_path / "groundTruth" / "v0.txt"
    label.write_text("\n".join(label.read_text().splitlines()[::-1]) + "\n")
    open_sources(data)
    assert (len(written), told) == (3, [line, line])


def test_large_copies_need_no_tensorflow(tmp_path, monkeypatch):
    # TFDS's own writer spills to disk with TensorFlow once a split has outgrown this buffer of 1 GB.
    monkeypatch.setattr("tensorflow_datasets.core.shuffle.MAX_MEM_BUFFER_SIZE", 0)
    monkeypatch.setattr(feature_dataset.FeatureDataset, "RECORDS_PER_SHARD", 3)
    write_folder(tmp_path, make_videos([(f"v{i}", 20 + i) for i in range(10)]))
    data = settings(tmp_path, reader="tfds")
    prepared = open_sources(data).train
    assert len(list((tmp_path / "tfds").rglob("*train*"))) == 3
    assert_same_videos(prepared, open_sources(dataclasses.replace(data, reader="npy")).train)


def test_a_copy_that_cannot_be_written(tmp_path, monkeypatch):
    write_folder(tmp_path)
    data = settings(tmp_path, reader="tfds", tfds_dir=str(tmp_path / "mapping.txt"))
    with pytest.raises(UserError, match="config.data.tfds_dir"):
        open_sources(data)
    monkeypatch.setattr(prepared_copy.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=10))
    data = dataclasses.replace(data, tfds_dir=str(tmp_path / "copy"))
    with pytest.raises(UserError, match=r"needs \d\.\d KiB; .* has 10 bytes free"):
        open_sources(data)


def test_a_damaged_copy_is_recognised(tmp_path):
    write_folder(tmp_path)
    data = settings(tmp_path, reader="tfds")
    open_sources(data)
    [metadata] = (tmp_path / "tfds").rglob("metadata.json")
    text = metadata.read_text()
    metadata.write_text(text.replace('"v1"', '"other"'))
    source = TfdsSource(metadata.parent, "train")
    with pytest.raises(UserError, match="is damaged"):
        source[1]
    metadata.write_text(text[:-9])
    with pytest.raises(UserError, match="is damaged"):
        open_sources(data)


def test_memory_budget_bounds_what_is_kept(tmp_path, monkeypatch):
    write_folder(tmp_path)
    index, problems = read_index(open_layout(settings(tmp_path)), ("train", "test"))
    assert not problems
    reads = []
    read = npy_source.open_checked

    def counted(path, *args, **kwargs):
        reads.append(path.stem)
        return read(path, *args, **kwargs)

    monkeypatch.setattr(npy_source, "open_checked", counted)
    size_of_v0 = 37 * 6 * 4
    budget = MemoryBudget(size_of_v0 + 1)
    train = npy_source.NpySource(index, "train", budget)
    test = npy_source.NpySource(index, "test", budget)
    for source in (train, test, train, test):
        for position in range(len(source)):
            source[position]
    assert reads == ["v0", "v1", "v2", "v3", "v4", "v1", "v2", "v3", "v4"]
    assert budget.used == size_of_v0
    assert_same_videos(train, npy_source.NpySource(index, "train", MemoryBudget(0)))


def test_examples_cannot_be_changed_by_their_users(tmp_path):
    write_folder(tmp_path)
    for reader in ("npy", "tfds"):
        video = open_sources(settings(tmp_path, reader=reader)).train[0]
        for array in (video.features, video.labels, video.full_labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


@pytest.mark.parametrize("reader", ["npy", "tfds"])
@pytest.mark.parametrize("limit", [0, 1500, 2**30])
def test_many_threads_read_the_same_as_one(tmp_path, reader, limit):
    write_folder(tmp_path, make_videos([(f"v{i}", 20 + i) for i in range(10)]))
    data = settings(tmp_path, reader=reader)
    expected = [video.features for video in map(open_sources(data).train.__getitem__, range(8))]
    source = open_sources(dataclasses.replace(data, memory_gb=limit / 2**30)).train
    order = np.random.default_rng(0).integers(0, 8, 200).tolist()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for index, video in zip(order, pool.map(source.__getitem__, order), strict=True):
            assert video.video_id == f"v{index}"
            np.testing.assert_array_equal(video.features, expected[index])
    kept = source._cache.nbytes
    assert kept == source._cache.budget.used <= limit


def test_positions_are_those_of_a_sequence(tmp_path):
    write_folder(tmp_path)
    source = open_sources(settings(tmp_path)).train
    assert source[-1].video_id == source[np.int64(2)].video_id == "v2"
    with pytest.raises(IndexError):
        source[3]


def test_values_are_read_through_once_per_workdir(tmp_path, monkeypatch):
    root, workdir = tmp_path / "data", tmp_path / "run"
    write_folder(root)
    data = settings(root)
    scanned = []
    monkeypatch.setattr(
        "data_pipelines.segmentation.checks.scan_values",
        lambda _, headers, problems: scanned.append(len(headers)) or ([], CheckedFeatures()),
    )
    open_sources(data, workdir)
    open_sources(data, workdir)
    open_sources(data, workdir, subsets=("test",))
    open_sources(data, workdir, subsets=("test",))
    open_sources(data, workdir)
    assert scanned == [5, 2]
    (workdir / CHECK_FILE).write_text("{damaged")
    open_sources(data, workdir)
    os.utime(root / "features" / "v0.npy", ns=(1, 1))
    open_sources(data, workdir)
    assert scanned == [5, 2, 5, 5]


def test_a_missing_class_list_stops_the_run_with_the_tree(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "mapping.txt").unlink()
    with pytest.raises(UserError, match="(?s)mapping.txt.*file is missing.*groundTruth/<video>.txt"):
        open_sources(settings(tmp_path))


def test_the_synthetic_reader_needs_no_files():
    small = SyntheticSegmentationConfig(num_train_videos=3, num_test_videos=2, mean_length=30)
    data = settings("", reader="synthetic", synthetic=small)
    sources = open_sources(data)
    assert len(sources.train) == 3 and len(sources.test) == 2 and sources.validation is None
    assert open_sources(data, subsets=("test",)).train is None
    for change, words in (
        ({"split": "split2"}, "config.data.split is 'split2'; the synthetic dataset has one split, 'split1'"),
        ({"background_ids": (99,)}, "background_ids"),
        ({"validation_split_file": "val.txt"}, "no validation videos"),
        ({"reader": "numpy"}, "Did you mean 'npy'"),
    ):
        with pytest.raises(UserError, match=words):
            open_sources(dataclasses.replace(data, **change))


PAIRS = ("background,background", "take,cup", "pour,milk", "take,milk")
EXTRAS = {"verb_mapping_file": "verbs.txt", "noun_mapping_file": "nouns.txt", "transcript_dir": "transcripts"}


def write_extras(root, videos=("v3", "v4")):
    """Makes a folder written by `write_folder` one of verb/noun classes, with transcripts of `videos`."""
    (root / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(PAIRS)))
    for path in (root / "groundTruth").iterdir():
        names = path.read_text().splitlines()
        path.write_text("".join(PAIRS[CLASS_NAMES.index(name)] + "\n" for name in names))
    (root / "verbs.txt").write_text("0 take\n1 pour\n2 background\n")
    (root / "nouns.txt").write_text("0 cup\n1 milk\n2 background\n")
    (root / "transcripts").mkdir()
    for video in videos:
        (root / "transcripts" / f"{video}.txt").write_text("take,cup\npour,milk\ntake,cup\n")


@pytest.mark.parametrize("reader", ["npy", "tfds"])
def test_verbs_nouns_and_transcripts(tmp_path, reader):
    write_folder(tmp_path)
    assert open_sources(settings(tmp_path, reader=reader)).verb_nouns is None
    assert open_sources(settings(tmp_path, reader=reader)).transcripts is None
    write_extras(tmp_path)
    sources = open_sources(settings(tmp_path, reader=reader, **EXTRAS))
    assert sources.verb_nouns == VerbNouns(
        ("take", "pour", "background"), ("cup", "milk", "background"), (2, 0, 1, 0), (2, 0, 1, 1)
    )
    assert sources.class_names == PAIRS
    assert {video: array.tolist() for video, array in sources.transcripts.items()} == {"v3": [1, 2, 1], "v4": [1, 2, 1]}


def test_a_copy_alone_needs_full_paths_for_what_it_does_not_hold(tmp_path):
    write_folder(tmp_path)
    write_extras(tmp_path)
    data = settings(tmp_path, reader="tfds", tfds_dir=str(tmp_path / "copy"), **EXTRAS)
    first = open_sources(data)
    data = dataclasses.replace(data, dir="")
    with pytest.raises(UserError, match="verb_mapping_file='verbs.txt' and .* lies below config.data.dir"):
        open_sources(data)
    data = dataclasses.replace(data, **{name: str(tmp_path / value) for name, value in EXTRAS.items()})
    moved = open_sources(data)
    assert moved.verb_nouns == first.verb_nouns and moved.transcripts.keys() == first.transcripts.keys()
    (tmp_path / "transcripts" / "v3.txt").write_text("stir,cup\n")
    with pytest.raises(UserError, match="unknown label 'stir,cup'"):
        open_sources(data)


@pytest.mark.parametrize("reader", ["npy", "tfds"])
def test_problems_of_verbs_nouns_and_transcripts_come_with_all_others(tmp_path, reader):
    write_folder(tmp_path)
    write_extras(tmp_path, videos=("v3",))
    (tmp_path / "verbs.txt").write_text("0 take\n1 poor\n2 background\n")
    (tmp_path / "features" / "v1.npy").unlink()
    with pytest.raises(UserError) as error:
        open_sources(settings(tmp_path, reader=reader, **EXTRAS), tmp_path / "run")
    message = str(error.value)
    assert "has 3 problems:" in message
    assert not (tmp_path / "run" / PROBLEMS_FILE).exists() and not (tmp_path / "run" / CHECK_FILE).exists()
    assert "class 'pour,milk': unknown verb 'pour'; the nearest verb is 'poor'" in message
    assert "v4.txt\n" in message and "v1.npy\n" in message


def test_the_synthetic_reader_makes_verbs_and_nouns_and_takes_transcripts(tmp_path):
    small = SyntheticSegmentationConfig(num_train_videos=3, num_test_videos=2, mean_length=30, verb_noun=True)
    data = settings("", reader="synthetic", synthetic=small)
    sources = open_sources(data)
    pairs = sources.verb_nouns
    assert sources.class_names == tuple(
        f"{pairs.verbs[v]},{pairs.nouns[n]}" for v, n in zip(pairs.verb_of_action, pairs.noun_of_action, strict=True)
    )
    assert sources.transcripts is None
    for video in sources.test.video_ids:
        (tmp_path / f"{video}.txt").write_text("open,jar\nclose,jar\n")
    data = dataclasses.replace(data, transcript_dir=str(tmp_path))
    assert open_sources(data).transcripts["test_0001"].tolist() == [1, 2]
    (tmp_path / "test_0000.txt").unlink()
    with pytest.raises(UserError, match="have 1 problem"):
        open_sources(data)
