"""What was annotated in BORIS and ELAN is a dataset that splits, configs and runs take as it is."""

import shutil
import sys

import numpy as np
import pytest

from configs import actionformer_custom, fact_custom
from data_pipelines import import_labels, make_splits, write_config
from data_pipelines.localization.config import LocalizationDataConfig
from data_pipelines.localization.opening import open_localization
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.sources import open_sources
from tests.data_pipelines.label_tools import drawn
from tests.data_pipelines.label_tools.projects import boris, elan, observation, tier
from tests.data_pipelines.test_write_config import load
from tests.jobs import Job

CODES = {"walk": "State event", "rest": "State event", "eat": "State event"}
FPS = 4.0


def draw(number):
    """[(start, end, label)] of a video of 20 s and some, in whole milliseconds."""
    rng = np.random.default_rng(number)
    edges = np.sort(rng.choice(np.arange(500, 20_000), 6, replace=False))
    names = [list(CODES)[i] for i in rng.permutation(3)]
    return [(int(edges[2 * i]), int(edges[2 * i + 1]), names[i]) for i in range(3)]


def write_features(folder, videos, *, time_last):
    (folder / "features").mkdir(parents=True)
    for number, video in enumerate(videos):
        rows = np.random.default_rng(number).standard_normal((80 + number, 6)).astype(np.float32)
        np.save(folder / "features" / f"{video}.npy", rows.T if time_last else rows)


def write_boris(folder, videos):
    observations = {}
    for number, video in enumerate(videos):
        events = [(time / 1000, "", label) for start, end, label in draw(number) for time in (start, end)]
        path = f"/videos/{video}.mp4"
        # As long as the features.
        observations[f"observation {number}"] = observation(sorted(events), (path,), {path: (80 + number) / FPS})
    return [boris(folder / "project.boris", observations, CODES)]


def write_elan(folder, videos):
    paths = []
    for number, video in enumerate(videos):
        events = draw(number)
        slots = {f"ts{i}": time for i, time in enumerate(sorted(t for event in events for t in event[:2]), 1)}
        of = {time: name for name, time in slots.items()}
        annotations = [(f"a{i}", label, of[start], of[end]) for i, (start, end, label) in enumerate(events, 1)]
        media = (f'<MEDIA_DESCRIPTOR MEDIA_URL="file:///v/{video}.mp4" MIME_TYPE="video/mp4"/>',)
        paths.append(elan(folder / f"{video}.eaf", tier("behaviour", *annotations), slots, media))
    return paths


@pytest.fixture(params=[write_boris, write_elan], ids=["boris", "elan"])
def dataset(request, tmp_path):
    """(dataset folder, names of its videos) of imported files, with features and splits."""
    videos = [f"day {number}" for number in range(6)]
    paths = request.param(tmp_path, videos)
    folder = tmp_path / "data"
    write_features(folder, videos, time_last=True)
    options = ["--to", "frames", "annotations", "--fps", str(FPS), "--background", "nothing"]
    assert import_labels.main([*map(str, paths), "--output", str(folder), *options]) == 0
    assert make_splits.main([str(folder), "--test", "0.34"]) == 0
    return folder, videos


def rows(number):
    """What the labels of a video are by the rule: row i holds i / FPS <= t < (i + 1) / FPS."""
    labels = ["nothing"] * (80 + number)
    for start, end, label in draw(number):
        first, last = int(start / 1000 * FPS), int(end / 1000 * FPS)
        labels[first:last] = [label] * (last - first)
    return labels


def test_frame_labels_of_a_dataset(dataset):
    folder, videos = dataset
    assert (folder / "mapping.txt").read_text() == "0 nothing\n1 eat\n2 rest\n3 walk\n"
    path = folder.parent / "mine.py"
    assert write_config.main([str(folder), "--output", str(path), "--background", "nothing"]) == 0
    own = fact_custom.get_config().data.copy_and_resolve_references()
    with own.unlocked():
        own.dir = str(folder)
    for data in (load(path).data, own):
        opened = open_sources(SegmentationDataConfig.parse(data))
        seen = [source[i] for source in (opened.train, opened.test) for i in range(len(source))]
        assert sorted(video.video_id for video in seen) == videos
        for video in seen:
            names = [opened.class_names[label] for label in video.full_labels]
            assert names == rows(videos.index(video.video_id))


def test_annotations_of_a_dataset(dataset):
    folder, videos = dataset
    shutil.rmtree(folder / "groundTruth")
    for path in (folder / "features").iterdir():
        np.save(path, np.load(path).T)
    assert make_splits.main([str(folder), "--test", "0.34", "--overwrite"]) == 0
    path = folder.parent / "mine.py"
    grid = {"feature_stride": 1, "window": 1, "fps": FPS}
    options = [text for name, value in grid.items() for text in (f"--{name}", str(value))]
    assert write_config.main([str(folder), "--output", str(path), *options]) == 0
    own = actionformer_custom.get_config().data.copy_and_resolve_references()
    with own.unlocked():
        own.update(grid | {"dir": str(folder), "subset_file": "splits/subsets.split1.csv", "num_classes": 3})
    for data in (load(path).data, own):
        opened = open_localization(LocalizationDataConfig.parse(data))
        seen = [source[i] for source in (opened.train, opened.test) for i in range(len(source))]
        assert sorted(video.video_id for video in seen) == videos
        for video in seen:
            expected = sorted(draw(videos.index(video.video_id)))
            assert [opened.class_names[label] for label in video.labels] == [label for _, _, label in expected]
            # In features, whose windows are one long: the middle of the first one is at half of it.
            assert np.allclose(video.segments, np.array([event[:2] for event in expected]) / 1000 * FPS - 0.5)


@pytest.mark.slow
def test_runs_of_a_dataset(dataset, tmp_path):
    """Runs of FACT and ActionFormer of a few steps, and their predictions in the tool that the labels came from."""
    folder, videos = dataset
    frame_config, segment_config = tmp_path / "fact.py", tmp_path / "actionformer.py"
    assert write_config.main([str(folder), "--output", str(frame_config), "--background", "nothing"]) == 0
    small = ["--config.train.steps=2", "--config.data.max_buckets=1", "--config.model.segment_buckets=()"]
    small += [f"--config.model.{block}_block.frame_layers=2" for block in ("input", "update", "temporal")]
    run("--config", frame_config, "--workdir", tmp_path / "fact", *small)
    features = folder / "features"
    predict = ["--mode", "predict", "--input", features]
    run("--workdir", tmp_path / "fact", *predict, "--output", tmp_path / "a", "--fps", FPS)

    shutil.rmtree(folder / "groundTruth")
    for path in features.iterdir():
        np.save(path, np.load(path).T)
    assert make_splits.main([str(folder), "--test", "0.34", "--overwrite"]) == 0
    grid = ["--feature_stride", "1", "--window", "1", "--fps", str(FPS)]
    assert write_config.main([str(folder), "--output", str(segment_config), *grid]) == 0
    small = [f"--config.model.{name}=16" for name in ("dim", "neck_dim", "head_dim")]
    small += ["--config.model.num_heads=2", "--config.train.epochs=1", "--config.optimizer.warmup_epochs=0"]
    run("--config", segment_config, "--workdir", tmp_path / "actionformer", *small)
    run("--workdir", tmp_path / "actionformer", *predict, "--output", tmp_path / "b")

    projects = list(tmp_path.glob("*.boris"))
    tool, into, name = ("boris", projects[0], "out.boris") if projects else ("elan", tmp_path, "out")
    # After two steps FACT may find nothing but background.
    for source, options in (("a", ["--name", "fact", "--with_background"]), ("b", ["--name", "found", "--most", "20"])):
        drawn.export(tmp_path / source, tool, tmp_path / source / name, "--into", str(into), *options)
        chosen = ["--observation", *(f"{video} ({options[1]})" for video in videos)] if projects else []
        found = drawn.load(tmp_path / source / name, tmp_path / source / "again", "--tier", options[1], *chosen)
        assert set(found) == set(videos) and all(found.values())
        assert all("confidence" in item for items in found.values() for item in items)


def run(*flags):
    command = [sys.executable, "main.py", *map(str, flags)]
    with Job([command], devices=1) as job:
        assert job.wait() == [0], job.texts()
