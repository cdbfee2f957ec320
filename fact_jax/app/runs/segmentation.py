"""Runs of action segmentation: from settings and videos to a task with its batches."""

import dataclasses
from pathlib import Path

import numpy as np

from data_pipelines.core.batching import EvalBatches, TrainBatches
from data_pipelines.core.buckets import check_buckets, choose_buckets
from data_pipelines.core.input_files import skipped_lines
from data_pipelines.core.sampling import sampler
from data_pipelines.core.selection import SelectedExamples
from data_pipelines.core.unlabelled import prediction_buckets
from data_pipelines.segmentation import sources as video_sources
from data_pipelines.segmentation import unlabelled
from data_pipelines.segmentation.batching import FrameExamples
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.fingerprints import label_checksums, labels_fingerprint, transcripts_fingerprint
from data_pipelines.segmentation.statistics import compute_statistics
from fact_jax.app.kinds.segmentation import LabelFramesConfig
from fact_jax.app.runs.base import (
    Classes,
    OpenedPrediction,
    OtherEvaluation,
    OtherVideos,
    Parts,
    batch_lines,
    check_all,
    comparison,
    data_facts,
    eval_options,
    input_times,
    origin,
    timed_features,
    train_options,
)
from fact_jax.inference.output import OutputFolder
from fact_jax.inference.segmentation.output import LabelFiles
from fact_jax.inference.segmentation.predictor import SegmentationPredictor
from fact_jax.reporting.segmentation import tables
from fact_jax.tasks.segmentation import systems
from fact_jax.training import loop
from fact_jax.training.evaluator import Evaluator


def check_settings(config) -> None:
    """Raises UserError where settings, each of which can be, contradict each other; opens no data."""
    check_all(lambda: SegmentationDataConfig.parse(config.data), lambda: systems.check_settings(config))


def open_sources(config, notes):
    """Opens the videos of a run, after checking all of them; see `data_pipelines.segmentation.sources.open_sources`."""
    return video_sources.open_sources(SegmentationDataConfig.parse(config.data), notes)


def read_classes(config) -> Classes:
    """The classes of the dataset; looks at no video."""
    names, verb_nouns = video_sources.read_classes(SegmentationDataConfig.parse(config.data))
    return Classes(names, config.data.mapping_file, verb_nouns)


def prepare(config, sources, devices) -> Parts:
    """Builds the task and the batches of a run, of what `open_sources` gave and the devices of all processes.

    Raises UserError where settings contradict each other or the data.
    """
    evaluations = {"test": sources.test}
    if sources.validation is not None:
        evaluations["validation"] = sources.validation
    everything = {"train": sources.train, **evaluations}
    all_statistics = {name: compute_statistics(source) for name, source in everything.items()}
    statistics, labels = all_statistics["train"], _label_reader(everything.values())
    classes = {"class_names": sources.class_names, "verb_nouns": sources.verb_nouns}
    task = systems.build(config, statistics=statistics, full_labels=labels, **classes)
    buckets = _buckets(config.data, everything)
    max_segments = _padded_segments(task.uses_transcript, all_statistics, sources.transcripts)
    augmentation = SegmentationDataConfig.parse(config.data).augmentation
    examples = FrameExamples(sources.train, max_segments["train"], augmentation=augmentation)
    drawn_length = examples.drawn_length if augmentation.changes_time else None
    given = {"sample": sampler(config.train.sampling), "drawn_length": drawn_length, **train_options(config, devices)}
    train_batches = TrainBatches(examples, buckets=buckets, **given)
    options = {"buckets": buckets, **eval_options(config, devices)}
    evaluated = {
        name: FrameExamples(source, max_segments[name], sources.transcripts if name in evaluations else None)
        for name, source in everything.items()
    }
    eval_batches = {name: EvalBatches(evaluated[name], **options) for name in evaluations}
    derived = _derive(config, sources, everything, statistics, train_batches, task)
    selection = "validation" if "validation" in eval_batches else "test"
    background = () if config.data.evaluate_background else config.data.background_ids
    how_scored = tables.how_scored([sources.class_names[label] for label in background])
    return Parts(
        task=task,
        facts=data_facts(sources, label_checksums(everything)),
        train_batches=train_batches,
        evaluators=tuple(
            # The best step is chosen on the validation videos where there are some: the others wait for it.
            Evaluator(name, {name: batches}, task.evaluation, config.train.eval_every if name == selection else 0)
            for name, batches in eval_batches.items()
        ),
        derived=derived,
        num_programs=len(buckets),
        statistics="\n".join(f"{name} videos\n{numbers.table()}\n" for name, numbers in all_statistics.items()),
        lines=(
            *_describe(config, derived, train_batches.padding()),
            *batch_lines(config, len(sources.train)),
            *sources.notes,
        ),
        how_scored=how_scored,
        other_videos=_other_videos(evaluated, options, task, how_scored, sources.transcripts is not None),
    )


def _other_videos(examples, options, task, how_scored, has_transcripts):
    """OtherVideos of FrameExamples by subset, with the options of their batches."""

    def open_videos(name, wanted):
        selected = {subset: SelectedExamples(examples[subset], videos) for subset, videos in wanted.items()}
        sets, lines = {subset: EvalBatches(found, **options) for subset, found in selected.items()}, ()
        if "train" in wanted and has_transcripts and task.uses_transcript:
            lines = ("the transcripts of training videos are those of their labels, not those of transcript_dir",)
        evaluator = Evaluator(name, sets, task.evaluation)
        return OtherEvaluation(evaluator, len(options["buckets"]), how_scored, lines)

    return OtherVideos({subset: found.video_ids for subset, found in examples.items()}, open_videos)


def open_prediction(
    predictor: SegmentationPredictor, config, workdir: Path, told: LabelFramesConfig, devices
) -> OpenedPrediction:
    """Opens what the command line told to predict, and where its files go; `devices` predict together.

    Raises UserError if there is nothing to predict, or something told does not go with the model.
    """
    told.check_transcripts(predictor.uses_transcript)
    reader = unlabelled.FrameReader(
        predictor.feature_dim, config.data.time_axis, predictor.sample_rate, predictor.class_names
    )
    source = unlabelled.open_inputs(told.input, reader, transcript_dir=told.transcripts)
    times = input_times(source, told.fps, predictor.timed_features)
    buckets = prediction_buckets(source.lengths, predictor.buckets, config.data.max_buckets, config.data.max_padding)

    def make_batches(videos):
        examples = unlabelled.prediction_examples(videos, source)
        return EvalBatches(examples, buckets=buckets, **eval_options(config, devices))

    output = LabelFiles(
        origin=origin(config, predictor),
        class_names=predictor.class_names,
        background_ids=config.data.background_ids,
        fps=told.fps or config.data.fps,
        times=times,
        probabilities=told.probabilities,
        figures=told.figures,
    )
    folder = OutputFolder(Path(told.output or workdir), output)
    lines = (*skipped_lines(told.input, reader.suffixes),)
    return OpenedPrediction(source, make_batches, folder, lines, comparison(source))


def _derive(config, sources, everything, statistics, train_batches, task):
    """What follows from data and settings, for config.json; a run with other values is another run."""
    return timed_features(sources) | {
        "class_names": list(sources.class_names),
        "verb_nouns": dataclasses.asdict(sources.verb_nouns) if sources.verb_nouns else None,
        "feature_dim": sources.feature_dim,
        "num_videos": {name: len(source) for name, source in everything.items()},
        "average_transcript_length": statistics.average_transcript_length(config.loss.get("match")),
        "buckets": list(train_batches.buckets),
        "steps_per_epoch": train_batches.steps_per_epoch,
        "total_steps": loop.total_steps(config, train_batches.steps_per_epoch),
        "labels_sha256": labels_fingerprint(everything.values()),
        "transcripts_sha256": transcripts_fingerprint(sources.transcripts),
        "model": dataclasses.asdict(task.model),
        "loss": dataclasses.asdict(task.loss_config),
    }


def _padded_segments(uses_transcript, statistics, transcripts):
    """Segments to which the transcripts of every source are padded.

    A network that reads transcripts gets one size for all, so that a length bucket stays one program.
    """
    sizes = {name: numbers.max_segments[0] for name, numbers in statistics.items()}
    if transcripts is not None:
        longest = max(map(len, transcripts.values()))
        sizes = {name: max(size, longest) if name != "train" else size for name, size in sizes.items()}
    return dict.fromkeys(sizes, max(sizes.values())) if uses_transcript else sizes


def _buckets(data, sources):
    """The padded lengths that training and evaluation share."""
    lengths = np.concatenate([source.lengths for source in sources.values()])
    video_ids = [video_id for source in sources.values() for video_id in source.video_ids]
    buckets = data.buckets or choose_buckets(lengths, data.max_buckets, data.max_padding)
    return check_buckets(buckets, lengths, video_ids)


def _label_reader(sources):
    """Returns a function from video id to int32 [N], its labels at the full rate."""
    places = {video_id: (source, index) for source in sources for index, video_id in enumerate(source.video_ids)}

    def full_labels(video_id):
        source, index = places[video_id]
        return source.full_labels(index)

    return full_labels


def _describe(config, derived, padding):
    videos = ", ".join(f"{count} {name} videos" for name, count in derived["num_videos"].items())
    return (
        f"{config.data.dataset}, {config.data.split}: {videos}, {len(derived['class_names'])} classes, "
        f"{derived['feature_dim']} channels; padded lengths {', '.join(map(str, derived['buckets']))} "
        f"({100 * padding.waste:.0f} % of the frames computed in training are padding)",
        f"on average {derived['average_transcript_length']:.1f} targets per training video; see statistics.txt",
    )
