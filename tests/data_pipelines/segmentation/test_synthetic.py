"""The synthetic data set: deterministic, within its announced shape, hard for single frames, solvable in context."""

import dataclasses
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_collections import ConfigDict

from data_pipelines.core import settings as core_settings
from data_pipelines.segmentation import recipes
from data_pipelines.segmentation.config import SyntheticSegmentationConfig
from data_pipelines.segmentation.synthetic import SyntheticSource, make_world
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError
from tests.data_pipelines.frame_baseline import linear_scores, oracle_accuracy

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)
SMALL = SyntheticSegmentationConfig(num_train_videos=40, num_test_videos=12)


@st.composite
def specs(draw):
    pairs, activities = draw(st.integers(0, 5)), draw(st.integers(2, 6))
    return SyntheticSegmentationConfig(
        num_train_videos=4,
        num_test_videos=3,
        num_confusable_pairs=pairs,
        num_activities=activities,
        num_classes=1 + 2 * pairs + activities + draw(st.integers(0, 12)),
        feature_dim=draw(st.integers(2, 30)),
        mean_length=draw(st.integers(20, 120)),
        transition_frames=draw(st.integers(1, 6)),
    )


@EXAMPLES
@given(specs(), st.sampled_from(["train", "test"]), st.integers(0, 5))
def test_videos_have_the_announced_form(spec, split, seed):
    source = SyntheticSource(spec, split, seed)
    assert len(source) == len(source.video_ids) == (4 if split == "train" else 3)
    assert len(set(source.video_ids)) == len(source)
    assert len(set(source.class_names)) == len(source.class_names) == spec.num_classes
    assert source.class_names[0] == "background"
    for index in range(len(source)):
        video = source[index]
        assert video.video_id == source.video_ids[index]
        assert video.features.shape == (source.lengths[index], spec.feature_dim)
        assert video.features.dtype == np.float32
        assert np.isfinite(video.features).all()
        assert video.labels.dtype == np.int32
        assert video.labels.min() >= 0 and video.labels.max() < spec.num_classes
        np.testing.assert_array_equal(video.labels, source.labels(index))
        np.testing.assert_array_equal(video.full_labels, source.full_labels(index))
        _, starts, ends = frames_to_segments(video.labels)
        assert (ends - starts).min() > spec.transition_frames


@EXAMPLES
@given(specs(), st.integers(0, 5))
def test_recipes_tell_look_alikes_apart(spec, seed):
    activities = make_world(spec, seed).activities
    pairs = recipes.look_alike_pairs(spec.num_confusable_pairs)
    assert {step for activity in activities for step in activity.steps} == set(range(1, spec.num_classes))
    assert len({frozenset(a.steps) - {c for pair in pairs for c in pair} for a in activities}) == len(activities)
    rng = np.random.default_rng(seed)
    for activity in activities * 4:
        steps = recipes.sample_steps(rng, activity, optional_rate=0.5, repeat_rate=0.5, swap_rate=0.5)
        assert all(first != second for first, second in zip(steps, steps[1:], strict=False))
        for number, (first, second) in enumerate(pairs):
            if number % 2:
                assert (first in steps) != (second in steps)
            else:
                assert (first in steps) == (second in steps)
                assert steps.count(first) <= 1 and (first not in steps or steps.index(first) < steps.index(second))


def test_a_video_depends_on_seed_split_and_index_only():
    source = SyntheticSource(SMALL, "train", 3)
    forward = [source[index] for index in range(5)]
    fewer = SyntheticSource(dataclasses.replace(SMALL, num_train_videos=5, num_test_videos=1), "train", 3)
    for index in reversed(range(5)):
        again = fewer[index]
        np.testing.assert_array_equal(again.features, forward[index].features)
        np.testing.assert_array_equal(again.labels, forward[index].labels)
    others = [SyntheticSource(SMALL, "test", 3)[0], SyntheticSource(SMALL, "train", 4)[0], source[1]]
    for other in others:
        assert not np.array_equal(other.features[:20], forward[0].features[:20])


def test_splits_share_their_world():
    train, test = (SyntheticSource(SMALL, split, 7) for split in ("train", "test"))
    assert train.class_names == test.class_names
    assert train.world.activities == test.world.activities
    np.testing.assert_array_equal(train.world.prototypes, test.world.prototypes)


def test_prototypes_are_unit_vectors_and_pairs_nearly_coincide():
    prototypes = make_world(SMALL, 1).prototypes
    np.testing.assert_allclose(np.linalg.norm(prototypes, axis=1), 1.0, atol=1e-12)
    distances = np.linalg.norm(prototypes[:, None] - prototypes[None], axis=2) + 9 * np.eye(len(prototypes))
    for first, second in recipes.look_alike_pairs(SMALL.num_confusable_pairs):
        assert distances[first, second] == pytest.approx(SMALL.confusable_distance)
        distances[first, second] = distances[second, first] = 9
    assert distances.min() > 1.3


def test_noise_and_transitions_are_as_specified():
    spec = dataclasses.replace(SMALL, noise=0.0, video_offset=0.0, transition_frames=4)
    source = SyntheticSource(spec, "train", 0)
    video, prototypes = source[0], source.world.prototypes
    _, starts, ends = frames_to_segments(video.labels)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        inside = slice(start + 2 if number else 0, end - 2 if end < len(video.labels) else end)
        exact = np.broadcast_to(prototypes[video.labels[start]], video.features[inside].shape)
        np.testing.assert_allclose(video.features[inside], exact, atol=1e-6)
    noisy = SyntheticSource(dataclasses.replace(spec, noise=0.35, noise_correlation=0.6), "train", 0)
    noise = np.concatenate([noisy[index].features - source[index].features for index in range(20)])
    assert noise.std() == pytest.approx(0.35, rel=0.02)
    assert np.mean(noise[1:] * noise[:-1]) / noise.var() == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize(
    ("spec", "seed", "expected"),
    [
        (SyntheticSegmentationConfig(), 0, "28292968a72b43fc6cd5fdd68c671b1564134e5c224e4040c86a3d8afbf5dd3e"),
        (
            SyntheticSegmentationConfig(num_classes=40, feature_dim=20, num_confusable_pairs=9, num_activities=6),
            3,
            "2a8042e5b705a0ea024933a4daaade4652ae7a7b3e77bff1c86a60eba4ae48cf",
        ),
    ],
)
def test_the_videos_are_those_of_every_release(spec, seed, expected):
    """Results in fact_jax/benchmark/history are measured on these videos; the digest is that of commit a8aa30a."""
    digest = hashlib.sha256()
    for split in ("train", "test"):
        source = SyntheticSource(spec, split, seed)
        digest.update(repr(source.class_names).encode())
        for video in (source[index] for index in range(3)):
            digest.update(video.labels.tobytes())
            digest.update(video.features.tobytes())
    assert digest.hexdigest() == expected


@EXAMPLES
@given(specs(), st.integers(0, 5))
def test_verb_noun_classes(spec, seed):
    spec = dataclasses.replace(spec, verb_noun=True)
    source = SyntheticSource(spec, "test", seed)
    pairs, world = source.verb_nouns, source.world
    assert len(set(source.class_names)) == spec.num_classes and source.class_names[0] == "background,background"
    assert source.class_names == tuple(
        f"{pairs.verbs[v]},{pairs.nouns[n]}" for v, n in zip(pairs.verb_of_action, pairs.noun_of_action, strict=True)
    )
    assert set(pairs.verb_of_action) == set(range(len(pairs.verbs)))
    assert set(pairs.noun_of_action) == set(range(len(pairs.nouns)))
    np.testing.assert_allclose(np.linalg.norm(world.prototypes, axis=1), 1.0, atol=1e-12)
    plain = make_world(dataclasses.replace(spec, verb_noun=False), seed)
    assert plain.activities == world.activities and plain.verb_nouns is None


def test_verbs_and_nouns_can_be_learnt_apart():
    """By default most classes share a part with another, and classes with a common part look alike, by that part."""
    world = make_world(SyntheticSegmentationConfig(verb_noun=True), 0)
    pairs = world.verb_nouns
    verbs, nouns = np.array(pairs.verb_of_action[1:]), np.array(pairs.noun_of_action[1:])
    same_verb, same_noun = (ids[:, None] == ids[None] for ids in (verbs, nouns))
    assert np.mean(same_verb.sum(axis=1) > 1) > 0.5 and np.mean(same_noun.sum(axis=1) > 1) > 0.8
    distances = np.linalg.norm(world.prototypes[1:, None] - world.prototypes[None, 1:], axis=2)
    paired = np.kron(np.eye(6), np.ones((2, 2), bool)) > 0
    paired[6:, 6:] = np.eye(6) > 0
    np.testing.assert_allclose(distances[[0, 2, 4], [1, 3, 5]], 0.1)
    one_common = (same_verb ^ same_noun) & ~paired
    assert 0.9 < distances[one_common].min() and distances[one_common].max() < 1.25
    assert distances[~(same_verb | same_noun | paired)].min() > 1.15


def check_difficulty(spec, seed):
    train, test = SyntheticSource(spec, "train", seed), SyntheticSource(spec, "test", seed)
    accuracy, f1 = linear_scores(train, test)
    assert 60 < accuracy < 75
    assert f1 < 40
    ambiguous = {c for pair in recipes.look_alike_pairs(spec.num_confusable_pairs) for c in pair}
    assert oracle_accuracy(test, ambiguous) > 95
    assert oracle_accuracy(test, set(range(spec.num_classes)) - ambiguous) < 90


def test_single_frames_do_not_suffice():
    check_difficulty(SMALL, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_single_frames_do_not_suffice_at_full_size(seed):
    check_difficulty(SyntheticSegmentationConfig(), seed)


def test_any_mapping_gives_a_specification():
    for mapping in ({"noise": 0.1}, ConfigDict({"noise": 0.1})):
        assert core_settings.parse(SyntheticSegmentationConfig, mapping, "") == SyntheticSegmentationConfig(noise=0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_class": 20}, "no setting 'num_class'. Did you mean 'num_classes'"),
        ({"num_classes": 10}, "num_classes is 10, expected 11 or more"),
        ({"noise_correlation": 1.0, "num_test_videos": 0}, "num_test_videos is 0.*noise_correlation is 1.0"),
        ({"swap_rate": 1.5}, r"swap_rate is 1.5, expected in \[0, 1\]"),
    ],
)
def test_bad_settings_are_user_errors(values, message):
    with pytest.raises(UserError, match=message):
        core_settings.parse(SyntheticSegmentationConfig, values, "The synthetic data set")


def test_unknown_split_and_negative_seed_are_user_errors():
    with pytest.raises(UserError, match="Did you mean 'train'"):
        SyntheticSource(SMALL, "trian", 0)
    with pytest.raises(UserError, match="seed of the synthetic data set is -1"):
        SyntheticSource(SMALL, "train", -1)
