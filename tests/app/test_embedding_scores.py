"""Which videos an evaluation of embeddings reads, fits linear models to and scores."""

import dataclasses

import ml_collections
import numpy as np
import pytest

from data_pipelines.representation.config import RepresentationDataConfig, SyntheticActionsConfig
from data_pipelines.representation.opening import open_representation
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.views import AugmentationConfig
from fact_jax.app.runs import embedding_scores
from fact_jax.metrics.linear_probe import LinearProbeConfig

OPTIONS = {"batch_size": 2, "num_rows": 2}
DATA = {
    "reader": "synthetic",
    "clip": ClipConfig(num_frames=4),
    "augmentation": AugmentationConfig(size=16, evaluation_crop="whole"),
    "synthetic": SyntheticActionsConfig(3, 2, 16, 9, 12, 3),
}


@pytest.fixture(scope="module")
def sources():
    return open_representation(RepresentationDataConfig(**DATA))


@pytest.fixture
def config():
    evaluation = {"tasks": ("tau",), "fractions": (1.0,), "stride": 1, "retrieval_sizes": (1,), "max_timelines": 0}
    evaluation |= {"frames_per_chunk": 4, "frame_stride": 2, "tau_distance": "sqeuclidean"}
    evaluation["probe"] = dataclasses.asdict(LinearProbeConfig())
    data = dataclasses.asdict(RepresentationDataConfig(**DATA))
    return ml_collections.ConfigDict({"data": data, "eval": evaluation, "seed": 0})


def embed_times(evaluator):
    """The evaluation whose embeddings are the numbers of the frames and of the video."""
    evaluation = evaluator.start()
    for subset, batches in evaluator.sets.items():
        for batch in batches:
            steps = batch.arrays["start"][:, None] + np.arange(batch.arrays["mask"].shape[1])
            found = np.stack([steps, np.broadcast_to(batch.arrays["video"][:, None], steps.shape)], axis=-1)
            evaluation.add(dataclasses.replace(batch, subset=subset), {"embeddings": found.astype(np.float32)})
    return evaluation


def test_every_frame_of_both_sets_is_embedded_once(config, sources):
    evaluator = embedding_scores.evaluator(config, sources, OPTIONS, every=5)
    assert (evaluator.name, evaluator.num_videos, evaluator.every) == ("test", 2, 5)
    assert {name: batches.num_videos for name, batches in evaluator.sets.items()} == {"train": 3, "test": 2}
    evaluation = embed_times(evaluator)
    for subset, entries in (("train", sources.fit), ("test", sources.test)):
        for entry, video in zip(entries, evaluation.videos(subset), strict=True):
            assert video.video_id == entry.video_id and video.video is entry.video
            assert video.steps.tolist() == list(range(0, len(entry.video), 2))
            np.testing.assert_array_equal(video.embeddings[:, 0], np.arange(len(video.steps)))
            np.testing.assert_array_equal(video.labels, entry.labels[video.steps])
    assert evaluation.metrics()["Tau"] == 1.0


def test_other_videos_are_scored_with_the_same_linear_models(config, sources):
    others = embedding_scores.other_videos(config, sources, OPTIONS)
    assert {subset: len(videos) for subset, videos in others.subsets.items()} == {"train": 3, "test": 2}
    first, last = others.subsets["train"][0], others.subsets["test"][-1]
    opened = others.open("videos", {"train": [first], "test": [last]})
    assert (opened.evaluator.name, opened.evaluator.num_videos) == ("videos", 2)
    assert opened.lines == (
        "1 video is among those that linear models are fitted to: how well they are told apart says nothing of new "
        "videos",
    )
    evaluation = embed_times(opened.evaluator)
    assert [video.video_id for video in evaluation.videos("test")] == [first, last]
    assert [video.video_id for video in evaluation.videos("train")] == list(others.subsets["train"])
    assert not others.open("test", {"test": others.subsets["test"]}).lines
    assert opened.num_programs == embedding_scores.num_programs(opened.evaluator) >= 1


def test_the_protocol_in_words(config, sources):
    first, *sentences = embedding_scores.how_scored(config, sources)
    assert first == "every 2nd frame is embedded; linear models are fitted to 3 videos"
    assert [sentence.split(":")[0] for sentence in sentences][:1] == ["Tau"]
