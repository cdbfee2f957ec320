"""From chunks to whole videos and scores."""

import dataclasses
import math

import ml_collections
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics.linear_probe import LinearProbeConfig
from fact_jax.metrics.representation import RepresentationMetric
from fact_jax.tasks.representation.evaluation import KnownVideo, metric_of
from tests.tasks.representation import drawn


def test_frames_of_equal_phases_that_lie_together_have_the_best_scores():
    protocol = drawn.make_protocol()
    scores = drawn.evaluate(protocol, drawn.all_chunks(protocol)).metrics()
    assert tuple(scores) == protocol.metric.names()
    assert scores["Classification@1"] == 100.0 and scores["AP@1"] > 95
    assert scores["Tau"] > 0.95


def test_tau_of_a_video_that_runs_backwards():
    """Two videos with the time of each frame as its embedding, one of them backwards."""
    videos = {"train": (), "test": (KnownVideo("a", 6), KnownVideo("b", 6))}
    protocol = drawn.make_protocol(videos=videos)
    time = np.arange(6, dtype=np.float32)[:, None]
    assert drawn.evaluate(protocol, drawn.chunks_of(protocol, "test", [time, time])).metrics()["Tau"] == 1.0
    assert drawn.evaluate(protocol, drawn.chunks_of(protocol, "test", [time, time[::-1]])).metrics()["Tau"] == -1.0


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 9), st.integers(1, 3))
def test_the_order_and_the_size_of_chunks_change_nothing(random, size, stride):
    metric = RepresentationMetric((3, 2), ("progress", "tau", "retrieval"))
    protocol = drawn.make_protocol((3, 2), 2, 2, length=8, stride=stride, metric=metric)
    expected = drawn.evaluate(protocol, drawn.all_chunks(protocol, noise=0.3))
    chunks = drawn.all_chunks(protocol, size, noise=0.3)
    random.shuffle(chunks)
    found = drawn.evaluate(protocol, chunks)
    assert found.metrics() == expected.metrics() and found.means() == expected.means()
    for subset, videos in protocol.videos.items():
        for video, known in zip(found.videos(subset), videos, strict=True):
            np.testing.assert_array_equal(video.embeddings, drawn.embed(known, stride, noise=0.3))
            np.testing.assert_array_equal(video.labels, known.labels[video.steps])
            assert video.steps.tolist() == list(range(0, known.num_frames, stride))


@pytest.mark.parametrize("lost", [0, 5, -1])
def test_a_missing_chunk_is_no_silent_hole(lost):
    protocol = drawn.make_protocol()
    chunks = drawn.all_chunks(protocol)
    batch, _ = chunks.pop(lost)
    with pytest.raises(ValueError, match=f"1 {batch.subset} videos did not come.*{batch.video_ids[0]}"):
        drawn.evaluate(protocol, chunks).metrics()


def test_a_chunk_that_comes_twice_or_reaches_too_far_is_refused():
    protocol = drawn.make_protocol()
    chunks = drawn.all_chunks(protocol)
    with pytest.raises(ValueError, match="came twice"):
        drawn.evaluate(protocol, [*chunks, chunks[3]])
    batch, outputs = chunks[2]
    late = dataclasses.replace(batch, arrays=batch.arrays | {"start": np.array([17, 0])})
    with pytest.raises(ValueError, match="steps 17 to 22 of 20"):
        drawn.evaluate(protocol, [(late, outputs)])


def test_a_chunk_of_another_video_than_it_says_is_refused():
    protocol = drawn.make_protocol()
    batch, outputs = drawn.all_chunks(protocol)[0]
    wrong = dataclasses.replace(batch, arrays=batch.arrays | {"video": np.array([1, 0])})
    with pytest.raises(ValueError, match="'train0-0' says that it is of 'train0-1'"):
        drawn.evaluate(protocol, [(wrong, outputs)])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_not_scored(bad):
    protocol = drawn.make_protocol()
    chunks = drawn.all_chunks(protocol)
    chunks[-1][1]["embeddings"][0, 0, 1] = bad
    with pytest.raises(ValueError, match="'test0-2': embeddings that are not finite, from step 21"):
        drawn.evaluate(protocol, chunks)


def test_nothing_yet_has_the_same_names_and_no_numbers():
    scores = drawn.evaluate(drawn.make_protocol(), []).metrics()
    assert tuple(scores) == drawn.make_protocol().metric.names()
    assert all(math.isnan(value) for value in scores.values())


def test_scores_are_means_over_groups():
    tasks = ("progress", "tau", "retrieval")
    protocol = drawn.make_protocol((3, 4), metric=RepresentationMetric((3, 4), tasks))
    both = drawn.evaluate(protocol, drawn.all_chunks(protocol, noise=0.5))
    alone = []
    for number, count in enumerate((3, 4)):
        videos = {
            subset: tuple(dataclasses.replace(v, group=0) for v in known if v.group == number)
            for subset, known in protocol.videos.items()
        }
        one = drawn.make_protocol((count,), videos=videos, metric=RepresentationMetric((count,), tasks))
        alone.append(drawn.evaluate(one, drawn.all_chunks(one, noise=0.5)).metrics())
    for name, value in both.metrics().items():
        assert value == pytest.approx(np.mean([scores[name] for scores in alone]))
    rows = {(row["score"], row["over"]): row for row in both.means()}
    for name in both.protocol.metric.main_names():
        assert rows[name, "datasets"]["number"] == 2
        for number, scores in enumerate(alone):
            row = rows[f"{name} of action {number}", "videos"]
            assert (row["mean"], row["number"]) == (pytest.approx(scores[name]), 3)


def test_videos_without_labels_have_a_tau():
    protocol = drawn.make_protocol(labelled=False)
    scores = drawn.evaluate(protocol, drawn.all_chunks(protocol)).metrics()
    assert scores.pop("Tau") > 0.95
    assert all(math.isnan(value) for value in scores.values())


def test_embeddings_are_kept_once():
    protocol = drawn.make_protocol()
    evaluation = drawn.evaluate(protocol, drawn.all_chunks(protocol))
    for video in (*evaluation.videos("train"), *evaluation.videos("test")):
        kept = [one.embeddings for one in evaluation.state().videos if one.video_id == video.video_id]
        assert len(kept) == 1 and np.shares_memory(kept[0], video.embeddings)


def test_settings_of_a_config():
    options = {"tasks": ["tau"], "fractions": [1.0], "stride": 2, "retrieval_sizes": [3], "tau_distance": "cosine"}
    probe = {"learning_rate": 0.1, "epochs": 2, "videos_per_step": 3, "momentum": 0.5, "weight_decay": 0.0}
    config = ml_collections.ConfigDict({"eval": options | {"probe": probe}, "seed": 7})
    expected = RepresentationMetric((2,), ("tau",), (1.0,), 2, (3,), "cosine", LinearProbeConfig(**probe), 7, ("gym",))
    assert metric_of(config, ("gym",), (("up", "down"),)) == expected
