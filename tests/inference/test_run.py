"""--mode predict without a model: the files of a video, what is skipped, what is reported, what a crash leaves."""

import csv
import errno
import hashlib
import io
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.segmentation import unlabelled
from fact_jax import files
from fact_jax.app.kinds.segmentation import LabelFramesConfig
from fact_jax.inference import output as output_module
from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.reporting.segmentation import segment_files
from fact_jax.runtime.signals import StopRequest
from fact_jax.types import UserError
from tests.inference import fakes


@pytest.fixture
def features(tmp_path):
    for number in range(5):
        fakes.write_features(tmp_path / "features" / f"v{number}.npy", number)
    return tmp_path / "features"


def predict(features, output, **options):
    batch_size, stop = options.pop("batch_size", 2), options.pop("stop", None)
    return fakes.predict(
        features, fakes.open_output(output, **options), io.StringIO(), stop=stop, batch_size=batch_size
    )


def snapshot(folder):
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths}


def record(output, name="v0"):
    return json.loads((output / "predictions" / f"{name}.json").read_text())


def truth(features, name="v0"):
    return np.argmax(np.load(features / f"{name}.npy"), axis=0)


def test_every_video_gets_its_files(features, tmp_path):
    outcome = predict(features, tmp_path / "out", figures=True)
    assert outcome.code == 0 and "predicted 5 videos" in outcome.text
    written = {str(path.relative_to(tmp_path / "out")) for path in snapshot(tmp_path / "out")}
    suffixes = ("txt", "csv", "json", "npz")
    assert written == {f"predictions/v{n}.{suffix}" for n in range(5) for suffix in suffixes} | {
        f"figures/prediction_v{n}.png" for n in range(5)
    }


def test_the_files_of_a_video_say_the_same(features, tmp_path):
    predict(features, tmp_path / "out")
    folder = tmp_path / "out" / "predictions"
    labels = truth(features)
    names = (folder / "v0.txt").read_text().splitlines()
    assert names == [fakes.CLASS_NAMES[label] for label in labels]
    with np.load(folder / "v0.npz", allow_pickle=False) as arrays:
        probabilities = arrays["probabilities"]
        assert arrays["class_names"].tolist() == list(fakes.CLASS_NAMES)
    assert probabilities.shape == (len(labels), 3) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), labels)
    found = record(tmp_path / "out")
    assert found["video"] == "v0" and found["num_frames"] == len(labels) and found["fps"] == 10.0
    assert found["class_names"] == list(fakes.CLASS_NAMES) and found["background"] == ["background"]
    assert found["made_from"]["source"]["path"] == str(features / "v0.npy")
    assert found["made_from"]["model"]["checkpoint"]["step"] == 7
    with open(folder / "v0.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["start", "end", "start_sec", "end_sec", "label", "confidence"]
    assert list(rows[0]) == list(found["segments"][0]) == columns
    spread = []
    for row, segment in zip(rows, found["segments"], strict=True):
        start, end = segment["start"], segment["end"]
        assert start == len(spread) and end > start and segment["start_sec"] == start / 10
        assert segment["confidence"] == pytest.approx(probabilities[start:end].max(axis=1).mean(), abs=1e-6)
        for key, value in segment.items():
            assert row[key] == value if key == "label" else float(row[key]) == pytest.approx(value, abs=1e-4)
        spread += [segment["label"]] * (end - start)
    assert spread == names


def test_without_fps_and_probabilities_there_are_neither(features, tmp_path):
    predict(features, tmp_path / "out", fps=0.0, probabilities=False)
    assert record(tmp_path / "out")["fps"] is None and "start_sec" not in record(tmp_path / "out")["segments"][0]
    assert not list((tmp_path / "out").rglob("*.npz"))
    assert (tmp_path / "out" / "predictions" / "v0.csv").read_text().startswith("start,end,label,confidence\n")


def test_finished_videos_are_skipped_and_not_touched(features, tmp_path):
    predict(features, tmp_path / "out")
    before = snapshot(tmp_path / "out")
    outcome = predict(features, tmp_path / "out")
    assert outcome.code == 0 and outcome.predictor.batches == 0 and snapshot(tmp_path / "out") == before
    assert "5 of 5 videos are finished already" in outcome.text and "predicted 0 videos" in outcome.text
    fakes.write_features(features / "v9.npy", 9)
    outcome = predict(features, tmp_path / "out")
    assert "predicted 1 videos" in outcome.text and outcome.predictor.batches == 1
    assert {path: entry for path, entry in snapshot(tmp_path / "out").items() if path in before} == before


@pytest.mark.parametrize("damage", ["text_cut", "text_missing", "json_cut", "json_other", "json_empty"])
def test_a_video_whose_files_are_not_whole_is_done_again(features, tmp_path, damage):
    predict(features, tmp_path / "out")
    before = {path: entry[1] for path, entry in snapshot(tmp_path / "out").items()}
    path = tmp_path / "out" / "predictions" / ("v1.txt" if damage.startswith("text") else "v1.json")
    if damage == "text_missing":
        path.unlink()
    else:
        path.write_text({"json_other": "[1]", "json_empty": ""}.get(damage, path.read_text()[:40]))
    assert "predicted 1 videos" in predict(features, tmp_path / "out").text
    assert {path: entry[1] for path, entry in snapshot(tmp_path / "out").items()} == before


def test_another_input_checkpoint_or_option_is_another_prediction(features, tmp_path):
    predict(features, tmp_path / "out")
    fakes.write_features(features / "v2.npy", 22)
    assert "predicted 1 videos" in predict(features, tmp_path / "out").text
    assert (tmp_path / "out" / "predictions" / "v2.txt").read_text().splitlines() == [
        fakes.CLASS_NAMES[label] for label in truth(features, "v2")
    ]
    for changes in ({"fps": 5.0}, {"probabilities": False}, {"origin": {"name": "x", "checkpoint": {"step": 8}}}):
        assert "predicted 5 videos" in predict(features, tmp_path / "out", **changes).text
        assert "predicted 0 videos" in predict(features, tmp_path / "out", **changes).text
        # Nothing of an earlier prediction stays beside it.
        records = [record(tmp_path / "out", f"v{number}") for number in range(5)]
        vouched = {tmp_path / "out" / name for found in records for name in found["files"]}
        left = {path for path in snapshot(tmp_path / "out") if path.suffix != ".json"}
        assert left == vouched


def test_problems_are_listed_and_written_until_they_are_gone(features, tmp_path):
    np.save(features / "nan.npy", np.full((3, 9), np.nan, np.float32))
    np.save(features / "wide.npy", np.zeros((4, 9), np.float32))
    np.save(features / "huge.npy", np.full((3, 40), 1e6, np.float32))
    outcome = predict(features, tmp_path / "out")
    assert outcome.code == 1 and "predicted 5 videos" in outcome.text and "3 problems, also in" in outcome.text
    problems = (tmp_path / "out" / "prediction_problems.txt").read_text().splitlines()
    assert [Path(line.partition(": ")[0]).name for line in problems] == ["huge.npy", "nan.npy", "wide.npy"]
    assert "scores are not finite" in problems[0] and "27 NaN values" in problems[1] and "4 channels" in problems[2]
    assert all(line in outcome.text for line in problems)
    assert not list((tmp_path / "out").rglob("*nan*"))
    # A bad file is looked at again every time; the good ones are not.
    outcome = predict(features, tmp_path / "out")
    assert outcome.code == 1 and "predicted 0 videos" in outcome.text
    for number, name in enumerate(("nan", "wide", "huge")):
        fakes.write_features(features / f"{name}.npy", number)
    outcome = predict(features, tmp_path / "out")
    assert outcome.code == 0 and "predicted 3 videos" in outcome.text
    assert not (tmp_path / "out" / "prediction_problems.txt").exists()


@pytest.mark.parametrize("signum, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_between_batches_and_the_next_run_goes_on(features, tmp_path, signum, code):
    class StopAfter(StopRequest):
        """Is asked before every batch; the signal comes with the second question."""

        asked = 0

        @property
        def requested(self):
            self.asked += 1
            if self.asked == 2:
                os.kill(os.getpid(), signum)
            return super().requested

    with StopAfter() as stop:
        outcome = predict(features, tmp_path / "out", stop=stop)
    assert outcome.code == code and "3 videos are left" in outcome.text
    assert len(list((tmp_path / "out").rglob("*.json"))) == 2
    assert "predicted 3 videos" in predict(features, tmp_path / "out").text


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("writes", range(12))
def test_a_crash_at_any_write_leaves_whole_files_only(features, tmp_path, monkeypatch, writes):
    predict(features, tmp_path / "expected")
    expected = {path.name: entry[1] for path, entry in snapshot(tmp_path / "expected").items()}
    replace, count = os.replace, []

    def crash(source, target):
        count.append(target)
        if len(count) > writes:
            raise Crash
        replace(source, target)

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(files.os, "replace", crash)
        predict(features, tmp_path / "out")
    left = {path.name: entry[1] for path, entry in snapshot(tmp_path / "out").items()}
    assert len(left) == writes and left.items() <= expected.items()
    # A video with a .json has all its files.
    for path in (tmp_path / "out").rglob("*.json"):
        assert set(record(tmp_path / "out", path.stem)["files"]) <= {f"predictions/{name}" for name in left}
    assert f"predicted {5 - writes // 4} videos" in predict(features, tmp_path / "out").text
    assert {path.name: entry[1] for path, entry in snapshot(tmp_path / "out").items()} == expected


def test_leftovers_of_others_are_left_alone(features, tmp_path):
    (tmp_path / "out" / "predictions").mkdir(parents=True)
    foreign = tmp_path / "out" / "predictions" / ".other.txt.0123456789ab.tmp"
    # What a killed process may leave: a file under its temporary name.
    own = foreign.with_name(".v1.txt.0123456789ab.tmp")
    for path in (foreign, own):
        path.write_text("half")
    predict(features, tmp_path / "out")
    assert foreign.exists() and not own.exists()


def test_two_processes_do_not_write_to_one_folder(features, tmp_path):
    with fakes.open_output(tmp_path / "out"), pytest.raises(UserError, match="another process is writing predictions"):
        predict(features, tmp_path / "out")
    assert predict(features, tmp_path / "out").code == 0


def test_a_folder_that_cannot_be_written_is_a_user_error(features, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made: .* Choose another --output"):
        predict(features, tmp_path / "file")

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "atomic_write_bytes", full)
    with pytest.raises(UserError, match="predictions cannot be written: No space left on device"):
        predict(features, tmp_path / "out")


def test_predictions_of_test_videos_are_not_replaced_by_those_of_others(features, tmp_path):
    runs = {name: segment_files.to_runs(truth(features, name)) for name in ("v0", "v1")}
    other = np.array([[1, runs["v1"][:, 1].sum()]])
    videos = (
        segment_files.SegmentedVideo("v0", runs["v0"], runs["v0"]),
        segment_files.SegmentedVideo("v1", other, other),
    )
    metric = SegmentationMetric(len(fakes.CLASS_NAMES), ())
    evaluated = segment_files.SegmentedSet(metric, fakes.CLASS_NAMES, (), "toy", "split1", 0.0, videos)
    segment_files.write_segments(tmp_path / "run", evaluated)
    (tmp_path / "run" / "predictions").mkdir()
    (tmp_path / "run" / "predictions" / "v1.txt").write_text("of the test video\n")
    outcome = predict(features, tmp_path / "run")
    assert outcome.code == 1 and "predicted 4 videos" in outcome.text
    assert "v1.npy: " in outcome.text and "the run's test video of this name" in outcome.text
    assert (tmp_path / "run" / "predictions" / "v1.txt").read_text() == "of the test video\n"
    assert predict(features, tmp_path / "elsewhere").code == 0


def spoil(features):
    """Videos that cannot be read this time: by their values, their header, their scores, or because they are gone."""
    np.save(features / "v0.npy", np.full((3, 9), np.nan, np.float32))
    np.save(features / "v1.npy", np.zeros((4, 9), np.float32))
    np.save(features / "v2.npy", np.full((3, 40), 1e6, np.float32))
    (features / "v3.npy").unlink()


def test_what_an_earlier_command_made_of_a_video_that_cannot_be_read_is_removed(features, tmp_path):
    named = [features / f"v{number}.npy" for number in range(5)]
    fakes.predict(named, fakes.open_output(tmp_path / "out"), io.StringIO())
    spoil(features)
    outcome = fakes.predict(named, fakes.open_output(tmp_path / "out"), io.StringIO())
    assert outcome.code == 1 and "4 problems" in outcome.text and "predicted 0 videos" in outcome.text
    left = {path.name for path in snapshot(tmp_path / "out")} - {"prediction_problems.txt"}
    assert left == {f"v4.{suffix}" for suffix in ("txt", "csv", "json", "npz")}
    assert "removed the results of 4 videos (v0, v2, v3, v1), made with another" in outcome.text


def test_a_file_is_known_by_its_content(features, tmp_path, monkeypatch):
    """Not by its size and time of change, which a copy may have kept, nor by those alone of a file that was moved."""
    path = features / "v2.npy"
    np.save(path, np.repeat(np.eye(3, dtype=np.float32), 10, axis=1))
    for ticks in (0, 2 * 10**9):
        monkeypatch.setattr(output_module, "_TICK_NS", ticks)
        status = path.stat()
        predict(features, tmp_path / "out")
        assert "predicted 0 videos" in predict(features, tmp_path / "out").text
        np.save(path, np.roll(np.load(path), 10, axis=1))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        outcome = predict(features, tmp_path / "out")
        assert "predicted 1 videos" in outcome.text
        assert "removed the results of 1 video (v2), " in outcome.text
        assert (tmp_path / "out" / "predictions" / "v2.txt").read_text().splitlines() == [
            fakes.CLASS_NAMES[label] for label in truth(features, "v2")
        ]
    for other in features.iterdir():
        other.touch()
    assert "predicted 0 videos" in predict(features, tmp_path / "out").text


def test_a_file_that_changes_while_it_is_read_is_a_problem(features, tmp_path, monkeypatch):
    scan = unlabelled.scan_file

    def touch(path, *arguments):
        os.utime(path, ns=(1, 1))
        return scan(path, *arguments)

    monkeypatch.setattr(unlabelled, "scan_file", touch)
    outcome = predict(features, tmp_path / "out")
    assert outcome.code == 1 and outcome.text.count("the file has changed since it was listed") == 5


@pytest.mark.parametrize("content", ["{", '{"results": {}, "made_from": 3}', "[1]"])
def test_files_that_are_no_records_are_told_and_left(features, tmp_path, content):
    folder = tmp_path / "out" / "predictions"
    folder.mkdir(parents=True)
    for name in ("v0", "v4"):
        (folder / f"{name}.json").write_text(content)
    spoil(features)
    outcome = predict(features, tmp_path / "out")
    assert "2 files (" in outcome.text and "v4.json) hold no whole record of a prediction" in outcome.text
    assert outcome.code == 1 and (tmp_path / "out" / "prediction_problems.txt").read_text().count("\n") == 3
    assert (folder / "v0.json").read_text() == content and record(tmp_path / "out", "v4")["video"] == "v4"


def test_a_record_vouches_for_files_of_our_folders_only(features, tmp_path):
    predict(features, tmp_path / "out")
    (tmp_path / "mine.txt").write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    changed = record(tmp_path / "out") | {
        "files": {name: digest for name in ("../mine.txt", str(tmp_path / "mine.txt"))}
    }
    (tmp_path / "out" / "predictions" / "v0.json").write_text(json.dumps(changed))
    spoil(features)
    predict(features, tmp_path / "out")
    assert (tmp_path / "mine.txt").exists() and not (tmp_path / "out" / "predictions" / "v0.json").exists()
    # What was not as the record said is somebody else's.
    assert (tmp_path / "out" / "predictions" / "v0.txt").exists()


def test_results_of_other_videos_stay_and_are_counted(features, tmp_path):
    predict(features, tmp_path / "out")
    before = snapshot(tmp_path / "out")
    outcome = predict(features / "v1.npy", tmp_path / "out", fps=5.0)
    assert "the folder holds results of 4 other videos too" in outcome.text
    after = snapshot(tmp_path / "out")
    assert {path.stem for path in after if after[path] != before[path]} == {"v1"} and len(after) == len(before)


def test_the_problems_are_written_however_a_command_ends(features, tmp_path, monkeypatch):
    spoil(features)
    write = files.atomic_write_bytes

    def full(path, content):
        if "predictions" in path.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch, pytest.raises(UserError, match="No space left"):
        patch.setattr(files, "atomic_write_bytes", full)
        predict(features, tmp_path / "full", batch_size=5)
    problems = (tmp_path / "full" / "prediction_problems.txt").read_text()
    assert "27 NaN values" in problems and "4 channels" in problems
    stop = StopRequest()
    stop.signum = signal.SIGTERM  # has come already
    outcome = predict(features, tmp_path / "stopped", stop=stop)
    # The values of a file may have been looked at already, in a thread.
    assert outcome.code == 0 and re.search(r"\b[12] problems?, also in", outcome.text)
    assert "4 channels" in (tmp_path / "stopped" / "prediction_problems.txt").read_text()


def test_videos_that_would_share_files_are_refused_by_name(features, tmp_path, monkeypatch):
    fakes.write_features(features / "V1.npy", 7)
    assert "predicted 6 videos" in predict(features, tmp_path / "apart").text
    monkeypatch.setattr(files, "folds_case", lambda folder: True)
    outcome = predict(features, tmp_path / "out")
    assert outcome.code == 1 and "predicted 4 videos" in outcome.text
    for name, other in (("v1", "V1"), ("V1", "v1")):
        assert f"{name}.npy: its results would have the file names of video {other!r}" in outcome.text


def test_a_compilation_is_left_out_of_the_time_that_is_left(features, tmp_path, monkeypatch):
    class Compiling(fakes.FakePredictor):
        def run(self, batch):
            self.num_programs = min(self.batches + 1, 2)
            return super().run(batch)

    restarted = []
    monkeypatch.setattr(fakes, "FakePredictor", Compiling)
    monkeypatch.setattr(fakes.writers.Console, "restart_clock", lambda self, done: restarted.append(done))
    predict(features, tmp_path / "out", batch_size=1)
    # Those of the console itself, and one for each of two programs; a video is written while the next one is computed.
    assert restarted == [0, 0, 0, 0]


def test_an_evaluation_takes_the_place_of_whole_predictions(features, tmp_path):
    predict(features, tmp_path / "out")
    folder = tmp_path / "out" / "predictions"
    assert output_module.remove_replaced(tmp_path / "out") == []
    (folder / "v1.txt").write_text("of an evaluation")
    (folder / "v2.txt").unlink()
    assert output_module.remove_replaced(tmp_path / "out") == ["v1"]
    assert {path.name for path in folder.glob("v1.*")} == {"v1.txt"} and len(list(folder.glob("v2.*"))) == 3


def test_transcripts_are_given_to_models_that_need_them():
    LabelFramesConfig(input=("x.npy",), transcripts="folder").check_transcripts(True)
    with pytest.raises(UserError, match="needs the transcript of every video: --transcripts FOLDER"):
        LabelFramesConfig(input=("x.npy",)).check_transcripts(True)
    with pytest.raises(UserError, match="trained without transcripts"):
        LabelFramesConfig(input=("x.npy",), transcripts="folder").check_transcripts(False)
