"""Channels that are no measurement: copies of others, frame numbers, classes, values that outweigh all others."""

import dataclasses
import shutil

import numpy as np
import pytest

from data_pipelines.core.channel_use import unpack
from data_pipelines.core.feature_files import read_header
from data_pipelines.core.feature_values import value_lines
from data_pipelines.core.finite import scan_file
from data_pipelines.core.value_measures import measure
from data_pipelines.localization.opening import open_localization
from tests.data_pipelines.localization import folders

WIDTH = 24
NAMES = [f"v{number}" for number in range(6)]


def videos(change, names=NAMES):
    """{video: float32 [T, 24]} of random numbers, T from 150 to 200, some of them changed."""
    rng, made = np.random.default_rng(0), {}
    for number, name in enumerate(NAMES):
        made[name] = rng.standard_normal((150 + 10 * number, WIDTH)).astype(np.float32)
        if name in names:
            change(made[name])
    return made


def lines_of(made):
    return value_lines({name: measure(found) for name, found in made.items()}, {"train": NAMES[:4], "test": NAMES[4:]})


def stream_twice(x):
    x[:, 12:] = x[:, :12]


def frame_number(x):
    x[:, 7] = np.arange(len(x))


def seconds(x):
    x[:, 7] = -np.arange(len(x)) / len(x)


def classes(x):
    x[:, 3] = np.arange(len(x)) // 20 % 5


def huge(x):
    x[:, [2, 9]] *= 400


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            stream_twice,
            "12 of 24 channels (12 to 23) are the same as other channels, most of them as the one 12 before, in {}: "
            "was one stream read, or saved, twice",
        ),
        (
            frame_number,
            "1 of 24 channels (7) is rising, or falling, from frame to frame, of whole numbers only beside fractions, "
            "in {}: do they hold the number or the time of a frame?",
        ),
        (seconds, "1 of 24 channels (7) is rising, or falling, from frame to frame, in {}: do they hold the number or"),
        (classes, "1 of 24 channels (3) is of whole numbers only beside fractions, in {}: do they hold classes, or"),
        (huge, "2 of 24 channels (2, 9) are over 100 times as large as most, in {}: they outweigh all others: scale"),
    ],
)  # fmt: skip
def test_each_is_a_line_that_says_what_and_where(change, line):
    [found] = lines_of(videos(change))
    assert found.startswith(line.format("all 6 videos"))
    told = [found for found in lines_of(videos(change, ["v1", "v4"])) if "root mean square" not in found]
    assert len(told) == 1 and told[0].startswith(line.format("2 of 6 videos (v1, v4)"))


def test_several_are_several_lines():
    def change(x):
        classes(x)
        huge(x)
        seconds(x)

    texts = ["rising, or falling", "whole numbers only", "over 100 times"]
    assert all(text in line for text, line in zip(texts, lines_of(videos(change)), strict=True))


def test_channels_that_are_so_by_nature_are_quiet():
    def flag(x):
        x[:, 3] = np.arange(len(x)) // 20 % 2  # a yes or no beside measurements

    def sparse(x):
        np.maximum(x - 1.5, 0, out=x)

    for change in (flag, sparse, lambda x: None, lambda x: np.round(x * 3, out=x), lambda x: x.sort(axis=1)):
        assert lines_of(videos(change)) == ()
    one_hot = {name: np.eye(WIDTH, dtype=np.float32)[np.arange(60) // 9] for name in NAMES}
    assert lines_of(one_hot) == ()


@pytest.mark.parametrize("time_axis", ["first", "last"])
@pytest.mark.parametrize("num_bytes", [4 * 7, 4 * 70, 4 * 24 * 40])
def test_files_are_measured_as_arrays_are(time_axis, num_bytes, tmp_path, monkeypatch):
    """In whatever pieces a file is read."""

    def change(x):
        stream_twice(x)
        frame_number(x)
        x[:, 22] *= 1000
        x[::5, 20] = 3

    features = videos(change)["v0"]
    np.save(tmp_path / "v.npy", features if time_axis == "first" else features.T)
    monkeypatch.setattr("data_pipelines.core.finite._CHUNK_BYTES", num_bytes)
    _, _, found = scan_file(tmp_path / "v.npy", read_header(tmp_path / "v.npy"), time_axis)
    expected = measure(features)
    for name in ("rms", "norm", "norm_spread"):
        expected = dataclasses.replace(expected, **{name: pytest.approx(getattr(expected, name))})
    assert found == expected
    masks = [found.rising_channels, found.whole_channels, found.huge_channels, found.copied_channels]
    places = [np.flatnonzero(unpack(mask, WIDTH)).tolist() for mask in masks]
    assert places == [[7], [7], [22], [12, 13, 14, 15, 16, 17, 18, 21, 23]] and found.copied_from == 12


def test_localization_tells_of_a_stream_that_is_read_twice(tmp_path):
    root = folders.write_folder(tmp_path / "data")
    shutil.copytree(root / "features", root / "flow")
    sources = open_localization(folders.settings(root, feature_places=("features", "flow")), tmp_path)
    [line] = [note for note in sources.notes if "channels" in note]
    assert line.startswith(
        "6 of 12 channels (6 to 11) are the same as other channels, most of them as the one 6 before"
    )
