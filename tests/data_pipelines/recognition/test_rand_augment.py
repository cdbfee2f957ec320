"""Recipes of RandAugment: what they say, what cannot be, and what is drawn."""

import collections
import dataclasses

import numpy as np
import pytest

from data_pipelines.recognition.rand_augment import OPERATIONS, Recipe, draw_changes, parse
from fact_jax.types import UserError

PUBLISHED = Recipe(level=7.0, num_operations=4, deviation=0.5, increasing=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rand-m7-n4-mstd0.5-inc1", PUBLISHED),
        ("rand-inc1-mstd.5-n4-m7.0", PUBLISHED),
        ("rand", Recipe(10.0, 2, 0.0, False, False)),
        ("rand-m9-w0", Recipe(9.0, 2, 0.0, False, True)),
    ],
)
def test_a_recipe_says(text, wanted):
    assert parse(text, "it") == wanted


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("augmix-m7", ["begins with 'augmix'"]),
        ("rand-m11", ["'m11': expected a level of 0 to 10"]),
        ("rand-m7-m8", ["'m' is there twice"]),
        ("rand-n0", ["'n0'"]),
        ("rand-n2.5", ["'n2.5'"]),
        ("rand-inc0", ["'inc0': expected 1"]),
        ("rand-inc1-w0", ["leave out"]),
        ("rand-n14-w0", ["13 at most"]),
        ("rand-mstb0.5-q", ["'mstb0.5' is unknown, did you mean 'mstd'", "'q' is unknown"]),
        ("rand--m7", ["'' is unknown"]),
        ("rand-mstd1.2.3", ["'mstd1.2.3'"]),
    ],
)
def test_a_recipe_that_cannot_be(text, wrong):
    with pytest.raises(UserError) as error:
        parse(text, "config.data.augmentation.rand_augment")
    message = str(error.value)
    assert message.startswith(f"config.data.augmentation.rand_augment is {text!r}") and "rand-m7-n4" in message
    assert all(part in message for part in wrong), message


def drawn(recipe, count=3000):
    rng = np.random.default_rng(0)
    return [draw_changes(recipe, rng) for _ in range(count)]


def values_by_name(clips):
    found = collections.defaultdict(set)
    for changes in clips:
        for change in changes:
            found[change.name].add(change.value)
    return found


def test_every_operation_is_drawn_alike_and_done_half_the_time():
    clips = drawn(PUBLISHED)
    lengths = np.bincount([len(changes) for changes in clips], minlength=5) / len(clips)
    np.testing.assert_allclose(lengths, np.array([1, 4, 6, 4, 1]) / 16, atol=0.03)
    counts = collections.Counter(change.name for changes in clips for change in changes)
    assert sorted(counts) == sorted(OPERATIONS)
    np.testing.assert_allclose(np.array(list(counts.values())) / (2 * len(clips)), 1 / 15, atol=0.02)


def test_values_at_a_level_without_deviation():
    half = values_by_name(drawn(Recipe(5.0, 4, 0.0, True)))
    assert half["Rotate"] == {-15.0, 15.0} and half["ShearX"] == half["ShearY"] == {-0.15, 0.15}
    assert half["TranslateXRel"] == half["TranslateYRel"] == {-0.225, 0.225}
    assert half["Posterize"] == {2} and half["Solarize"] == {128} and half["SolarizeAdd"] == {55}
    assert half["Color"] == half["Contrast"] == half["Brightness"] == half["Sharpness"] == {0.55, 1.45}
    assert half["AutoContrast"] == half["Equalize"] == half["Invert"] == {0}
    most = values_by_name(drawn(Recipe(10.0, 4, 0.0, True)))
    assert most["Posterize"] == {0} and most["Solarize"] == {0} and most["SolarizeAdd"] == {110}
    plain = values_by_name(drawn(Recipe(10.0, 4, 0.0, False)))
    assert plain["Posterize"] == {4} and plain["Solarize"] == {256} and plain["Color"] == {1.8 + 0.1}


def test_levels_scatter_and_stay_in_their_range():
    found = values_by_name(drawn(PUBLISHED))
    degrees = np.array(sorted(found["Rotate"]))
    np.testing.assert_allclose([np.abs(degrees).mean(), np.abs(degrees).std()], [21.0, 1.5], atol=0.2)
    wide = values_by_name(drawn(dataclasses.replace(PUBLISHED, deviation=9.0)))
    assert min(wide["Rotate"]) == -30.0 and max(wide["Rotate"]) == 30.0 and 0.0 in wide["Rotate"]


def test_weights_draw_no_operation_twice_and_some_never():
    clips = drawn(Recipe(7.0, 4, 0.5, False, True))
    assert all(len({change.name for change in changes}) == len(changes) for changes in clips)
    counts = collections.Counter(change.name for changes in clips for change in changes)
    assert set(OPERATIONS) - set(counts) == {"Invert", "Posterize"}
    assert counts["Rotate"] == max(counts.values()) > 10 * counts["Equalize"]


def test_a_seed_gives_the_same_changes():
    one, other = (draw_changes(PUBLISHED, np.random.default_rng([7, 3, 1])) for _ in range(2))
    assert one == other
