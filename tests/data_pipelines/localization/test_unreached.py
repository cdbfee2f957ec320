"""Segments that no point finds: as the assignment of the network's points, and in words."""

import dataclasses
import json

import numpy as np
import pytest

from data_pipelines.localization.opening import open_localization
from data_pipelines.localization.unreached import PointRules, is_reached, unreached_lines
from fact_jax.ops.points import assign, pyramid_points
from fact_jax.types import UserError
from tests.data_pipelines.localization.folders import entries, settings, write_folder

RULES = PointRules((1, 2, 4), ((0, 4), (4, 8), (8, 10000)), 1.5, any_start=False)


@pytest.mark.parametrize("radius", [None, 1.5])
def test_the_points_are_those_of_the_network(radius):
    rng = np.random.default_rng(0)
    starts, lengths = rng.uniform(-4, 34, 600), rng.exponential(3.0, 600)
    lengths[:200] = rng.uniform(0, 1.2, 200)
    segments = np.stack([starts, starts + lengths], 1).astype(np.float32)
    rules = dataclasses.replace(RULES, radius=radius)
    points = pyramid_points((32, 16, 8), rules.strides, rules.ranges)
    # Each in a video of its own, of which 30 of 32 features are no padding.
    found = assign(points, segments[:, None], np.zeros((600, 1), int), np.ones((600, 1), bool), 1, radius=radius)
    expected = (np.asarray(found.classes)[:, points.time < 30, 0] > 0).any(1)
    np.testing.assert_array_equal(is_reached(segments, 30, rules), expected)
    assert 0 < expected.sum() < 600


def test_a_start_anywhere_reaches_what_some_start_reaches():
    segments = np.array([[8.5, 9.4], [8.5, 9.6], [0.2, 12.0]])
    rules = dataclasses.replace(RULES, strides=(4,), ranges=((0, 10000),))
    assert is_reached(segments, 20, rules).tolist() == [False, False, True]
    assert is_reached(segments, 20, dataclasses.replace(rules, any_start=True)).tolist() == [True, True, True]


def test_segments_that_nothing_finds_are_told_by_class_with_a_stride_that_does(tmp_path):
    changed = entries()
    # A feature lies at (4 i + 4) / 30 s.
    grid = [(4 * i + 4) / 30 for i in range(20)]
    changed["a"]["annotations"] += [
        {"label": "jump", "label_id": 0, "segment": [grid[4] + 0.01, grid[4] + 0.11]},
        {"label": "run", "label_id": 1, "segment": [grid[6], grid[6]]},
        {"label": "run", "label_id": 1, "segment": [grid[19] + 0.1, grid[19] + 0.5]},
    ]
    (root := write_folder(tmp_path) / "annotations.json").write_text(json.dumps(changed))
    source = open_localization(settings(root.parent)).train
    short, outside = unreached_lines(source, RULES)
    assert short == (
        "2 of 7 training segments are too short for any point of the feature grid (one every 0.133 s), 0 to 0.1 s long "
        "(1 of length 0, which no stride finds); a feature every 2 video frames or fewer would reach all that have a "
        "length; they are never learned: jump 1 of 3, run 1 of 4"
    )
    assert outside.startswith("1 of 7 training segments lies before the first feature or behind the last one")
    narrow = dataclasses.replace(RULES, ranges=((0, 1), (1, 2), (2, 3)))
    with pytest.raises(UserError, match="No training segment can be learned:(?s:.*)4 of 7 .* the range of no level"):
        unreached_lines(source, narrow)
    assert unreached_lines(open_localization(settings(write_folder(tmp_path / "b"))).train, RULES) == ()
