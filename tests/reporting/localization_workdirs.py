"""Workdirs of finished runs of action localization without any training, as `workdirs` makes them for segmentation."""

import numpy as np

from configs import actionformer_synthetic
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import Detections, NmsConfig
from fact_jax.ops.time_grid import TimeGrid
from fact_jax.reporting.localization import tables as localization_tables
from fact_jax.reporting.localization import writer
from fact_jax.tasks.localization.evaluation import LocalizationEvaluation, LocalizationProtocol, VideoTime
from fact_jax.types import Batch
from tests.reporting import workdirs

CLASS_NAMES = ("pour", "stir", "serve")
NUM_CLASSES = len(CLASS_NAMES)
THRESHOLDS = (0.3, 0.5, 0.7)
DURATION = 100.0  # seconds
# One feature a second, so that grid units are seconds.
GRID = TimeGrid(1.0, 0.0, 1.0)


def make_truth(seed, num_videos=6, num_classes=NUM_CLASSES):
    """{video: (segments float64 [N, 2] in seconds, labels int64 [N])}; every class is in most of the videos."""
    generator = np.random.default_rng(seed)
    truth = {}
    for number in range(num_videos):
        labels = np.append(np.arange(num_classes), generator.integers(0, num_classes, 3))
        start = generator.uniform(0, 80, len(labels))
        truth[f"video_{number}"] = np.stack([start, start + generator.uniform(4, 18, len(labels))], axis=1), labels
    return truth


def detect(seed, truth, noise, num_wrong=6):
    """{video: Detections}: the true segments, moved by some seconds, among wrong ones."""
    generator = np.random.default_rng(seed)
    found = {}
    for video, (segments, labels) in truth.items():
        moved = segments + generator.normal(0, noise, segments.shape)
        start = generator.uniform(0, 80, num_wrong)
        wrong = np.stack([start, start + generator.uniform(2, 20, num_wrong)], axis=1)
        scores = np.concatenate([generator.uniform(0.2, 1, len(labels)), generator.uniform(0, 0.7, num_wrong)])
        classes = np.concatenate([labels, generator.integers(0, labels.max() + 1, num_wrong)])
        everything = np.sort(np.concatenate([moved, wrong]), axis=1)
        found[video] = Detections(np.float32(everything), np.float32(scores), np.int32(classes))
    return found


def evaluate(
    truth, detections, *, class_names=CLASS_NAMES, dataset="kitchen", thresholds=THRESHOLDS, duration=DURATION
):
    """A LocalizationEvaluation that has seen the detections, {video: Detections}; others of the truth are misses."""
    protocol = LocalizationProtocol(
        metric=LocalizationMetric(tuple(thresholds)),
        nms=NmsConfig(method="none"),
        class_names=dict(enumerate(class_names)) if isinstance(class_names, tuple) else class_names,
        dataset=dataset,
        truth=truth,
        times={video: VideoTime(GRID, duration) for video in detections},
    )
    evaluation = LocalizationEvaluation(protocol)
    for video, found in detections.items():
        outputs = {name: np.asarray(value)[None] for name, value in found._asdict().items()}
        outputs["valid"] = np.ones((1, len(found.scores)), bool)
        evaluation.add(Batch({"video_mask": np.ones(1, bool)}, [video], [0]), outputs)
    return evaluation


def make_run(workdir, truth, detections, *, name="actionformer", seed=0, settings=None, **protocol):
    """Writes what a finished run leaves for a report; returns the workdir. Arguments as of `workdirs.make_run`."""
    config = actionformer_synthetic.get_config("quick").copy_and_resolve_references()
    evaluation = evaluate(truth, detections, **protocol)
    overrides = {"name": name, "seed": seed, **(settings or {})}
    how_scored = ("3 classes", *localization_tables.how_scored(evaluation.protocol.metric))
    return workdirs.finish(
        workdir, config, overrides, evaluation, writer, select_metric="mAP@avg", how_scored=how_scored
    )


def make_grid(folder, *, noises=(1.0, 3.0), seeds=(0, 1), **truth):
    """Runs of several systems with several seeds, each system wrong by so many seconds; returns workdirs."""
    known, paths = make_truth(5, **truth), []
    for system, noise in enumerate(noises):
        for seed in seeds:
            found = detect([system, seed], known, noise)
            paths.append(make_run(folder / f"system{system}_{seed}", known, found, name=f"system{system}", seed=seed))
    return paths
