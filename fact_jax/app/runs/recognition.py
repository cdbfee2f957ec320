"""Runs of action recognition: from settings and clips to a task with its batches."""

import dataclasses
import hashlib

import numpy as np

from data_pipelines.core.mapped import TrainBatches
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.opening import open_recognition, read_heads
from data_pipelines.recognition.source import TrainClips
from fact_jax.app.feature_record import DataFacts
from fact_jax.app.runs import view_scores
from fact_jax.app.runs.base import Classes, Parts, batch_lines, check_all, piece_size
from fact_jax.app.runs.recognition_extraction import extraction_task, open_extractor
from fact_jax.app.runs.recognition_prediction import open_prediction, read_views
from fact_jax.app.runs.recognition_warnings import drawn_experts
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.recognition import systems
from fact_jax.training import loop
from fact_jax.types import VerbNouns, check_choice

__all__ = [
    "check_settings",
    "extraction_task",
    "open_extractor",
    "open_prediction",
    "open_sources",
    "prepare",
    "read_classes",
    "read_views",
]


def check_settings(config) -> None:
    """Raises UserError where settings contradict each other; see `runs.segmentation.check_settings`."""
    check_all(
        lambda: RecognitionDataConfig.parse(config.data).check(),
        lambda: systems.check_settings(config),
        lambda: check_choice("config.eval.select_metric", config.eval.select_metric, view_scores.NAMES),
    )


def open_sources(config, notes):
    """Opens the clips of a run, after checking all of them; see `opening.open_recognition`."""

    def check_heads(heads):
        return list(_score_problems(config.eval.select_metric, heads))

    return open_recognition(RecognitionDataConfig.parse(config.data), notes, check_heads=check_heads)


def _score_problems(score, heads):
    """The problem of a score that chooses the best step and that clips with these heads do not have."""
    names = view_scores.metric_of(heads).names()
    if score not in names:
        what = "one label" if len(heads) == 1 else "a verb and a noun"
        found = f"{score!r} is no score of clips with {what}"
        yield Problem("config.eval.select_metric", 0, found, f"expected one of {', '.join(names)}")


def read_classes(config) -> Classes:
    """The classes of the dataset; opens no video."""
    heads, file = read_heads(RecognitionDataConfig.parse(config.data))
    return Classes(_class_names(heads), file, _verb_nouns(heads))


def _class_names(heads):
    """All classes in one list: those of the one head, or nouns and then verbs, which say so."""
    if len(heads) == 1:
        return heads[0].class_names
    return tuple(f"{head.name} {name}" for head in heads for name in head.class_names)


def _verb_nouns(heads):
    """VerbNouns of two heads, without pairs; None of one."""
    if len(heads) == 1:
        return None
    names = {head.name: tuple(head.class_names) for head in heads}
    return VerbNouns(names["verb"], names["noun"], (), ())


def prepare(config, sources, devices) -> Parts:
    """Builds the task and the batches of a run; see `runs.segmentation.prepare`."""
    task = systems.build(config, num_classes=[len(head.class_names) for head in sources.heads])
    train_batches = _train_batches(config, sources, devices)
    options = _rows(config.eval.batch_size, devices)
    options |= {"batch_size": config.eval.batch_size, "num_workers": config.data.num_workers}
    return Parts(
        task=task,
        train_batches=train_batches,
        evaluators=view_scores.evaluators(config, sources, options),
        derived=_derive(config, sources, train_batches, task),
        num_programs=1,
        statistics=_statistics(sources),
        lines=(*_describe(config, sources), *batch_lines(config, len(sources.train)), *sources.notes),
        how_scored=view_scores.how_scored(config, sources),
        without_weights=drawn_experts(config),
        facts=DataFacts(sources.checksums, _label_checksums(sources), what="files"),
        other_videos=view_scores.other_videos(config, sources, options),
    )


def _rows(batch_size, devices):
    num_rows = device_layout.num_rows(batch_size, len(devices))
    return {"num_rows": num_rows, "share": device_layout.share(num_rows, devices)}


def _train_batches(config, sources, devices):
    data, train = RecognitionDataConfig.parse(config.data), config.train
    return TrainBatches(
        TrainClips(sources.train, data),
        batch_size=train.batch_size,
        micro_batch_size=train.micro_batch_size,
        seed=config.seed,
        num_workers=data.num_workers,
        **_rows(piece_size(train), devices),
    )


def _derive(config, sources, train_batches, task):
    """What follows from data and settings, for config.json; a run with other values is another run."""
    pairs = _verb_nouns(sources.heads)
    return {
        "class_names": list(_class_names(sources.heads)),
        "verb_nouns": None if pairs is None else dataclasses.asdict(pairs),
        "num_videos": {"train": len(sources.train), "test": len(sources.test)},
        "buckets": list(train_batches.buckets),
        "steps_per_epoch": train_batches.steps_per_epoch,
        "total_steps": loop.total_steps(config, train_batches.steps_per_epoch),
        "labels_sha256": _fingerprint(sources),
        "model": dataclasses.asdict(task.model),
        "loss": dataclasses.asdict(task.loss_config),
    }


def _fingerprint(sources):
    """SHA-256 over names, parts and labels of all clips; features.json has what their files hold."""
    digest = hashlib.sha256()
    for subset, name, clip in sources.named():
        digest.update(f"{subset} {name} ".encode() + _label_bytes(clip))
    return digest.hexdigest()


def _label_checksums(sources):
    """A checksum for every clip of what `_fingerprint` is made of."""
    return {
        name: hashlib.sha256(f"{subset} ".encode() + _label_bytes(clip)).hexdigest()[:16]
        for subset, name, clip in sources.named()
    }


def _label_bytes(clip):
    return f"{clip.start} {clip.stop} ".encode() + np.asarray(clip.labels, "<i4").tobytes()


def _statistics(sources):
    """Text of statistics.txt: what the clips of each subset are like."""
    tables = []
    for subset in ("train", "test"):
        clips = getattr(sources, subset)
        lengths, sizes = [clip.num_frames for clip in clips], sorted({clip.video.size for clip in clips})
        rows = {"clips": len(clips), "videos": len({str(clip.video.path) for clip in clips})}
        rows["frames per clip"] = f"{min(lengths)} to {max(lengths)}, median {np.median(lengths):.1f}"
        rows["pixels, height x width"] = name_some([f"{height} x {width}" for height, width in sizes], 5)
        for place, head in enumerate(sources.heads):
            found = np.bincount([clip.labels[place] for clip in clips], minlength=len(head.class_names))
            rows[f"classes of {head.name}"] = f"{np.count_nonzero(found)} of {len(found)} have clips"
            rows[f"clips per {head.name}"] = f"{found.min()} to {found.max()}, median {np.median(found):.1f}"
        tables.append(f"{subset} clips\n" + "".join(f"  {key:<30}{value}\n" for key, value in rows.items()))
    return "\n".join(tables)


def _describe(config, sources):
    sampling, size = config.data.sampling, config.data.augmentation.size
    classes = " and ".join(count(head.class_names, head.name) for head in sources.heads)
    yield (
        f"{config.data.dataset}: {count(sources.train, 'train clip')}, {count(sources.test, 'test clip')}, "
        f"{classes}; {count(sampling.num_frames, 'frame')} of {size} x {size} pixels"
    )
