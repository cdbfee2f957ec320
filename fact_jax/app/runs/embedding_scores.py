"""Evaluations of representation runs: the videos that linear models are fitted to, and those that are scored."""

from data_pipelines.core.mapped import EvalBatches
from data_pipelines.core.wording import count, verb
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.source import EvaluationChunks
from fact_jax.app.runs.base import OtherEvaluation, OtherVideos
from fact_jax.reporting.representation import tables
from fact_jax.tasks.representation.evaluation import (
    KnownVideo,
    RepresentationEvaluation,
    RepresentationProtocol,
    metric_of,
)
from fact_jax.training.evaluator import Evaluator

_MOST_PADDED = 1.25  # times its longest chunk, to which a set may be padded
FITTED, SCORED = "train", "test"  # sets of an evaluation: linear models are fitted to one, tested on the other


def evaluator(config, sources, options, every=0) -> Evaluator:
    """The evaluation of the test videos of RepresentationSources, every so many steps.

    `options` are those of `data_pipelines.core.mapped.EvalBatches`.
    """
    return _evaluator(SCORED, config, sources, sources.test, options, every)


def other_videos(config, sources, options) -> OtherVideos:
    """Both subsets of the evaluated dataset; linear models are fitted to the same videos whatever is scored."""
    of_subset = {FITTED: sources.fit, SCORED: sources.test}

    def open_videos(name, wanted):
        chosen, lines = (), ()
        for subset, videos in wanted.items():
            names = set(videos)
            chosen += tuple(entry for entry in of_subset[subset] if entry.video_id in names)
        if trained := wanted.get(FITTED, ()):
            which = f"{count(trained, 'video')} {verb(trained, 'are')} among those that linear models are fitted to"
            lines = (f"{which}: how well they are told apart says nothing of new videos",)
        found = _evaluator(name, config, sources, chosen, options)
        return OtherEvaluation(found, num_programs(found), how_scored(config, sources), lines)

    names = {subset: tuple(entry.video_id for entry in entries) for subset, entries in of_subset.items()}
    files = {entry.video_id: str(entry.video.path) for entry in sources.fit}
    others = {entry.video_id: str(entry.video.path) for entry in sources.test}
    unlike = {name for name in files.keys() & others.keys() if files[name] != others[name]}
    return OtherVideos(names, open_videos, unlike)


def num_programs(found: Evaluator) -> int:
    """Lengths of chunks of an evaluation, a compiled program each."""
    return len({length for batches in found.sets.values() for length in batches.buckets})


def how_scored(config, sources) -> tuple[str, ...]:
    """Sentences about the scores, see `Parts.how_scored`."""
    metric, fitted = metric_of(config, sources.groups, sources.phases), count(sources.fit, "video")
    return tables.how_scored(metric, config.eval.frame_stride, fitted)


def protocol_of(config, sources, scored) -> RepresentationProtocol:
    """The RepresentationProtocol of PhasedVideos that are scored, in a run with this config."""
    videos = {FITTED: tuple(map(_known, sources.fit)), SCORED: tuple(map(_known, scored))}
    names = config.data.dataset, sources.phases
    shown = config.eval.frame_stride, config.eval.max_timelines
    return RepresentationProtocol(metric_of(config, sources.groups, sources.phases), *names, videos, *shown)


def _known(entry):
    return KnownVideo(entry.video_id, len(entry.video), entry.labels, entry.group, entry.video)


def _evaluator(name, config, sources, scored, options, every=0):
    read = {FITTED: sources.fit, SCORED: scored}
    # One program for both sets, unless it would compute much padding.
    lengths = {subset: _chunks(config, entries).shapes["mask"][0][0] for subset, entries in read.items()}
    longest = max(lengths.values())
    least = {subset: longest if longest <= _MOST_PADDED * length else 1 for subset, length in lengths.items()}
    sets = {subset: EvalBatches(_chunks(config, read[subset], least[subset]), **options) for subset in read}
    protocol = protocol_of(config, sources, scored)
    return Evaluator(name, sets, lambda: RepresentationEvaluation(protocol), every, scored=(SCORED,))


def _chunks(config, entries, least=1):
    data = RepresentationDataConfig.parse(config.data)
    return EvaluationChunks(entries, data, config.eval.frames_per_chunk, config.eval.frame_stride, least)
