"""Runs of temporal action localization: from settings and videos to a task with its batches."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_pipelines.core.batching import EvalBatches, TrainBatches
from data_pipelines.core.input_files import skipped_lines
from data_pipelines.core.sampling import whole_batches
from data_pipelines.core.selection import SelectedExamples
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.localization import opening, unlabelled
from data_pipelines.localization.annotations import NEAR_FPS
from data_pipelines.localization.batching import SegmentExamples
from data_pipelines.localization.class_scores import (
    check_number,
    check_order,
    name_lines,
    read_class_scores,
    renamed_lines,
    score_lines,
)
from data_pipelines.localization.config import LocalizationDataConfig
from data_pipelines.localization.durations import StatedTimes, check_durations, rate_lines, read_durations
from data_pipelines.localization.feature_names import array_lines
from data_pipelines.localization.timed import FEW
from data_pipelines.localization.times import duration_lines
from data_pipelines.localization.truncation import TruncationConfig
from data_pipelines.localization.unreached import PointRules, unreached_lines
from data_pipelines.localization.video_tables import unused_names
from fact_jax.app.kinds.localization import FindActionsConfig
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
from fact_jax.inference.localization.output import DetectionFiles
from fact_jax.inference.localization.predictor import LocalizationPredictor
from fact_jax.inference.output import OutputFolder
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.reporting.localization import tables as localization_tables
from fact_jax.tasks.localization import systems
from fact_jax.tasks.localization.evaluation import LocalizationEvaluation, LocalizationProtocol, VideoTime, nms_settings
from fact_jax.training import loop
from fact_jax.training.evaluator import Evaluator
from fact_jax.types import UserError


def check_settings(config) -> None:
    """Raises UserError where settings contradict each other; see `runs.segmentation.check_settings`."""
    check_all(lambda: LocalizationDataConfig.parse(config.data).check(), lambda: systems.check_settings(config))


def open_sources(config, notes):
    """Opens the videos of a run, after checking all of them; see `opening.open_localization`."""
    return opening.open_localization(LocalizationDataConfig.parse(config.data), notes)


def read_classes(config) -> Classes:
    """The classes of the dataset; looks at no features."""
    return Classes(opening.read_classes(LocalizationDataConfig.parse(config.data)), config.data.annotation_file)


def prepare(config, sources, devices) -> Parts:
    """Builds the task and the batches of a run; see `runs.segmentation.prepare`."""
    protocol, score_notes = _protocol(config, sources, {"test": sources.test.truth.segments})
    facts = {"num_classes": len(sources.class_names), "empty_classes": sources.empty_classes}
    task = systems.build(config, new_evaluation=lambda: LocalizationEvaluation(protocol), **facts)
    data, length_of = config.data, task.model.computed_length
    truncation = TruncationConfig(data.max_frames, data.truncation_threshold, tuple(data.crop_ratio))
    examples = SegmentExamples(sources.train, truncation)
    train = train_options(config, devices, own_micro_batch_size(config, length_of, devices))
    train_batches = TrainBatches(examples, padded_length=length_of, sample=whole_batches, **train)
    options = eval_options(config, devices)
    eval_batches = EvalBatches(SegmentExamples(sources.test), padded_length=length_of, **options)
    derived = _derive(config, sources, train_batches, protocol, task)
    evaluator = Evaluator("test", {"test": eval_batches}, task.evaluation, every=config.train.eval_every)
    return Parts(
        task=task,
        facts=data_facts(sources, _label_checksums(sources)),
        train_batches=train_batches,
        evaluators=(evaluator,),
        derived=derived,
        num_programs=len(eval_batches.buckets),
        statistics=_statistics(sources),
        lines=(
            *_describe(config, derived, sources, train_batches.padding()),
            *batch_lines(config, len(sources.train)),
            *_too_short(config.detection.min_duration, sources.train),
            *sources.notes,
            *score_notes,
            *_unreached(data, sources.train, task),
        ),
        how_scored=_how_scored(data.tiou_thresholds, protocol),
        other_videos=_other_videos(config, sources, length_of, options),
    )


def own_micro_batch_size(config, length_of: Callable[[int], int], devices) -> int:
    """Videos of a step that are computed at once, where that is not left to `train.micro_batch_size`; 0: it is.

    One CPU device is as fast with one video as with several, and then each is padded to its own length, `length_of` its
    frames. That saves nothing where all lengths are one; and the weight of the regression may be that of what is
    computed at once.
    """
    differ = length_of(1) < length_of(config.data.max_frames)
    on_cpu = len(devices) == 1 and devices[0].platform == "cpu"
    asked = config.train.micro_batch_size > 0 or config.loss.regression_weight <= 0
    return 1 if differ and on_cpu and not asked else 0


def _unreached(data, source, task):
    """Lines about training segments that no point of the network finds; () for a network without points."""
    if task.point_levels is None:
        return ()
    any_start = bool(data.crop_ratio) or bool(np.any(source.lengths > data.max_frames))
    try:
        return unreached_lines(source, PointRules(*task.point_levels, any_start))
    except UserError as error:
        file = f"{data.dir}/{data.annotation_file}, times in seconds" if data.reader != "synthetic" else data.dataset
        raise UserError(f"{file}: {error}") from error


def _too_short(least, source):
    """A line where segments of training videos, beyond a few, last less than a detection may, in grid units."""
    lengths = np.concatenate([np.diff(source.segments(index)[0])[:, 0] for index in range(len(source))])
    short = int(np.sum(lengths <= least))
    if short > FEW * len(lengths):
        of = f"{short} of {count(lengths, 'training segment')} {verb(short, 'last')} no longer"
        yield f"config.detection.min_duration is {least:g}, in features, and {of}: none is found as short"


def _other_videos(config, sources, length_of, options):
    """OtherVideos of both subsets; `length_of` and `options` are those of their batches."""
    of_subset = {"train": sources.train, "test": sources.test}

    def open_videos(name, wanted):
        sets, unread = {}, []
        for subset, videos in wanted.items():
            examples = SelectedExamples(SegmentExamples(of_subset[subset]), videos)
            unread += sorted(set(videos) - set(examples.video_ids))
            if examples.video_ids:
                sets[subset] = EvalBatches(examples, padded_length=length_of, **options)
        reason = "without features, or to train with and without a segment"
        listed = name_some(unread)
        if not sets:
            raise UserError(f"None of the videos can be evaluated: {listed}, {reason}.")
        protocol, lines = _protocol(config, sources, wanted)
        if unread:
            found = f"{count(unread, 'video')} {reason}, {verb(unread, 'count')} as if nothing were found there"
            lines += (f"{found}: {listed}",)
        evaluator = Evaluator(name, sets, lambda: LocalizationEvaluation(protocol))
        num_programs = len({length for batches in sets.values() for length in batches.buckets})
        how_scored = _how_scored(config.data.tiou_thresholds, protocol)
        return OtherEvaluation(evaluator, num_programs, how_scored, lines)

    return OtherVideos({subset: tuple(source.truth.segments) for subset, source in of_subset.items()}, open_videos)


def open_prediction(
    predictor: LocalizationPredictor, config, workdir: Path, told: FindActionsConfig, devices
) -> OpenedPrediction:
    """Opens what is to be predicted, and where its files go; see `runs.segmentation.open_prediction`."""
    stated = read_durations(told.durations) if told.durations else StatedTimes({}, {})
    durations = stated.seconds
    reader = unlabelled.StreamReader(
        predictor.feature_dim, predictor.class_names, predictor.rule, durations, config.data.feature_prefix
    )
    source = unlabelled.open_inputs(told.input, reader)
    times = input_times(source, told.fps, predictor.timed_features)
    if times:
        source = source.changed(reader=dataclasses.replace(source.reader, times=times))
        lines = ()
    else:
        lines = tuple(_fps_lines(predictor, config, told))
        predictor.fps = predictor.check_fps(told.fps or config.data.fps or predictor.fps)
    lines += (*skipped_lines(told.input, reader.suffixes), *array_lines([video.path for video in source.inputs]))
    class_names, scores = predictor.class_names, {}
    if told.durations:
        check_durations(told.durations, durations, source.video_ids)
        lines += unused_names(told.durations, durations, source.video_ids, "durations")
        lengths = {video.video_id: video.num_frames for video in source.inputs}
        lines += (*rate_lines(told.durations, stated.fps, source.video_ids, predictor.fps),)
        lines += (*duration_lines(lengths, durations, config.data, predictor.fps),)
    if told.class_scores:
        found, more = _read_told_scores(told.class_scores, source.video_ids, predictor.video_class_names)
        lines += more
        if len(predictor.class_names) > 1:
            own = f"the {len(predictor.class_names)} classes that this network tells apart are not used"
            lines += (f"--class_scores names what is found; {own}",)
        class_names, scores = predictor.names_of(found.num_classes, found.names), found.by_video
        source = source.changed(reader=dataclasses.replace(source.reader, class_scores=scores))

    def make_batches(videos):
        options = eval_options(config, devices)
        return EvalBatches(SegmentExamples(videos), padded_length=predictor.computed_length, **options)

    output = DetectionFiles(
        origin=origin(config, predictor),
        class_names=class_names,
        fps=predictor.fps,
        figures=told.figures,
        durations=durations,
        class_scores=scores,
        times=times,
    )
    folder = OutputFolder(Path(told.output or workdir), output)
    return OpenedPrediction(source, make_batches, folder, lines, comparison(source))


def _read_told_scores(path, video_ids, known):
    """(VideoClassScores of --class_scores, lines on what is odd); `known` are the names of the run's classes."""
    found = read_class_scores(Path(path).expanduser(), video_ids, "--class_scores")
    check_number(path, found, known, "--class_scores")
    unused = unused_names(path, found.stored, video_ids, "scores")
    return found, (*unused, *score_lines(path, found), *name_lines(path, found, known))


def _fps_lines(predictor, config, told):
    """Lines about frames per second that are not those of all videos of the run; () where durations say the times."""
    stated, fps = predictor.fps, told.fps or config.data.fps
    if not (stated and fps) or predictor.rule.stride <= 0 or abs(fps / stated - 1) <= NEAR_FPS:
        return
    asked_by = "--fps" if told.fps else "config.data.fps"
    yield f"{asked_by} is {fps:g}, and the videos of the run have {stated:g}; times are those of {fps:g}"


def _protocol(config, sources, wanted):
    """(LocalizationProtocol, lines on what is odd) of some videos: {subset: their names}."""
    data, class_scores, names, lines = config.data, None, sources.truth_classes, ()
    segments, labels, times = {}, {}, {}
    for subset, videos in wanted.items():
        source = getattr(sources, subset)
        segments |= {video: source.truth.segments[video] for video in videos}
        labels |= {video: source.truth.labels[video] for video in videos}
        found = zip(source.video_ids, source.grids, source.durations, strict=True)
        times |= {video: VideoTime(grid, duration) for video, grid, duration in found if video in segments}
    if data.external_scores:
        path = Path(data.dir).expanduser() / data.external_scores
        found = read_class_scores(path, list(times))
        check_order(path, found, names)
        class_scores, lines = found.by_video, (*score_lines(path, found), *renamed_lines(path, found, names))
        names = dict(enumerate(_numbered(names, max([found.num_classes, *(number + 1 for number in names)]))))
    elif len(sources.class_names) == 1 and len(names) > 1:
        # Nobody names the actions: they are scored as such.
        names = dict(enumerate(sources.class_names))
    else:
        names = dict(enumerate(sources.class_names)) | names
    agnostic = len(names) == 1
    truth = {
        video: (found, np.zeros_like(labels[video]) if agnostic else labels[video]) for video, found in segments.items()
    }
    protocol = LocalizationProtocol(
        metric=LocalizationMetric(tuple(data.tiou_thresholds), published_classes=data.published_classes),
        nms=nms_settings(config.detection),
        class_names=names,
        dataset=data.dataset,
        truth=truth,
        times=times,
        class_scores=class_scores,
        max_timelines=config.eval.max_timelines,
    )
    return protocol, lines


def _derive(config, sources, train_batches, protocol, task):
    """What follows from data and settings, for config.json; a run with other values is another run."""
    rates = {grid.fps for source in (sources.train, sources.test) for grid in source.grids}
    return timed_features(sources) | {
        "class_names": list(sources.class_names),
        "video_class_names": _video_class_names(sources),
        "feature_dim": sources.feature_dim,
        "fps": rates.pop() if len(rates) == 1 else 0.0,
        "num_videos": {"train": len(sources.train), "test": len(sources.test)},
        "buckets": [config.data.max_frames],  # whose numbers they are, at whatever lengths these are computed
        "steps_per_epoch": train_batches.steps_per_epoch,
        "total_steps": loop.total_steps(config, train_batches.steps_per_epoch),
        "annotations_sha256": _fingerprint(sources),
        "class_scores_sha256": _digest(sorted(protocol.class_scores.items())) if protocol.class_scores else "",
        "model": dataclasses.asdict(task.model),
        "loss": dataclasses.asdict(task.loss_config),
    }


def _video_class_names(sources):
    """What a classifier of whole videos may call the actions, by class id; [] where the network names them itself."""
    names = sources.truth_classes
    if len(sources.class_names) > 1 or len(names) < 2:
        return []
    return _numbered(names, max(names) + 1)


def _numbered(names, num_classes):
    """Names of the classes 0 to num_classes - 1, from a dict by id; "class 7" where it has none."""
    return [names.get(number, f"class {number}") for number in range(num_classes)]


def _fingerprint(sources):
    """SHA-256 over the videos, how they lie in time, what is trained with and what is compared with."""
    return _digest(
        [pair for source in (sources.train, sources.test) for pair in _listed(source)] + _truth(sources.test)
    )


def _label_checksums(sources):
    """A checksum for every video of what `_fingerprint` is made of, and of its subset."""
    parts = {}
    for name, source in (("train", sources.train), ("test", sources.test)):
        pairs = list(_listed(source))
        for video, index in zip(source.video_ids, range(0, len(pairs), 2), strict=True):
            parts.setdefault(video, []).extend([(name, np.empty(0)), *pairs[index : index + 2]])
    for video, array in _truth(sources.test):
        parts.setdefault(video, []).append(("truth", array))
    return {video: _digest(found)[:16] for video, found in parts.items()}


def _listed(source):
    """Two pairs (text, array) for every video: how it lies in time with its segments, and its labels."""
    for index, video in enumerate(source.video_ids):
        segments, labels = source.segments(index)
        yield f"{video} {int(source.lengths[index])} {source.grids[index]}", segments
        yield video, labels


def _truth(source):
    """Two pairs (video, array) for every video of what is compared with: its segments and labels."""
    truth = source.truth
    return [(video, array[video]) for video in sorted(truth.labels) for array in (truth.segments, truth.labels)]


def _digest(pairs):
    parts = (f"{name}\n".encode() + np.ascontiguousarray(array).tobytes() for name, array in pairs)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _statistics(sources):
    """Text of statistics.txt: what the videos of each subset are like."""
    tables = []
    for name, source in (("train", sources.train), ("test", sources.test)):
        counts = [len(source.segments(index)[1]) for index in range(len(source))]
        lengths = np.concatenate([np.diff(source.segments(index)[0], axis=1)[:, 0] for index in range(len(source))])
        rows = {"videos": len(source), "segments": sum(counts)}
        for what, values in (("features per video", source.lengths), ("segments per video", counts),
                             ("segment length in grid units", lengths)):  # fmt: skip
            if len(values):
                least, middle, most = np.quantile(values, (0, 0.5, 1))
                rows[what] = f"{least:.1f} to {most:.1f}, median {middle:.1f}"
        tables.append(f"{name} videos\n" + "".join(f"  {key:<30}{value}\n" for key, value in rows.items()))
    return "\n".join(tables)


def _describe(config, derived, sources, padding):
    videos = ", ".join(count(number, f"{name} video") for name, number in derived["num_videos"].items())
    segments = sum(len(sources.train.segments(index)[1]) for index in range(len(sources.train)))
    longer = int(np.sum(sources.train.lengths > config.data.max_frames))
    are = verb(longer, "are")
    cut = f"; {count(longer, 'training video')} {are} longer than that and {are} cut" if longer else ""
    classes, channels = count(derived["class_names"], "class"), count(derived["feature_dim"], "channel")
    yield (
        f"{config.data.dataset}: {videos}, {classes}, {channels}; "
        f"padded to {count(config.data.max_frames, 'feature')}{cut}"
    )
    if len(padding.batches) > 1:
        listed = ", ".join(map(str, padding.batches))
        yield (
            f"what lies far behind the end of a video changes no number and is not computed: lengths {listed} "
            f"({100 * padding.waste:.0f} % of the features computed in training are padding)"
        )
    yield f"{count(segments, 'segment')} to train with; see statistics.txt"


def _how_scored(thresholds, protocol):
    named = "; classes come from the scores of another system" if protocol.class_scores else ""
    lost = len(protocol.truth) - len(protocol.times)
    missing = f"; {count(lost, 'video')} without features {verb(lost, 'count')} as missed" if lost else ""
    listed = ", ".join(f"{value:g}" for value in thresholds)
    return (
        f"tIoU {listed}; {count(protocol.class_names, 'class')}{named}{missing}",
        *localization_tables.how_scored(protocol.metric),
    )
