"""Workdirs of finished runs without any training: made-up predictions through the writers of real runs."""

import math

import numpy as np

from configs import fact_synthetic
from fact_jax import run_record
from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.reporting import report, results
from fact_jax.reporting.report import runs
from fact_jax.reporting.report.localization import LocalizationReport
from fact_jax.reporting.report.recognition import RecognitionReport
from fact_jax.reporting.report.representation import RepresentationReport
from fact_jax.reporting.report.segmentation import SegmentationReport
from fact_jax.reporting.segmentation import tables, writer
from fact_jax.tasks.segmentation.evaluation import SegmentationEvaluation, SegmentationProtocol
from fact_jax.types import Batch
from tests.overrides import override

KINDS = {
    "fact": SegmentationReport(),
    "actionformer": LocalizationReport(),
    "carl": RepresentationReport(),
    "cast": RecognitionReport(),
}
CLASS_NAMES = ("background", "pour", "stir", "serve")
NUM_CLASSES = len(CLASS_NAMES)


def random_labels(generator, num_frames, num_classes=NUM_CLASSES, mean_length=8):
    """int64 [num_frames] with segments of about `mean_length` frames."""
    changes = generator.random(num_frames) < 1.0 / mean_length
    return generator.integers(0, num_classes, num_frames)[np.cumsum(changes)]


def corrupt(generator, labels, share, num_classes=NUM_CLASSES):
    """Replaces about `share` of the frames, in stretches, by other labels."""
    wrong = random_labels(generator, len(labels), num_classes)
    places = np.cumsum(generator.random(len(labels)) < 0.1) % 100 < 100 * share
    return np.where(places, wrong, labels)


def evaluate(
    truth,
    predictions,
    *,
    class_names=CLASS_NAMES,
    background=(0,),
    fps=10.0,
    split="split1",
    dataset="kitchen",
    max_timelines=0,
):
    """A SegmentationEvaluation that has seen the predictions; both are {video id: int [N]}."""
    protocol = SegmentationProtocol(
        metric=SegmentationMetric(len(class_names), background),
        class_names=tuple(class_names),
        background_ids=background,
        dataset=dataset,
        split=split,
        fps=fps,
        full_labels=lambda video_id: truth[video_id],
        max_timelines=max_timelines,
    )
    evaluation = SegmentationEvaluation(protocol)
    for video_id, labels in predictions.items():
        arrays = {"video_mask": np.ones(1, bool), "mask": np.ones((1, len(labels)), bool)}
        outputs = {name: np.asarray(labels)[None] for name in ("labels", "frame_labels", "action_labels")}
        evaluation.add(Batch(arrays, [video_id], [0]), outputs)
    return evaluation


def make_run(workdir, truth, predictions, *, name="fact", split="split1", seed=0, settings=None, **protocol):
    """Writes what a finished run leaves for a report; returns the workdir. `settings` are overrides of the config."""
    config = fact_synthetic.get_config("quick").copy_and_resolve_references()
    overrides = {"name": name, "seed": seed, "data__split": split, **(settings or {})}
    evaluation = evaluate(truth, predictions, split=split, **protocol)
    how_scored = tables.how_scored(["background"])
    return finish(workdir, config, overrides, evaluation, writer, select_metric="F1@0.50", how_scored=how_scored)


def finish(workdir, config, overrides, evaluation, writer, *, select_metric, how_scored):
    """Writes config.json, what an evaluation writes, and the results of a run; returns the workdir."""
    with config.unlocked():
        override(config, overrides)
    run_record.write(workdir, config=config.to_dict(), derived={})
    writer.write_evaluation(evaluation, workdir, figures=False)
    scores = evaluation.metrics()
    result = {
        "name": config.name,
        "dataset": "kitchen",
        "split": config.data.split,
        "seed": config.seed,
        "select_metric": select_metric,
        "selected_on": "test",
        "best_step": 10,
        "final_step": 12,
        "num_videos": {"test": len(evaluation.state().videos)},
        "metrics": {"test": {"best": scores, "final": {key: math.nan for key in scores}}},
    }
    results.write_results(workdir, result, how_scored=how_scored, rows=[], figures=False)
    return workdir


def read_runs(paths):
    """The runs in these workdirs."""
    return runs.read_runs(paths, KINDS)


def write_report(paths, output, say=lambda line: None):
    """Writes the report on these workdirs."""
    report.write_report(paths, output, KINDS, say)


def make_truth(seed, num_videos=5, prefix="video", num_classes=NUM_CLASSES):
    """{video id: int64 [N]} of random videos."""
    generator = np.random.default_rng(seed)
    return {
        f"{prefix}_{index}": random_labels(generator, int(generator.integers(40, 120)), num_classes)
        for index in range(num_videos)
    }


def make_grid(folder, *, shares=(0.2, 0.5), splits=("split1", "split2"), seeds=(0, 1), num_videos=5):
    """Runs of several systems over splits and seeds, each system wrong in its share of the frames; returns workdirs."""
    workdirs = []
    for system, share in enumerate(shares):
        for split in splits:
            truth = make_truth(splits.index(split), num_videos, prefix=split)
            for seed in seeds:
                generator = np.random.default_rng([system, splits.index(split), seed])
                predictions = {key: corrupt(generator, labels, share) for key, labels in truth.items()}
                path = folder / f"system{system}_{split}_{seed}"
                workdirs.append(make_run(path, truth, predictions, name=f"system{system}", split=split, seed=seed))
    return workdirs
