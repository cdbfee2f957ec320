"""What the page is told: segments on frames, frame times in few characters, and nothing that ends its script."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fact_jax.reporting.review import content, write
from fact_jax.reporting.review.content import Review, ReviewedVideo, Track
from fact_jax.reporting.review.data import page_data
from fact_jax.reporting.review.evaluations import read_evaluation
from fact_jax.reporting.review.grids import FrameGrid, Media
from fact_jax.reporting.review.predictions import read_predictions
from tests.reporting import workdirs
from tests.reporting.elements import Elements
from tests.reporting.review import made

NASTY = ("background", "</script><b>x</b>", "Käse & ✂", 'q"', "=1+1")


def decoded(grid):
    """What the script makes of the times of a grid."""
    ticks = [grid["first"]]
    for gap, count in zip(grid["runs"][::2], grid["runs"][1::2], strict=True):
        for _ in range(count):
            ticks.append(ticks[-1] + gap)
    return np.array(ticks) * grid["unit"][0] / grid["unit"][1]


@given(st.lists(st.integers(1, 5000), max_size=40), st.integers(0, 90000), st.sampled_from([1, 1001]))
def test_times_come_back_exactly(gaps, first, numerator):
    pts = first + np.concatenate([[0], np.cumsum(gaps)]).astype(np.int64)
    grid = FrameGrid.of_ticks(pts, (numerator, 90000))
    np.testing.assert_array_equal(grid.times, pts * numerator / 90000)
    np.testing.assert_allclose(decoded(grid.encoded()), grid.times, rtol=0, atol=1e-9)
    assert grid.end > grid.times[-1]


def test_a_constant_rate_takes_no_room():
    assert FrameGrid.of_rate(324_000, 30.0).encoded()["runs"] == [1, 323_999]
    assert FrameGrid.of_rate(1, 25.0).encoded()["runs"] == []


@given(st.data())
def test_a_segment_holds_the_frames_whose_times_lie_in_it(data):
    count = data.draw(st.integers(2, 30))
    rows = data.draw(st.integers(1, 20))
    grid = FrameGrid.of_ticks(
        np.cumsum([0, *data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))]), (1, 10)
    )
    inner = data.draw(st.lists(st.floats(0.01, grid.end - 0.01), min_size=rows - 1, max_size=rows - 1, unique=True))
    edges = np.array([0.0, *sorted(inner), grid.end])
    cuts = sorted({0, rows, *data.draw(st.lists(st.integers(0, rows), max_size=5))})
    track = Track.of((0, start, end, 0.5) for start, end in zip(cuts, cuts[1:], strict=False))
    review = Review(
        title="t", class_names=("a",), background=(), videos=(ReviewedVideo(video_id="v", predicted=track, rows=rows),)
    )
    flat = page_data(review, {"v": Media(grid=grid, edges=edges)}, Path())["videos"][0]["predicted"]
    segments = list(zip(flat[1::4], flat[2::4], strict=True))
    assert segments[0][0] == 0 and segments[-1][1] == len(grid)
    assert all(before[1] == after[0] for before, after in zip(segments, segments[1:], strict=False))
    of_frame = np.clip(np.searchsorted(edges, grid.times + 1e-6, side="right") - 1, 0, rows - 1)
    expected = {int(np.searchsorted(cuts, row, side="right")) - 1 for row in of_frame}
    assert len(segments) == len(expected)


def test_the_page_holds_every_name_as_text(tmp_path):
    segments = [(place, place + 1, name, 0.5) for place, name in enumerate(NASTY)]
    made.write_record(tmp_path, "<video> & co", made.labelled("<video> & co", segments, 5, names=NASTY, fps=2.0))
    text = write.page_text(read_predictions(tmp_path), {}, tmp_path)
    elements = Elements(text)
    data = json.loads(elements.scripts[0])
    assert [one["name"] for one in data["classes"]] == list(NASTY) and len(elements.scripts) == 2
    assert data["videos"][0]["id"] == "<video> & co" and ("b", {}) not in elements.tags
    assert not [
        tag for tag, attributes in elements.tags if "src" in attributes or tag == "link" and "http" in str(attributes)
    ]


def test_rows_without_times_are_said_to_be_rows(tmp_path):
    made.write_record(tmp_path, "v", made.labelled("v", [(0, 3, "stir", 0.5)], 3))
    video = page_data(read_predictions(tmp_path), {}, tmp_path)["videos"][0]
    assert video["seconds"] is False and "nothing can be saved" in video["notes"][0] and video["src"] is None


def test_the_address_of_a_video_is_relative_and_quoted(tmp_path):
    made.write_record(tmp_path / "out", "a#b", made.labelled("a#b", [(0, 3, "stir", 0.5)], 3))
    media = {"a#b": Media(path=tmp_path / "my videos" / "a#b.mp4", grid=FrameGrid.of_rate(3, 25.0))}
    video = page_data(read_predictions(tmp_path / "out"), media, tmp_path / "out")["videos"][0]
    assert video["src"] == "../my%20videos/a%23b.mp4" and video["seconds"]


def test_an_evaluation_brings_the_ground_truth_and_a_prediction_its_confidence(tmp_path):
    truth = {"one": np.repeat([0, 1, 2], 10), "two": np.repeat([1, 0, 2], 10)}
    predicted = {name: np.roll(labels, 2) for name, labels in truth.items()}
    path = workdirs.make_run(tmp_path / "run", truth, predicted)
    evaluated = read_evaluation(path)
    names = evaluated.class_names
    runs = [(0, 10, names[2], 0.25), (10, 30, names[1], 0.5)]
    made.write_record(path, "one", made.labelled("one", runs, 30, names=tuple(reversed(names))))
    both = content.merged(evaluated, read_predictions(path))
    one, two = both.videos
    assert [both.class_names[label] for label in one.predicted.labels] == [names[2], names[1]]
    assert [both.class_names[label] for label in one.truth.labels] == [names[0], names[1], names[2]]
    assert np.isnan(two.predicted.scores).all() and one.predicted.scores.tolist() == [0.25, 0.5]


def test_detections_keep_their_seconds_and_few_are_shown_at_first(tmp_path):
    found = [(place / 10, place / 10 + 1, "pour", 1 - place / 40) for place in range(30)]
    made.write_record(tmp_path, "v", made.detected("v", found, 8.0))
    data = page_data(read_predictions(tmp_path), {}, tmp_path)
    video = data["videos"][0]
    assert video["overlapping"] and video["predicted"][:4] == [0, 0.0, 1.0, 1.0] and video["grid"]["end"] == 8.0
    assert sum(score >= data["threshold"] for score in video["predicted"][3::4]) == 10
    assert not math.isnan(data["threshold"])


def test_windows_of_clips_are_segments_with_their_likeliest_label(tmp_path):
    likely = [{"label": "jump", "probability": 0.75}, {"label": "run", "probability": 0.25}]
    windows = [{"start": 0.0, "end": 2.0, "likely": likely}, {"start": 2.0, "end": 4.0, "likely": likely[::-1]}]
    record = made.labelled("v", [], 1) | {"windows": windows, "class_names": {"label": ["jump", "run"]}}
    del record["segments"]
    made.write_record(tmp_path, "v", record)
    video = page_data(read_predictions(tmp_path), {}, tmp_path)["videos"][0]
    assert video["predicted"] == [0, 0.0, 2.0, 0.75, 1, 2.0, 4.0, 0.25]


@pytest.mark.parametrize("text", ["[]", "{", '{"made_from": 1}', '{"made_from": {}}'])
def test_other_files_are_no_predictions(tmp_path, text):
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "v.json").write_text(text)
    assert read_predictions(tmp_path) is None and read_evaluation(tmp_path) is None


def test_confidence_of_every_row_is_a_curve(tmp_path):
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]], np.float32)
    record = made.labelled("v", [(0, 2, "a", 0.85), (2, 4, "b", 0.6)], 4, names=("a", "b"), fps=2.0)
    made.write_record(tmp_path, "v", record | {"files": {"predictions/v.npz": "0"}})
    np.savez(tmp_path / "predictions" / "v.npz", probabilities=probabilities, class_names=np.array(["a", "b"]))
    data = page_data(read_predictions(tmp_path), {}, tmp_path)
    assert data["videos"][0]["curve"] == [90, 80, 70, 55]
