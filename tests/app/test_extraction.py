"""--mode extract: the same features however often it was interrupted and however many processes made them."""

import dataclasses
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import actionformer_synthetic, cast_synthetic
from data_pipelines.core.feature_times import FeatureTimes
from data_pipelines.extraction import feature_file
from fact_jax import run_record
from fact_jax.app import command_flags, extraction
from fact_jax.app.kinds.base import ExtractConfig
from fact_jax.app.kinds.segmentation import LabelFramesConfig
from fact_jax.app.runs import recognition_extraction, representation_extraction
from fact_jax.inference.recognition.predictor import RecognitionPredictor
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.recognition import systems
from fact_jax.types import UserError
from tests.app import own_extractors
from tests.data_pipelines.video.written import write_video
from tests.inference import runs
from tests.inference.representation import predictors as carl
from tests.shapes import variable_shapes

FUNCTION = "tests.app.own_extractors"


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """An even rate, a varying one, pictures that begin a second after the sound, and an edit list."""
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "even.mp4", range(90))
    write_video(folder / "varying.mp4", range(225), times=[*range(150), *range(150, 300, 2)])
    write_video(folder / "late.mp4", range(255), times=range(30, 285), sound=(0, 4))
    return folder


def run(function, videos, output, **told):
    lines = []
    code = own_extractors.run(function, (str(videos),), output, lines.append, **told)
    return code, "\n".join(lines)


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_every_frame_has_a_row_at_the_time_at_which_a_player_shows_it(videos, tmp_path):
    code, text = run("means", videos, tmp_path)
    assert code == 0
    assert "extracted 3 videos" in text
    expected = {"even": 89, "varying": 195, "late": 210}
    for name, row in expected.items():
        times, rows = FeatureTimes.read(tmp_path / f"{name}.npy"), np.load(tmp_path / f"{name}.npy")
        assert (times.rows, times.dim) == rows.shape
        assert rows.dtype == np.float32
        assert times.rows_of(8.0) == row
        np.testing.assert_array_equal(times.rows_of(rows[:, 3]), np.arange(len(rows)))
    assert FeatureTimes.read(tmp_path / "late.npy").edges[0] == pytest.approx(1.0)
    assert (tmp_path / "even.json").stat().st_size < 1000


def test_again_nothing_is_made_and_features_of_something_else_are_refused(videos, tmp_path):
    run("means", videos, tmp_path)
    before = files_of(tmp_path)
    code, text = run("means", videos, tmp_path)
    assert code == 0
    assert "extracted 0 videos" in text
    with pytest.raises(UserError) as error:
        run("slow_means", videos, tmp_path)
    assert "has 3 problems" in str(error.value)
    assert f"program '{FUNCTION}:means', now '{FUNCTION}:slow_means'" in str(error.value)
    assert "--overwrite makes it anew" in str(error.value)
    assert files_of(tmp_path) == before
    code, text = run("means", videos, tmp_path, every=0.5, overwrite=True)
    assert "extracted 3 videos" in text
    assert np.load(tmp_path / "even.npy").shape == (6, 4)
    (tmp_path / "even.json").unlink()
    with pytest.raises(UserError, match="no even.json beside it"):
        run("means", videos, tmp_path, every=0.5)


def test_windows_of_a_function(videos, tmp_path):
    run("window_means", videos, tmp_path, window=1.0, every=0.5)
    rows, times = np.load(tmp_path / "even.npy"), FeatureTimes.read(tmp_path / "even.npy")
    assert rows[:, 1].tolist() == [23, 31, 31, 31, 31, 23]
    assert (times.stride, times.window, times.first_time) == (0.5, 1.0, 0.25)


def test_unreadable_videos_are_listed_before_anything_is_done(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "sound.mp4", range(10))
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "other.mkv").write_bytes(b"no video")
    code, text = run("means", folder, tmp_path / "out")
    assert code == 1
    assert text.index("broken.mp4") < text.index("extracted 1 video ")
    assert text.index("other.mkv") < text.index("extracted 1 video ")
    assert "broken.mp4" in (tmp_path / "out" / "extraction_problems.txt").read_text()


def test_numbers_that_are_not_finite_are_a_problem_of_their_video(videos, tmp_path):
    code, text = run("nan_at_frame_70", videos, tmp_path)
    assert code == 1
    assert "even.mp4: the features of row 70 are NaN or infinite" in text
    assert not (tmp_path / "even.npy").exists()
    assert list((tmp_path / ".extraction").glob("*.part")) == []
    assert np.load(tmp_path / "late.npy").shape == (255, 4)


def test_what_is_called_may_be_an_object(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    content = "import functools\n\n\ndef features(frames, times, k):\n    return frames\n\n\n"
    (tmp_path / "an_object.py").write_text(content + "network = functools.partial(features, k=2)\n")
    made_by = own_extractors.FunctionExtractor("an_object:network", ExtractConfig(input=(), output="")).made_by
    digest = hashlib.sha256((tmp_path / "an_object.py").read_bytes()).hexdigest()
    assert made_by["source"] == {"file": "an_object.py", "sha256": digest}


def test_a_function_that_is_none_or_goes_wrong_is_told(videos, tmp_path, monkeypatch):
    for function, words in (
        ("nothing", "has no function 'nothing'"),
        ("wrong_shape", r"float32 \(65, 2\); expected float32 \(64, channels\)"),
        ("fails", r"raised KeyError: 'no such layer' \(.*own_extractors.py:\d+\), for 64 frames"),
    ):
        with pytest.raises(UserError, match=words):
            run(function, videos, tmp_path)
    told = ExtractConfig(input=(), output="")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "half_written.py").write_text("def f(:\n")
    (tmp_path / "goes_wrong.py").write_text("\n1 / 0\n")
    for name, words in (
        ("means", "expected MODULE:FUNCTION"), ("no_module:f", "No module named 'no_module'"),
        ("half_written:f", r"half_written cannot be imported: SyntaxError: .*half_written.py, line 1\)"),
        ("goes_wrong:f", r"goes_wrong cannot be imported: ZeroDivisionError: .*goes_wrong.py:2\)"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words):
            own_extractors.FunctionExtractor(name, told)


def start(function, videos, output, **environment):
    command = [sys.executable, "-m", FUNCTION, function, str(videos), str(output)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=os.environ | environment, **pipes)


def test_killed_three_times_the_files_are_the_same(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "a.mp4", range(2500), pictures=[np.full((16, 16, 3), n % 256, np.uint8) for n in range(2500)])
    run("slow_means", folder, tmp_path / "whole")
    output, rng = tmp_path / "killed", random.Random(3)
    for _ in range(3):
        process = start("slow_means", folder, output)
        deadline = time.monotonic() + 60
        while not (output / ".extraction" / "a.part").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert not (output / "a.npy").exists()
    code, _ = run("slow_means", folder, output)
    assert code == 0
    assert files_of(output) == files_of(tmp_path / "whole")


def test_a_stopped_process_has_saved_its_rows(tmp_path, monkeypatch):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "a.mp4", range(200))
    asked = []

    class Stop:
        name, exit_code = "SIGTERM", 0

        @property
        def requested(self):
            asked.append(0)
            return len(asked) > 4

        def busy(self, what):
            del what

    monkeypatch.setattr(own_extractors.StopRequest, "__enter__", lambda self: Stop())
    code, text = run("means", folder, tmp_path / "out")
    assert code == 0
    assert "stopped by SIGTERM; 1 videos are left" in text
    note = json.loads((tmp_path / "out" / ".extraction" / "a.note.json").read_text())
    assert 0 < note["num_done"] < 200
    monkeypatch.undo()
    run("means", folder, tmp_path / "out")
    run("means", folder, tmp_path / "whole")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_two_processes_share_forty_videos_and_take_over_what_a_dead_one_left(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(40):
        pictures = [np.full((16, 16, 3), 5 * number, np.uint8)] * 3
        write_video(folder / f"{number:02d}.mp4", pictures=pictures, codec="png", form="mov", pix_fmt="rgb24")
    notes = tmp_path / "notes"
    processes = [start("noted_means", folder, tmp_path / "out", EXTRACTED=str(notes)) for _ in range(2)]
    for process in processes:
        text, _ = process.communicate(timeout=120)
        assert process.returncode == 0, text
    done = [line.split() for line in notes.read_text().splitlines()]
    assert len(done) == len({pixels for _, pixels in done}) == 40
    assert len({process for process, _ in done}) == 2
    assert len(list((tmp_path / "out").glob("*.npy"))) == len(list((tmp_path / "out").glob("*.json"))) == 40


def told(output, **changes):
    return ExtractConfig(input=(), output=str(output), **changes)


def extract(extractor, videos, output, **options):
    console = own_extractors.writers.Console(open(os.devnull, "w"))  # noqa: SIM115
    with own_extractors.StopRequest(print) as stop:
        return own_extractors.extraction.extract(
            extractor, [str(videos)], output, overwrite=False, console=console, stop=stop, **options
        )


def test_embeddings_are_those_of_a_prediction(tmp_path):
    predictor = carl.predictor(num_devices=2)
    frames = carl.video(17)
    np.save(tmp_path / "a.npy", frames)
    config = ConfigDict(predictor.config)
    config.eval.batch_size = 2
    devices = device_layout.choose(8)[:2]
    extractor = representation_extraction.open_extractor(predictor, config, tmp_path, told(tmp_path), devices)
    assert extract(extractor, tmp_path / "a.npy", tmp_path / "out") == 0
    np.testing.assert_allclose(np.load(tmp_path / "out" / "a.npy"), predictor.predict(frames), atol=2e-6)
    times = FeatureTimes.read(tmp_path / "out" / "a.npy")
    np.testing.assert_allclose(times.edges, np.arange(18) / 25)
    assert times.made_by["run"]["step"] == 1
    assert times.made_by["settings"]["eval.frames_per_chunk"] == carl.PER_CHUNK
    with pytest.raises(UserError, match="CARL has a row for every frame"):
        representation_extraction.open_extractor(predictor, config, tmp_path, told(tmp_path, window=2.0), devices)
    config.eval.frame_stride = 3
    with pytest.raises(UserError, match="both leave frames out"):
        representation_extraction.open_extractor(predictor, config, tmp_path, told(tmp_path, every=0.5), devices)


def cast(experts, **changes):
    """(predictor of features, config) of a CAST of random parameters."""
    config = cast_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.model.experts = experts
        config.model.update(changes)
    derived = {"class_names": ["a", "b"]}
    task = recognition_extraction.extraction_task(systems.restore(config, derived))
    rng = np.random.default_rng(0)
    shapes = variable_shapes(task, systems.example_arrays(derived))["params"]
    import jax

    params = jax.tree.map(lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(leaf.dtype), shapes)
    options = {"record": {"config": config.to_dict(), "derived": derived}, "step": 1, "checksum": ""}
    devices = device_layout.choose(1)
    return RecognitionPredictor(task, params, devices=devices, say=lambda line: None, **options), config, devices


@pytest.mark.parametrize("experts", ["both", "videomae", "clip"])
def test_features_are_what_the_classifiers_see(tmp_path, experts):
    predictor, config, devices = cast(experts)
    size, length = config.data.augmentation.size, config.data.sampling.num_frames
    frames = np.random.default_rng(1).integers(0, 256, (2 * length + 1, size, size, 3), np.uint8)
    np.save(tmp_path / "a.npy", frames)
    windows = {} if experts == "clip" else {"window": length / 25, "every": length / 25}
    extractor = recognition_extraction.open_extractor(predictor, config, tmp_path, told(tmp_path, **windows), devices)
    assert extract(extractor, tmp_path / "a.npy", tmp_path / "out") == 0
    rows, dim = np.load(tmp_path / "out" / "a.npy"), config.model.dim
    # The first window or group is the first frames themselves.
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    seen = np.float32((frames[None, :length] / 255 - mean) / deviation)
    found = predictor._run_one({"frames": seen}, "frames")["features"][0]
    if experts == "clip":
        assert rows.shape == (2 * length + 1, dim)
        np.testing.assert_allclose(rows[:length], found, atol=1e-5)
    else:
        assert rows.shape == (3, 2 * dim if experts == "both" else dim)
        np.testing.assert_allclose(rows[:1], found, atol=1e-5)
    if experts == "clip":
        with pytest.raises(UserError, match="CLIP alone has a row for every frame"):
            recognition_extraction.open_extractor(predictor, config, tmp_path, told(tmp_path, window=1.0), devices)


def test_a_run_that_reads_features_makes_none(tmp_path):
    from configs import fact_synthetic

    config = fact_synthetic.get_config("quick")
    run_record.write(tmp_path, config=config.to_dict(), derived={})
    with pytest.raises(UserError, match="a run of fact, which reads features; .* a run of carl or cast, or from"):
        extraction.open_extractor(config, tmp_path, told(tmp_path), None)
    with pytest.raises(UserError, match="nothing holds no run to extract with"):
        extraction.open_extractor(config, tmp_path / "nothing", told(tmp_path), None)


def test_flags():
    def problems(**options):
        with pytest.raises(UserError) as error:
            extraction.extract(command_flags.Options(mode="extract", input=("a",), output="o", **options), None)
        return str(error.value)

    assert "--workdir is missing, the run of a network; or --extractor" in problems()
    assert "--workdir, --step one of a run" in problems(workdir="w", step=3, extractor="a:b")
    with pytest.raises(UserError, match="--window is -1; expected seconds"):
        ExtractConfig(input=(), output="", window=-1)


def test_a_process_of_a_scheduler_takes_its_own_device():
    with pytest.raises(UserError, match="no scheduler tells which process this is"):
        extraction.choose_device({})
    extraction.choose_device({"SLURM_LOCALID": "1", "CUDA_VISIBLE_DEVICES": "3"})
    assert feature_file.WORK_DIR == ".extraction"


def made_with(function, workdir, **changes):
    """A workdir whose run was trained with features that a function made."""
    made_by = own_extractors.FunctionExtractor(f"{FUNCTION}:{function}", told(workdir)).made_by | changes
    record = {"videos": {"a": "0"}, "changes": [], "made_by": made_by}
    workdir.mkdir(exist_ok=True)
    (workdir / run_record.FILE).write_text("{}")
    (workdir / "features.json").write_text(json.dumps(record))
    return workdir


def quiet():
    return own_extractors.writers.Console(open(os.devnull, "w"))  # noqa: SIM115


def test_videos_of_a_prediction_become_features_of_what_made_those_trained_with(videos, tmp_path):
    workdir = made_with("means", tmp_path / "run")
    np.save(tmp_path / "b.npy", np.zeros((3, 4), np.float32))
    asked = LabelFramesConfig(input=(str(videos / "late.mp4"), str(tmp_path / "b.npy")), output=str(tmp_path / "out"))
    found, code = extraction.of_videos([workdir], asked, quiet())
    assert code == 0
    assert found.input == (str(tmp_path / "b.npy"), str(tmp_path / "out" / "features" / "late.npy"))
    times = FeatureTimes.read(found.input[1])
    assert times.rows_of(8.0) == times.frames_at(8.0) == 210
    # A second time they are kept; those of something else, which lie in the way, are replaced.
    before = os.stat(found.input[1]).st_mtime_ns
    assert extraction.of_videos([workdir], asked, quiet()) == (found, 0)
    assert os.stat(found.input[1]).st_mtime_ns == before
    made_with("slow_means", workdir)
    extraction.of_videos([workdir], asked, quiet())
    assert FeatureTimes.read(found.input[1]).made_by["program"] == f"{FUNCTION}:slow_means"
    whole = dataclasses.replace(asked, input=(str(videos),))
    assert len(extraction.of_videos([workdir], whole, quiet())[0].input) == 3
    features = dataclasses.replace(asked, input=(str(tmp_path / "b.npy"),))
    assert extraction.of_videos([workdir], features, quiet()) == (features, 0)


def test_why_videos_cannot_be_predicted(videos, tmp_path):
    asked = LabelFramesConfig(input=(str(videos),), output=str(tmp_path / "out"))
    with pytest.raises(UserError, match="No run to predict with in .*. Train first"):
        extraction.of_videos([tmp_path, tmp_path / "nothing"], asked, quiet())
    (tmp_path / run_record.FILE).write_text("{}")
    with pytest.raises(UserError, match="each named once"):
        extraction.of_videos([tmp_path, tmp_path], asked, quiet())
    with pytest.raises(UserError, match="nobody recorded what made the features"):
        extraction.of_videos([tmp_path], asked, quiet())
    workdir = made_with("means", tmp_path / "run", every=0.5)
    (tmp_path / "run" / "features.json").write_text(
        (workdir / "features.json").read_text().replace('"sha256": "', '"sha256": "0')
    )
    with pytest.raises(UserError, match="is no longer what made the features .* source.sha256 '0"):
        extraction.of_videos([workdir], asked, quiet())
    other = made_with("slow_means", tmp_path / "other")
    with pytest.raises(UserError, match="were trained with features of different make: program"):
        extraction.of_videos([made_with("means", workdir), other], asked, quiet())
    # What keeps runs from predicting together is told before the features are made.
    pair = [made_with("means", tmp_path / name) for name in ("segments", "detections")]
    for folder in pair:
        (folder / run_record.FILE).unlink()
    runs.write_run(pair[0], runs.make_config(), {1: 1.0})
    config = actionformer_synthetic.get_config("quick").to_dict()
    derived = {"class_names": ["jump"], "feature_dim": 5, "fps": 10.0}
    run_record.write(pair[1], config=config, derived=derived)
    with pytest.raises(UserError, match="detections has no checkpoint yet"):
        extraction.of_videos(pair, asked, quiet())
    assert not (tmp_path / "out").exists()
    run = {"name": "carl", "step": 3, "sha256": "ab", "workdir": str(tmp_path / "gone")}
    workdir = made_with("means", workdir, run=run)
    with pytest.raises(UserError, match="gone holds no run; .* run 'carl' there. Name its folder: --extractor_workdir"):
        extraction.of_videos([workdir], asked, quiet())
    runs.write_run(tmp_path / "gone", runs.make_config(), {1: 1.0})
    with pytest.raises(UserError, match="reads features; .* made by checkpoint 3 of the run 'carl': put it back, or"):
        extraction.of_videos([workdir], asked, quiet())
    features = dataclasses.replace(asked, input=(str(tmp_path / "b.npy"),), extractor_workdir="x")
    with pytest.raises(UserError, match="--input names none; leave it out"):
        extraction.of_videos([workdir], features, quiet())
