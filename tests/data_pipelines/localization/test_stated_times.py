"""Localization of features that say themselves where they lie in time, instead of stride, window and fps."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.localization.config import LocalizationDataConfig
from data_pipelines.localization.opening import open_localization
from fact_jax.ops.time_grid import GridRule, ListedGrid, TimeGrid
from fact_jax.types import UserError
from tests.data_pipelines.timed_features import VIDEOS, write_features


def write_folder(root, every=None, segment=(8.0, 9.0), fps=None):
    times = write_features(root / "features", every)
    database = {}
    for number, name in enumerate(VIDEOS):
        entry = {
            "subset": "training" if number < 2 else "validation",
            "annotations": [
                {"label": "jump", "label_id": 0, "segment": list(segment)},
                {"label": "run", "label_id": 1, "segment": [2.0, 4.0]},
            ],
        }
        database[name] = entry if fps is None else entry | {"fps": fps}
    (root / "annotations.json").write_text(json.dumps({"database": database}))
    return times


def opened(root, **changes):
    return open_localization(LocalizationDataConfig(dir=str(root), **changes))


@pytest.mark.parametrize("every", [None, 0.5])
def test_segments_lie_on_the_rows_of_their_seconds(tmp_path, every):
    times = write_folder(tmp_path, every)
    sources = opened(tmp_path)
    for source in (sources.train, sources.test):
        for place, name in enumerate(source.video_ids):
            grid, (segments, _) = source.grids[place], source.segments(place)
            assert isinstance(grid, ListedGrid)
            np.testing.assert_allclose(segments[0], grid.to_grid([8.0, 9.0]), rtol=0, atol=1e-6)
            np.testing.assert_allclose(grid.to_seconds(segments[0]), [8.0, 9.0], atol=1e-5)
            # The row that holds second 8.0 is the nearest one.
            row = int(times[name].rows_of(8.0))
            assert abs(segments[0][0] - row) <= 0.5 + 1e-5
            assert source.durations[place] == pytest.approx(times[name].duration)
    assert sources.is_timed
    assert not any("not read" in line or "fps" in line for line in sources.notes)


def test_even_features_lie_as_the_settings_would_say(tmp_path):
    write_folder(tmp_path, 0.5, fps=30.0)
    source = opened(tmp_path).train
    grid, plain = source.grids[source.video_ids.index("even")], TimeGrid(15.0, 15.0, 30.0)
    seconds = np.linspace(-1, 12, 50)
    np.testing.assert_allclose(grid.to_grid(seconds), plain.to_grid(seconds), atol=1e-5)
    np.testing.assert_allclose(grid.to_seconds(np.arange(20)), plain.to_seconds(np.arange(20)), atol=1e-5)
    assert grid.stride == pytest.approx(15.0)
    assert grid.offset == pytest.approx(plain.offset)


@given(
    st.lists(st.floats(0.05, 3.0), min_size=1, max_size=20),
    st.integers(1, 3),
    st.lists(st.floats(-5, 60), min_size=1, max_size=9),
)
def test_seconds_and_rows_turn_into_each_other(gaps, every, seconds):
    centres = 1.0 + np.cumsum(gaps)
    grid = GridRule(16, 32, sample_rate=every).listed(centres, 1.0, centres[-1] + 1.0, 30.0)
    np.testing.assert_allclose(grid.centres, centres[::every])
    np.testing.assert_allclose(grid.to_grid(grid.centres), np.arange(len(grid.centres)), atol=1e-4)
    np.testing.assert_allclose(grid.to_seconds(grid.to_grid(seconds)), seconds, atol=2e-3)
    assert (np.diff(grid.to_grid(np.sort(seconds))) >= -1e-5).all()
    clamped = grid.clamp_seconds(np.array([-99.0, 99.0]), 1e8)
    np.testing.assert_allclose(clamped, [1.0, centres[-1] + 1.0], atol=1e-5)


def test_stretched_features_keep_their_seconds():
    centres = 0.25 + 0.5 * np.arange(10)
    grid = GridRule(16, 32, resize_to=20).listed(centres, 0.0, 5.0, 30.0)
    np.testing.assert_allclose(grid.centres, 0.125 + 0.25 * np.arange(20))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"feature_stride": 8.0}, "config.data.feature_stride is 8, and even.json says 15, as those of 4 videos"),
        ({"window": 16.0}, "config.data.window is 16, and even.json says 60"),
        ({"fps": 25.0}, "config.data.fps is 25, and even.json says 30"),
    ],
)
def test_settings_that_contradict_the_features_are_named(tmp_path, changes, words):
    write_folder(tmp_path, 0.5)
    with pytest.raises(UserError) as error:
        opened(tmp_path, **changes)
    assert words in str(error.value)
    assert "leave the setting out" in str(error.value)


def test_settings_that_agree_are_no_problem(tmp_path):
    write_features(tmp_path / "features", 0.5, names=["even", "edited"])
    entry = {"annotations": [{"label": "jump", "label_id": 0, "segment": [1.0, 2.0]}]}
    database = {"even": entry | {"subset": "training"}, "edited": entry | {"subset": "validation"}}
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    assert opened(tmp_path, feature_stride=15.0, window=60.0, fps=30.0).is_timed


def test_a_prepared_copy_would_lose_them(tmp_path):
    write_folder(tmp_path, 0.5)
    with pytest.raises(UserError, match="set config.data.reader=files"):
        opened(tmp_path, reader="tfds")


def test_without_them_all_is_as_before(tmp_path):
    write_folder(tmp_path, 0.5, fps=30.0)
    for path in (tmp_path / "features").glob("*.json"):
        path.unlink()
    sources = opened(tmp_path, feature_stride=15.0, window=15.0)
    assert not sources.is_timed
    assert all(isinstance(grid, TimeGrid) for grid in sources.train.grids)
    assert dataclasses.asdict(sources.train.grids[0]) == {"stride": 15.0, "window": 15.0, "fps": 30.0}
