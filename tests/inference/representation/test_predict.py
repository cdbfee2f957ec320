"""--mode predict without a network: arrays and records of videos, what is reported, videos in step."""

import dataclasses
import io
import json
import signal
from types import SimpleNamespace

import av
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.video.views import AugmentationConfig
from fact_jax.app.runs import representation_prediction as runs
from fact_jax.inference import run as mode
from fact_jax.inference.representation.output import time_of
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import FINITE
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.data_pipelines.video.written import write_video


class Means(RepresentationPredictor):
    """The mean colour of every frame; a frame that is nearly white is not finite."""

    num_programs = 0

    def __init__(self, config):
        self.config, self.step, self.checksum, self.batches = config, 7, "0", 0

    def expect_programs(self, number):
        """Nothing is compiled."""

    def watch_compilations(self, began, ended):
        """Nothing is compiled."""

    def runs_beside(self, batch):
        return False

    def run(self, batch):
        self.batches += 1
        means = batch.arrays["frames"].mean((2, 3))
        embeddings = np.where(means > 2.2, np.inf, means).astype(np.float32)
        finite = np.isfinite(embeddings).all((1, 2))
        return {"embeddings": embeddings[None], FINITE: finite[None]}

    def _run_one(self, arrays, heavy):
        return device_layout.unshard(self.run(SimpleNamespace(arrays=arrays)))

    def _runs(self):
        return runs


def get_config(**changes):
    config = ConfigDict({"name": "demo", "model": {"name": "carl"}})
    config.eval = ConfigDict({"batch_size": 2, "frames_per_chunk": 16, "frame_stride": 1})
    data = RepresentationDataConfig(augmentation=AugmentationConfig(size=8, evaluation_crop="whole"))
    config.data = ConfigDict(dataclasses.asdict(data))
    config.eval.update(changes)
    return config


def predict(inputs, output, *, figures=False, align_to=None, stop=None, **changes):
    """(exit code, lines, the predictor) of a command."""
    config, stream = get_config(**changes), io.StringIO()
    predictor, console = Means(config), writers.Console(stream)
    inputs = tuple(map(str, inputs if isinstance(inputs, list) else [inputs]))
    told = SimpleNamespace(input=inputs, output=str(output), figures=figures, align_to=align_to)
    opened = runs.open_prediction(predictor, config, output, told, jax.local_devices()[:1])
    for line in opened.lines:
        console.say(line)
    code = mode.predict_videos(
        predictor, opened.source, opened.make_batches, opened.output, console=console, stop=stop or StopRequest()
    )
    return code, stream.getvalue(), predictor


@pytest.fixture
def videos(tmp_path):
    (tmp_path / "videos").mkdir()
    for name, count in (("a", 40), ("b", 20), ("c", 7)):
        write_video(tmp_path / "videos" / f"{name}.mp4", np.linspace(0, 250, count).astype(int), rate=20)
    return tmp_path / "videos"


def record(output, name):
    return json.loads((output / "predictions" / f"{name}.json").read_text())


def test_every_video_becomes_an_array_and_a_record(videos, tmp_path):
    code, text, _ = predict([videos / "a.mp4", videos / "b.mp4"], tmp_path / "out", figures=True)
    assert code == 0 and "predicted 2 videos" in text
    written = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".npz"}
    names = {f"{name}{end}" for name in "ab" for end in (".npy", ".json")} | {f"prediction_{n}.png" for n in "ab"}
    assert written == names | {"predicted_map.png", "predicted_retrieval.png"}
    found = np.load(tmp_path / "out" / "predictions" / "a.npy")
    assert found.shape == (40, 3) and found.dtype == np.float32
    content = record(tmp_path / "out", "a")
    assert content["embeddings"] == {"frames": 40, "channels": 3, "time_axis": "first"}
    assert content["first_time"] == 0 and content["rate"] == pytest.approx(20)
    assert content["made_from"]["model"]["checkpoint"] == {"step": 7, "sha256": "0"}
    assert content["made_from"]["source"]["path"] == str(videos / "a.mp4")
    # From Python the same, of a path and of frames.
    model = Means(get_config())
    assert np.array_equal(model.predict(videos / "a.mp4"), found)
    with av.open(str(videos / "a.mp4")) as file:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
    one, other = model.predict([frames, str(videos / "b.mp4")])
    assert np.array_equal(one, found) and other.shape == (20, 3)


def test_neither_batches_nor_interruptions_change_anything(videos, tmp_path):
    predict(videos, tmp_path / "out", batch_size=1)
    stop = StopRequest()
    stop.signum = signal.SIGTERM  # has come already
    code, text, _ = predict(videos, tmp_path / "again", stop=stop)
    assert "3 videos are left" in text
    predict([videos / "c.mp4"], tmp_path / "again", batch_size=5)
    code, text, predictor = predict(videos, tmp_path / "again", batch_size=5)
    assert code == 0 and "1 of 3 videos are finished already" in text and predictor.batches == 1
    for name in "abc":
        one, other = (np.load(tmp_path / out / "predictions" / f"{name}.npy") for out in ("out", "again"))
        assert np.array_equal(one, other)
    # Another stride is another embedding.
    code, text, _ = predict(videos, tmp_path / "again", frame_stride=3)
    assert "removed the results of 3 videos" in text
    assert len(np.load(tmp_path / "again" / "predictions" / "a.npy")) == 14
    assert record(tmp_path / "again", "a")["rate"] == pytest.approx(20 / 3)


def test_bad_videos_are_told_and_the_others_are_done(videos, tmp_path):
    write_video(
        videos / "white.mp4", [0] * 18, pictures=[np.full((64, 64, 3), 250 * (n > 16), np.uint8) for n in range(18)]
    )
    write_video(videos / "cut.mp4", range(40), container={"movflags": "faststart"}, cut=0.6)
    (videos / "d.mp4").write_text("no video")
    code, text, _ = predict(videos, tmp_path / "out")
    assert code == 1 and "predicted 3 videos" in text and "3 problems" in text
    listed = (tmp_path / "out" / "prediction_problems.txt").read_text()
    assert "cut off" in listed and "d.mp4: no video" in listed and "white.mp4" in listed
    assert not (tmp_path / "out" / "predictions" / "white.npy").exists()
    with pytest.raises(UserError, match="--input has 1 problem"):
        predict([videos / "d.mp4"], tmp_path / "out")


def test_a_varying_rate_keeps_all_times(tmp_path):
    path = write_video(tmp_path / "v.mkv", range(5), rate=1000, times=[0, 40, 80, 900, 2000])
    predict([path], tmp_path / "out")
    content = record(tmp_path / "out", "v")
    assert content["times"] == pytest.approx([0, 0.04, 0.08, 0.9, 2.0]) and "rate" not in content
    assert time_of([0.5]) == {"first_time": 0.5, "rate": 0.0}


def test_videos_are_shown_in_step_with_one(videos, tmp_path):
    (videos / "a.mp4").unlink()
    predict(videos, tmp_path / "out")
    code, text, predictor = predict(videos, tmp_path / "out", align_to="c")
    assert code == 0 and predictor.batches == 0
    figures = sorted(path.name for path in (tmp_path / "out" / "figures").iterdir())
    assert figures == ["predicted_alignment_c_b.mp4", "predicted_alignment_c_b.png"]
    with av.open(str(tmp_path / "out" / "figures" / "predicted_alignment_c_b.mp4")) as file:
        assert len(list(file.decode(video=0))) == 7
    with pytest.raises(UserError, match="--align_to is 'cc'.*did you mean 'c'"):
        predict(videos, tmp_path / "out", align_to="cc")


def test_embeddings_of_evaluated_videos_are_kept(videos, tmp_path):
    predict(videos, tmp_path / "out")
    folder = tmp_path / "out" / "predictions"
    found = np.load(folder / "b.npy")
    # What an evaluation leaves: arrays without records. Those of b are as predicted but for rounding, a's are not.
    (tmp_path / "out" / "tables").mkdir()
    (tmp_path / "out" / "tables" / "representation.json").write_text("{}")
    for path in folder.glob("*.json"):
        path.unlink()
    np.save(folder / "b.npy", found * np.float32(1 + 1e-5))
    np.save(folder / "a.npy", found)
    code, text, _ = predict(videos, tmp_path / "out")
    assert code == 1 and "a.npy is the prediction of the run's test video of this name, and this one differs" in text
    assert np.array_equal(np.load(folder / "a.npy"), found) and np.array_equal(np.load(folder / "b.npy"), found)
    assert not (folder / "a.json").exists()
    # One that is cut short may be anything: it is kept as well, and its video is a problem.
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00")
    code, text, _ = predict(videos, tmp_path / "out")
    assert code == 1 and "a.npy is the prediction of the run's test video" in text
    assert (folder / "a.npy").read_bytes() == b"\x93NUMPY\x01\x00" and (folder / "b.json").exists()
