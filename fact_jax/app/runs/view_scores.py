"""Evaluations of recognition runs: one view of every test clip while training, several of them at its end."""

import numpy as np

from data_pipelines.core.mapped import EvalBatches
from data_pipelines.core.wording import count
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.source import EvaluationViews
from fact_jax.app.runs.base import OtherEvaluation, OtherVideos
from fact_jax.metrics.recognition import RecognitionMetric
from fact_jax.reporting.recognition import tables
from fact_jax.tasks.recognition.evaluation import RecognitionEvaluation, RecognitionProtocol
from fact_jax.training.evaluator import Evaluator

TEST, SINGLE_VIEW = "test", "single_view"  # evaluations of the test clips
# Names of scores, of one head and of two.
NAMES = (*RecognitionMetric(("label",), (1,)).names(), *RecognitionMetric(("noun", "verb"), (1, 1)).names())
_STRIP = 6  # frames of a clip in a picture


def evaluators(config, sources, options) -> tuple[Evaluator, ...]:
    """Those of a run with RecognitionSources: the test with all of its views waits for the end, where it has several.

    `options` are those of `data_pipelines.core.mapped.EvalBatches`.
    """
    every = config.train.eval_every
    if num_views(config) == 1:
        return (_evaluator(TEST, config, sources, {TEST: sources.test}, options, every),)
    return (
        _evaluator(TEST, config, sources, {TEST: sources.test}, options),
        _evaluator(SINGLE_VIEW, config, sources, {TEST: sources.test}, options, every, is_test=False),
    )


def num_views(config) -> int:
    """Views of a clip in the test."""
    return config.data.sampling.test_chunks * config.data.sampling.test_crops


def other_videos(config, sources, options) -> OtherVideos:
    """Both subsets, each with the views of the test."""
    clips = {"train": sources.train, "test": sources.test}

    def open_clips(name, wanted):
        chosen = {}
        for subset, videos in wanted.items():
            names = set(videos)
            chosen[subset] = tuple(clip for clip in clips[subset] if clip.clip_id in names)
        return OtherEvaluation(_evaluator(name, config, sources, chosen, options), 1, how_scored(config, sources))

    names = {subset: tuple(clip.clip_id for clip in found) for subset, found in clips.items()}
    return OtherVideos(names, open_clips, _unlike(sources))


def _unlike(sources):
    """Names that both lists have and whose clips are others: of another file, part or label."""
    trained = {clip.clip_id: _identity(clip) for clip in sources.train}
    return {clip.clip_id for clip in sources.test if trained.get(clip.clip_id, _identity(clip)) != _identity(clip)}


def _identity(clip):
    return str(clip.video.path), clip.start, clip.stop, clip.labels.tolist()


def how_scored(config, sources) -> tuple[str, ...]:
    """The protocol in a few words, then sentences about the scores; see `Parts.how_scored`."""
    sampling = config.data.sampling
    views = f"{count(sampling.test_chunks, 'choice')} of frames x {count(sampling.test_crops, 'crop')}"
    several = f"mean probabilities of {num_views(config)} views of a clip ({views})"
    single = f"Scores of {SINGLE_VIEW}, which choose the best checkpoint, are of the one view in the middle."
    told = (several, single) if num_views(config) > 1 else ("one view of a clip",)
    return (*told, *tables.how_scored(metric_of(sources.heads)))


def metric_of(heads) -> RecognitionMetric:
    """The RecognitionMetric of the heads of a dataset."""
    return RecognitionMetric(tuple(head.name for head in heads), tuple(len(head.class_names) for head in heads))


def _evaluator(name, config, sources, clips, options, every=0, is_test=True):
    data = RecognitionDataConfig.parse(config.data)
    sets = {s: EvalBatches(EvaluationViews(found, data, is_test=is_test), **options) for s, found in clips.items()}
    every_clip = {clip.clip_id: clip for found in clips.values() for clip in found}
    protocol = RecognitionProtocol(
        metric=metric_of(sources.heads),
        class_names=tuple(tuple(head.class_names) for head in sources.heads),
        dataset=config.data.dataset,
        max_timelines=config.eval.max_timelines,
        read_strip=lambda clip_id: _read_strip(every_clip[clip_id]),
    )
    return Evaluator(name, sets, lambda: RecognitionEvaluation(protocol), every)


def _read_strip(clip):
    """uint8 [n, H, W, 3]: frames of a LabelledClip, evenly over all of it."""
    places = np.linspace(0, clip.num_frames - 1, _STRIP).round().astype(np.int64)
    numbers, back = np.unique(clip.first + places, return_inverse=True)
    return np.asarray(clip.video.frames(numbers))[back]
