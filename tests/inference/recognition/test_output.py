"""The files of recognised videos: what stands in them, and when they count as done."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from fact_jax.files import sha256_of
from fact_jax.inference.output import EvaluatedVideo, OutputFolder
from fact_jax.inference.recognition.output import RecognitionFiles
from fact_jax.inference.recognition.predictions import RecognisedVideo
from fact_jax.reporting.recognition.windows import plot_windows

NAMES = ("pour", "stir", "cut", "wash", "take", "put")


def recognised(num_windows, seed=0):
    draws = np.random.default_rng(seed).random((num_windows, len(NAMES))) ** 3
    chances = (draws / draws.sum(axis=1, keepdims=True)).astype(np.float32)
    times = np.stack([2.5 * np.arange(num_windows), 2.5 * np.arange(num_windows) + 3], axis=1)
    return RecognisedVideo(times, {"label": chances}, {"label": NAMES})


def files_of(**change):
    options = {
        "origin": {"name": "run", "checkpoint": {"step": 7}},
        "class_names": NAMES,
        "fps": 0.0,
        "figures": False,
        "heads": {"label": NAMES},
        "settings": {"window": 3.0},
    }
    return RecognitionFiles(**options | change)


@pytest.fixture
def video(tmp_path):
    """The input of a prediction, called after its file."""

    @dataclasses.dataclass(frozen=True)
    class Input:
        video_id: str
        path: object
        size: int
        mtime_ns: int
        ctime_ns: int
        num_frames: int
        sha256: str

    def make(name="a clip"):
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(b"frames")
        about = path.stat()
        return Input(name, path, about.st_size, about.st_mtime_ns, about.st_ctime_ns, 90, sha256_of(path))

    return make


def test_tables_and_records_say_what_was_recognised(tmp_path, video):
    found, one = recognised(3), video()
    with OutputFolder(tmp_path / "out", files_of(figures=True)) as folder:
        folder.write(one, found)
        assert folder.is_finished(one)
    with (tmp_path / "out" / "predictions" / "a clip.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    record = json.loads((tmp_path / "out" / "predictions" / "a clip.json").read_text())
    assert (tmp_path / "out" / "figures" / "prediction_a clip.png").stat().st_size > 5000
    assert len(rows) == 3 * 5 and record["class_names"] == {"label": list(NAMES)}
    for place, window in enumerate(record["windows"]):
        own, chances = rows[5 * place : 5 * place + 5], found.probabilities["label"][place]
        assert (window["start"], window["end"]) == (2.5 * place, 2.5 * place + 3)
        np.testing.assert_allclose(window["probabilities"]["label"], chances, atol=1e-6)
        assert [row["label"] for row in own] == [NAMES[k] for k in np.argsort(-chances)[:5]]
        assert [row["label"] for row in own] == [one["label"] for one in window["likely"]]
        assert [float(row["probability"]) for row in own] == pytest.approx(sorted(chances)[:0:-1], abs=1e-4)
        assert [int(row["rank"]) for row in own] == [1, 2, 3, 4, 5] and float(own[0]["start_sec"]) == 2.5 * place


def test_other_windows_are_another_prediction(tmp_path, video):
    one = video()
    with OutputFolder(tmp_path / "out", files_of()) as folder:
        folder.write(one, recognised(1))
    with OutputFolder(tmp_path / "out", files_of(settings={"window": 4.0})) as folder:
        assert not folder.is_finished(one)


def test_the_table_of_an_evaluation_is_not_replaced(tmp_path, video):
    for path in ("tables/recognition.json", "predictions/clips.csv"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()
    with OutputFolder(tmp_path, files_of()) as folder:
        folder.write(video(), recognised(1))
        with pytest.raises(EvaluatedVideo, match="choose another --output"):
            folder.write(video("clips"), recognised(1))


def test_pictures_show_the_most_probable_labels_at_their_times():
    found = recognised(4)
    labels, chances = found.likely(5, 3)
    own = found.probabilities["label"]
    listed = {k for row in own for k in np.argsort(-row)[:3]}
    expected = sorted(listed, key=lambda k: -own[:, k].max())[:5]
    assert list(labels) == [NAMES[k] for k in expected]
    np.testing.assert_array_equal(chances, own[:, expected])  # also where others are more likely
    axes, bar = plot_windows(found.times, labels, chances, title="x").axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(labels) and bar.get_ylabel() == "percent"
    (mesh,) = axes.collections
    np.testing.assert_allclose(mesh.get_array().reshape(len(labels), 4), 100 * chances.T)
    assert mesh.get_coordinates()[0, :, 0].tolist() == [0.0, 2.75, 5.25, 7.75, 10.5]
    (axes,) = plot_windows(found.times[:1], labels, chances[:1], title="x").axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(100 * chances[0])


def test_pairs_in_pictures_are_verb_and_noun():
    chances = {"noun": np.array([[0.7, 0.3], [0.2, 0.8]]), "verb": np.array([[0.9, 0.1], [0.6, 0.4]])}
    found = RecognisedVideo(np.array([[0, 1], [1, 2]]), chances, {"noun": ("cup", "pan"), "verb": ("take", "put")})
    labels, percent = found.likely(3)
    assert labels == ("take cup", "take pan", "put pan")
    np.testing.assert_allclose(percent, [[0.63, 0.27, 0.03], [0.12, 0.48, 0.32]])
    assert [guess.label for guess in found.best(1, 2)] == ["take pan", "put pan"]
