"""Where the rows of a feature file lie in time: what VIDEO.json holds, says and refuses."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.core.feature_times import EXACT, FeatureTimes, has_times, times_path
from fact_jax.types import UserError

_GAPS = st.lists(st.floats(0.01, 5.0), min_size=1, max_size=30)


def _times(centres, duration=None, start=0.0, edges=None):
    video = {"file": "a.mp4", "start": start, "duration": duration if duration is not None else centres[-1] + 1.0}
    return FeatureTimes.of_centres(centres, dim=4, video=video, window=0.5, made_by={}, edges=edges)


@given(_GAPS, st.floats(0, 100))
def test_every_row_holds_its_centre_and_its_first_edge(gaps, start):
    centres = start + np.cumsum(gaps)
    times = _times(centres, start=start)
    np.testing.assert_allclose(times.times, centres, rtol=0, atol=EXACT)
    rows = np.arange(len(centres))
    np.testing.assert_array_equal(times.rows_of(times.times), rows)
    np.testing.assert_array_equal(times.rows_of(times.edges[:-1]), rows)
    np.testing.assert_array_equal(times.rows_of(times.edges[1:] - 0.001), rows)
    assert times.rows_of(start - 1) == 0
    assert times.rows_of(times.duration + 1) == len(rows) - 1
    assert times.edges[0] == start
    assert times.edges[-1] == times.duration


@given(_GAPS, st.booleans())
def test_what_is_written_is_read(tmp_path_factory, gaps, single_frames):
    path = tmp_path_factory.mktemp("times") / "a.npy"
    edges = np.concatenate([[0.0], np.cumsum(gaps)])
    centres = (edges[1:] + edges[:-1]) / 2
    times = _times(centres, edges[-1], edges=edges if single_frames else None)
    times.write(path)
    again = FeatureTimes.read(path)
    assert has_times(path)
    np.testing.assert_array_equal(again.times, times.times)
    np.testing.assert_array_equal(again.edges, times.edges)
    assert (again.rows, again.dim, again.video, again.window) == (times.rows, 4, times.video, 0.5)
    if single_frames:
        np.testing.assert_allclose(again.edges, edges, rtol=0, atol=EXACT)
        np.testing.assert_array_equal(again.rows_of(edges[:-1]), np.arange(len(gaps)))


def test_even_rows_have_a_stride_and_no_list(tmp_path):
    times = _times(0.25 + 0.5 * np.arange(100_000))
    assert times.stride == pytest.approx(0.5, abs=1e-12)
    times.write(tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["times"] is None
    assert "edges" not in content
    assert (tmp_path / "a.json").stat().st_size < 400


def test_a_second_rounded_to_microseconds_is_the_edge():
    times = _times((np.arange(300) + 0.5) / 29.97)
    written = np.floor(times.edges[:-1] * 1e6) / 1e6
    np.testing.assert_array_equal(times.rows_of(written), np.arange(300))


def test_one_row_is_the_whole_video():
    times = _times(np.array([2.0]), 4.0)
    assert times.stride is None
    np.testing.assert_array_equal(times.edges, [0.0, 4.0])


def test_the_path_of_features_is_that_of_their_times():
    assert times_path("x/a.b.npy").name == "a.b.json"
    assert times_path("x/a.json").name == "a.json"


_SOUND = {
    "version": 1,
    "rows": 3,
    "dim": 2,
    "video": {"duration": 3.0},
    "stride": 1.0,
    "window": 1.0,
    "first_time": 0.5,
    "times": None,
    "made_by": {},
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version '2'"),
        ({"rows": 0}, "rows is '0'"),
        ({"stride": 0.0}, "stride is '0.0'"),
        ({"stride": None}, "neither stride nor times"),
        ({"times": [1.0, 2.0]}, "2 times for 3 rows"),
        ({"times": [1.0, 2.0, 2.0]}, "times do not rise"),
        ({"edges": [1.0, 2.0, 3.0]}, "3 edges for 3 rows; expected 4"),
        ({"times": ["1", 2, 3]}, "no list of seconds"),
        ({"video": {}}, "video.duration is 'None'"),
        ({"video": {"duration": 3.0, "start": -1}}, "video.start is '-1'"),
        ({"video": {"duration": 3.0, "fps": -25, "frames": "75"}}, "video.fps is '-25'; expected a number more than 0"),
        ({"video": {"duration": 3.0, "frames": "75"}}, "video.frames is '75'; expected a whole number more than 0"),
        ({"video": {"duration": 0.0}}, "s, of a video from 0 to 0 s"),
        ({"first_time": 1000.0}, "rows from 1000 to "),
        ({"first_time": -100.0}, "rows from -100 to "),
        ({"stride": 100.0}, "s, of a video from 0 to 3 s (video.start, video.duration)"),
        ({"window": -1}, "window is '-1'"),
        ({"made_by": None}, "made_by is no object"),
    ],
)
def test_faults_are_named_with_the_file_and_what_to_do(tmp_path, changes, words):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(_SOUND | changes))
    with pytest.raises(UserError) as error:
        FeatureTimes.read(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)
    assert "extract the features again" in str(error.value)


def test_missing_entries_and_files_are_named(tmp_path):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"version": 1}))
    with pytest.raises(UserError, match="no 'rows', 'dim', 'video'"):
        FeatureTimes.read(path)
    with pytest.raises(UserError, match="file is missing"):
        FeatureTimes.read(tmp_path / "other.npy")
    path.write_text("[1]")
    with pytest.raises(UserError, match="holds a list"):
        FeatureTimes.read(path)


def test_rows_have_to_rise():
    with pytest.raises(ValueError, match="that rise"):
        _times(np.array([1.0, 1.0]))
