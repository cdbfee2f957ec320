"""Runs of representation learning: from settings and videos to a task with its batches."""

import dataclasses
import functools
import hashlib

import numpy as np

from data_pipelines.core.mapped import TrainBatches
from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.listing import NO_PHASE
from data_pipelines.representation.opening import open_representation, read_phases
from data_pipelines.representation.source import GroupBatches, TrainClips
from fact_jax.app.feature_record import DataFacts
from fact_jax.app.runs import embedding_scores
from fact_jax.app.runs.base import Classes, Parts, batch_lines, check_all, piece_size
from fact_jax.app.runs.pixel_scores import check_pixel_size, pixel_scores
from fact_jax.app.runs.representation_extraction import extraction_task, open_extractor
from fact_jax.app.runs.representation_prediction import exported_chunks, open_prediction, read_chunks
from fact_jax.app.runs.representation_warnings import drawn_backbone, lacking_scores
from fact_jax.metrics.representation import TASKS
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.representation import systems
from fact_jax.tasks.representation.evaluation import metric_of
from fact_jax.training import loop
from fact_jax.types import UserError, check_choice

__all__ = [
    "check_settings",
    "exported_chunks",
    "extraction_task",
    "open_extractor",
    "open_prediction",
    "open_sources",
    "prepare",
    "read_chunks",
    "read_classes",
]

_WITHOUT_LABELS = ("tau",)  # what is scored of videos that have none


def check_settings(config) -> None:
    """Raises UserError where settings contradict each other; see `runs.segmentation.check_settings`."""
    check_all(
        lambda: RepresentationDataConfig.parse(config.data).check(),
        lambda: systems.check_settings(config),
        lambda: _check_scores(config),
    )


def _check_scores(config):
    names = metric_of(config, ("",), (("", ""),)).names()
    check_choice("config.eval.select_metric", config.eval.select_metric, names)
    check_pixel_size(config)


def open_sources(config, notes):
    """Opens the videos of a run, after checking all of them; see `opening.open_representation`."""
    return open_representation(RepresentationDataConfig.parse(config.data), notes)


def read_classes(config) -> Classes:
    """The phases that a classifier tells apart; of other losses there is none. Opens no video."""
    if config.loss.objective != "classification":
        return Classes((), "")
    phases, file = read_phases(RepresentationDataConfig.parse(config.data))
    _check_one_group(phases)
    return Classes(phases[0], file)


def prepare(config, sources, devices) -> Parts:
    """Builds the task and the batches of a run; see `runs.segmentation.prepare`."""
    config, notes = _what_labels_allow(config, sources)
    class_names = _class_names(config, sources)
    task = systems.build(config, num_classes=len(class_names))
    train_batches = _train_batches(config, sources, devices)
    options = _rows(config.eval.batch_size, devices)
    options |= {"batch_size": config.eval.batch_size, "num_workers": config.data.num_workers}
    evaluator = embedding_scores.evaluator(config, sources, options, config.train.eval_every)
    evaluator = dataclasses.replace(evaluator, at_start=config.eval.at_start)
    repeated = () if isinstance(train_batches, GroupBatches) else batch_lines(config, len(sources.train))
    told = lacking_scores(config, sources)
    comparisons = tuple
    if config.eval.pixel_size:
        told.append(
            f"scoring the pixels of {count(evaluator.num_videos, 'video')} for comparison (config.eval.pixel_size)"
        )
        comparisons = functools.partial(_pixel_lines, config, evaluator)
    return Parts(
        task=task,
        train_batches=train_batches,
        evaluators=(evaluator,),
        derived=_derive(config, sources, train_batches, task, class_names),
        num_programs=embedding_scores.num_programs(evaluator),
        statistics=_statistics(sources),
        lines=(*_describe(config, sources), *repeated, *sources.notes, *notes, *told),
        how_scored=tuple(embedding_scores.how_scored(config, sources)),
        comparisons=comparisons,
        without_weights=drawn_backbone(config),
        facts=DataFacts(sources.checksums, _label_checksums(sources), what="files"),
        other_videos=embedding_scores.other_videos(config, sources, options),
    )


def _rows(batch_size, devices):
    num_rows = device_layout.num_rows(batch_size, len(devices))
    return {"num_rows": num_rows, "share": device_layout.share(num_rows, devices)}


def _train_batches(config, sources, devices):
    data, train = RepresentationDataConfig.parse(config.data), config.train
    clips = TrainClips(sources.train, data, systems.num_views(config))
    options = {
        "batch_size": train.batch_size,
        "micro_batch_size": train.micro_batch_size,
        "seed": config.seed,
        "num_workers": data.num_workers,
        **_rows(piece_size(train), devices),
    }
    groups = [entry.group for entry in sources.train]
    # As published, TCC compares different videos of one action.
    if config.loss.objective == "tcc" and systems.num_views(config) == 1 and len(set(groups)) > 1:
        return GroupBatches(clips, groups, **options)
    return TrainBatches(clips, **options)


def _what_labels_allow(config, sources):
    """(the config without scores that need labels where no evaluated video has any, lines on that)."""
    if any(entry.labels is not None for entry in sources.test):
        return config, []
    lacking = [task for task in config.eval.tasks if task not in _WITHOUT_LABELS]
    if not lacking:
        return config, []
    config = config.copy_and_resolve_references()
    with config.unlocked():
        config.eval.tasks = _WITHOUT_LABELS
    names = metric_of(config, sources.groups, sources.phases).names()
    if config.eval.select_metric not in names:
        raise UserError(
            f"config.eval.select_metric is {config.eval.select_metric!r}, and no evaluated video has labels: only "
            f"{', '.join(names)} can be scored. Set it to that, or add labels."
        )
    left_out = name_some(sorted(lacking, key=TASKS.index), len(TASKS))
    return config, [f"no evaluated video has labels, so what needs them is not scored: {left_out}"]


def _class_names(config, sources):
    """Phases that a classifier is trained to tell apart, () without one."""
    if config.loss.objective != "classification":
        return ()
    _check_one_group(sources.phases)
    if not any(entry.labels is not None and np.any(entry.labels != NO_PHASE) for entry in sources.train):
        raise UserError("config.loss.objective is 'classification', and no training video has labels. Add some.")
    return sources.phases[0]


def _check_one_group(phases):
    if len(phases) > 1:
        raise UserError(
            f"config.loss.objective is 'classification', and the dataset has {len(phases)} groups whose phases are not "
            "the same: choose one of them with config.data.groups."
        )


def _pixel_lines(config, evaluator):
    size, scores = config.eval.pixel_size, pixel_scores(evaluator, config.eval.pixel_size, config.data)
    listed = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    return [f"For comparison, the pixels themselves, averaged to {size} x {size}: {listed}."]


def _derive(config, sources, train_batches, task, class_names):
    """What follows from data and settings, for config.json; a run with other values is another run."""
    return {
        "class_names": list(class_names),
        "groups": list(sources.groups),
        "phases": [list(names) for names in sources.phases],
        "num_videos": {"train": len(sources.train), "test": len(sources.test)},
        "buckets": list(train_batches.buckets),
        "steps_per_epoch": train_batches.steps_per_epoch,
        "total_steps": loop.total_steps(config, train_batches.steps_per_epoch),
        "labels_sha256": _fingerprint(sources),
        "model": dataclasses.asdict(task.model),
        "loss": dataclasses.asdict(task.loss_config),
    }


def _fingerprint(sources):
    """SHA-256 over names, groups and labels of all videos; features.json has what their files hold."""
    digest = hashlib.sha256()
    for subset, name, entry in sources.named():
        digest.update(f"{subset} {name} {entry.group}\n".encode() + _label_bytes(entry))
    return digest.hexdigest()


def _label_checksums(sources):
    """A checksum for every video of what `_fingerprint` is made of."""
    parts = {}
    for subset, name, entry in sources.named():
        parts.setdefault(name, hashlib.sha256()).update(f"{subset} {entry.group}\n".encode() + _label_bytes(entry))
    return {name: digest.hexdigest()[:16] for name, digest in parts.items()}


def _label_bytes(entry):
    return b"" if entry.labels is None else np.asarray(entry.labels, "<i4").tobytes()


def _statistics(sources):
    """Text of statistics.txt: what the videos of each subset are like."""
    tables = []
    for subset in ("train", "test"):
        entries = getattr(sources, subset)
        lengths, labelled = [len(entry.video) for entry in entries], [e for e in entries if e.labels is not None]
        sizes = sorted({entry.video.size for entry in entries})
        rows = {"videos": len(entries), "with labels": len(labelled), "frames": sum(lengths)}
        rows["frames per video"] = f"{min(lengths)} to {max(lengths)}, median {np.median(lengths):.1f}"
        rows["pixels, height x width"] = name_some([f"{height} x {width}" for height, width in sizes], 5)
        for group, (name, phases) in enumerate(zip(sources.groups, sources.phases, strict=True)):
            own = [entry.labels for entry in labelled if entry.group == group]
            frames = np.concatenate(own) if own else np.zeros(0, np.int32)
            shares = [f"{phase} {100 * np.mean(frames == k):.1f} %" for k, phase in enumerate(phases)] if own else []
            if shares:
                rows[f"phases of {name}"] = ", ".join(shares)
        tables.append(f"{subset} videos\n" + "".join(f"  {key:<30}{value}\n" for key, value in rows.items()))
    return "\n".join(tables)


def _describe(config, sources):
    clip, views, size = config.data.clip, systems.num_views(config), config.data.augmentation.size
    phases = sum(map(len, sources.phases))
    labels = f", {count(phases, 'phase')}" + (f" of {count(sources.groups, 'group')}" * (len(sources.groups) > 1))
    yield (
        f"{config.data.dataset}: {count(sources.train, 'train video')}, {count(sources.test, 'test video')}"
        f"{labels if phases else ', no labels'}; {count(views, 'view')} of {count(clip.num_frames, 'frame')} with "
        f"{size} x {size} pixels"
    )
    if 0 < config.train.micro_batch_size < config.train.batch_size:
        each = count(config.train.micro_batch_size, "video")
        yield f"normalisations of what is trained take the statistics of every micro-batch of {each} on its own"
