"""How long training waits for features that lie on disk."""

import io
import json
import time
from pathlib import Path

import jax
import numpy as np

from fact_jax.app import experiment
from fact_jax.benchmark import made_files
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.training import start
from fact_jax.training.feed import Feed, Timing
from fact_jax.training.logging.writers import Console
from fact_jax.training.steps import TrainStep

SPLIT = "split1"


def write_dataset(source, verb_nouns, folder: Path) -> dict:
    """Writes a VideoSource (with its VerbNouns or None), the last video for the tests; returns config.data for it."""
    for name in ("features", "groundTruth", "splits"):
        (folder / name).mkdir()
    for video in map(source.__getitem__, range(len(source))):
        np.save(folder / "features" / f"{video.video_id}.npy", np.ascontiguousarray(video.features.T))
        names = [source.class_names[label] for label in video.full_labels]
        _write_lines(folder / "groundTruth" / f"{video.video_id}.txt", names)
    for subset, videos in (("train", source.video_ids[:-1]), ("test", source.video_ids[-1:])):
        _write_lines(folder / "splits" / f"{subset}.{SPLIT}.bundle", [f"{video_id}.txt" for video_id in videos])
    lists = {"mapping_file": ("mapping.txt", source.class_names)}
    if verb_nouns is not None:
        lists["verb_mapping_file"] = "verb_mapping.txt", verb_nouns.verbs
        lists["noun_mapping_file"] = "noun_mapping.txt", verb_nouns.nouns
    for name, classes in lists.values():
        _write_lines(folder / name, [f"{number} {label}" for number, label in enumerate(classes)])
    return {
        **{"reader": "npy", "dir": str(folder), "feature_dir": "features", "label_dir": "groundTruth", "split": SPLIT},
        **dict.fromkeys(("verb_mapping_file", "noun_mapping_file", "validation_split_file", "transcript_dir"), ""),
        **{setting: name for setting, (name, _) in lists.items()},
        **{f"{subset}_split_file": f"splits/{subset}.{{split}}.bundle" for subset in ("train", "test")},
        **{"time_axis": "last", "sample_rate": 1, "memory_gb": 0.0},
    }


def _write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_annotated(source, folder: Path) -> dict:
    """As `write_dataset`, of a `workload.MadeActions`."""
    (folder / "features").mkdir()
    database, subsets, fps = {}, ["training"] * (len(source) - 1) + ["validation"], source.grids[0].fps
    for index, subset in enumerate(subsets):
        name, duration, video = source.video_ids[index], source.durations[index], source[index]
        np.save(folder / "features" / f"{name}.npy", video.features)
        ends = source.grids[index].clamp_seconds(video.segments, duration).tolist()
        annotations = [
            {"label": source.class_names[label], "label_id": int(label), "segment": segment}
            for segment, label in zip(ends, video.labels, strict=True)
        ]
        database[name] = {"subset": subset, "duration": duration, "fps": fps, "annotations": annotations}
    (folder / "annotations.json").write_text(json.dumps({"database": database}), encoding="utf-8")
    return {
        **{"reader": "files", "dir": str(folder), "annotation_file": "annotations.json", "sample_rate": 1, "fps": fps},
        **dict.fromkeys(("test_annotation_file", "subset_file", "feature_prefix", "external_scores"), ""),
        **{"feature_places": ("features",), "feature_suffix": ".npy", "num_classes": len(source.class_names)},
        **{"train_subsets": ("training",), "test_subsets": ("validation",), "memory_gb": 0.0},
    }


def write_videos(lengths, folder: Path) -> dict:
    """As `write_dataset`, of video files of so many frames, read by two processes."""
    (folder / "videos").mkdir()
    for number, length in enumerate(lengths):
        made_files.write(folder / "videos" / f"video{number}.mp4", length, seed=number)
    return {"reader": "videos", "layout": "folder", "dir": str(folder), "num_workers": 2, "test_share": 0.01}


def write_clips(lengths, heads, folder: Path) -> dict:
    """As `write_dataset`, of clips of so many frames; `heads`: name of every classifier -> its classes."""
    (folder / "clips").mkdir()
    columns = [head for head in ("label", "verb", "noun") if head in heads]
    rows = {"train": [], "val": []}
    for number, length in enumerate(lengths):
        made_files.write(folder / "clips" / f"video{number}.mp4", length, seed=number)
        subset = "val" if number == len(lengths) - 1 else "train"
        rows[subset].append(",".join([f"video{number}", *(str(number % heads[head]) for head in columns)]))
    for subset, listed in rows.items():
        _write_lines(folder / f"{subset}.csv", [",".join(["video", *columns]), *listed])
    for head in columns:
        name = {"label": "classes.txt", "verb": "verbs.txt", "noun": "nouns.txt"}[head]
        _write_lines(folder / name, [f"class {number}" for number in range(heads[head])])
    return {"reader": "videos", "layout": "custom", "dir": str(folder), "num_workers": 2}


def measure(config, write, num_videos: int, folder: Path, batch_size: int, num_steps: int) -> dict:
    """Trains from feature files as the training loop does, every step's features read anew; returns what it found.

    `write` writes a dataset with `num_videos` to train on to a folder and returns the settings of config.data for it.
    Dataset and workdir go to `folder`, an empty one. One epoch compiles before the `num_steps` that are measured.
    """
    config, silence = config.copy_and_resolve_references(), Console(io.StringIO())
    (folder / "data").mkdir()
    with config.unlocked():
        config.data.update(write(folder / "data"))
        config.train.batch_size = batch_size
    with StopRequest() as stop:
        setup = experiment.prepare(config, folder / "workdir", "train", silence, stop)
    batches = setup.train_batches.iterate(0)
    first, epoch = next(batches), setup.train_batches.steps_per_epoch
    host_state, optimizer = start.initial_state(setup.task, config, first[0], epoch)
    step = TrainStep(setup.task, optimizer, setup.devices, seed=config.seed, say=silence.say)
    state = device_layout.replicate(host_state, setup.devices)
    timing = Timing()
    feed = Feed(batches, step.place, timing)
    # One epoch meets every bucket; then the steps that count.
    for number in range(epoch + num_steps):
        if number == epoch:
            jax.block_until_ready(state)
            begin = time.perf_counter()
            timing.restart(number)
        state, _ = step(state, feed.take())
        feed.prepare()
    jax.block_until_ready(state)
    seconds = time.perf_counter() - begin
    wait = timing.pop(epoch + num_steps)["data_wait"]
    size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    return {
        **{"data_wait": wait, "seconds": seconds, "steps": num_steps, "videos": num_videos, "gigabytes": size / 1e9},
        "buckets": list(setup.train_batches.buckets),
        "what": "Videos" if "video" in config.data else "Features",
    }
