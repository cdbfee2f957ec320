"""Exported folders: what jax and NumPy alone make of them is what the library predicts."""

import ast
import importlib.util
import json
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

from configs import actionformer_synthetic, fact_synthetic_transcript
from data_pipelines.core.feature_times import FeatureTimes
from fact_jax import inference
from fact_jax.app import command_flags, commands
from fact_jax.app.command_flags import Options
from fact_jax.inference.export import folder
from fact_jax.inference.export.readers import predict_command, predict_rows
from fact_jax.inference.localization.predictor import LocalizationPredictor
from fact_jax.tasks.localization import systems
from fact_jax.types import UserError
from tests.data_pipelines import timed_features
from tests.inference import runs
from tests.inference.representation.predictors import PER_CHUNK, predictor, video
from tests.shapes import variable_shapes


def read(folder):
    """The Model of an exported folder, made by its own predict.py."""
    spec = importlib.util.spec_from_file_location("predict", folder / "predict.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Model(folder)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """(a model that labels frames, its export for up to 40 rows)."""
    folder = tmp_path_factory.mktemp("labelled")
    runs.write_run(folder / "run", runs.make_config(data__sample_rate=2, data__fps=10.0), {1: 10.0})
    lines, model = [], inference.load(folder / "run")
    model.export(folder / "export", longest=80, say=lines.append)
    assert "programs for up to 128 rows on cpu, cuda, tpu" in lines[-1]
    return model, folder / "export"


def test_labels_and_segments_are_those_of_the_library(labelled):
    model = read(labelled[1])
    for length in (1, 31, 80):
        features = np.random.default_rng(length).normal(size=(length, runs.FEATURE_DIM)).astype(np.float32)
        expected, found = labelled[0].predict(features), model.predict(features)
        np.testing.assert_array_equal(found["labels"], expected.labels)
        np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-5)
        segments = model.segments(found)
        assert [(row["start"], row["end"], row["label"]) for row in segments] == [
            part[:3] for part in expected.segments
        ]
        confidence = [part.confidence for part in expected.segments]
        np.testing.assert_allclose([row["confidence"] for row in segments], confidence, 1e-4)
        assert segments[0]["end_sec"] == segments[0]["end"] / 10


def test_the_reader_alone_writes_files_and_names_what_it_cannot_take(labelled, tmp_path):
    good, long, wide = (tmp_path / f"{name}.npy" for name in ("good", "long", "wide"))
    for path, shape in ((good, (runs.FEATURE_DIM, 9)), (long, (runs.FEATURE_DIM, 999)), (wide, (3, 9))):
        np.save(path, np.ones(shape, np.float32))
    code = "import sys; sys.modules.update(flax=None, orbax=None, fact_jax=None, ml_collections=None); import runpy; "
    code += (
        f"sys.argv[:] = ['', *sys.argv[1:]]; runpy.run_path({str(labelled[1] / 'predict.py')!r}, run_name='__main__')"
    )
    arguments = [str(tmp_path / "out"), *map(str, (long, good, wide))]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    shape = f"of shape ({runs.FEATURE_DIM},), all finite (longer: --mode export --longest ROWS)"
    assert f"long.npy: an array of shape (999, {runs.FEATURE_DIM}); expected 1 to 128 rows {shape}" in done.stderr
    assert "wide.npy: an array of shape (9, 3); expected 1 to 128 rows" in done.stderr
    assert len((tmp_path / "out" / "good.txt").read_text().splitlines()) == 9
    assert (tmp_path / "out" / "good.csv").read_text().startswith("start,end,start_sec,end_sec,label,confidence\n0,")
    for arguments, words in (
        ([str(tmp_path / "out")], "usage: "),
        ([str(tmp_path / "twice"), str(good), str(tmp_path / "other" / "good.npy")], "several files are called good"),
        ([str(good), str(long)], "good.npy cannot be made (File exists)"),
    ):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2 and words in done.stderr, arguments
    assert not (tmp_path / "twice").exists()


def test_a_folder_that_is_not_whole_is_told_in_a_sentence(labelled, tmp_path):
    export = shutil.copytree(labelled[1], tmp_path / "export")
    assert predict_command.faults(export) == []
    (export / "weights.npz").write_bytes((export / "weights.npz").read_bytes()[:-9])
    (export / "programs" / "48.bin").unlink()
    (export / "flatbuffers" / "compat.py").unlink()
    told = predict_command.faults(export)
    assert sorted(told) == ["flatbuffers/compat.py is missing", "programs/48.bin is missing", "weights.npz is damaged"]
    command = [sys.executable, str(export / "predict.py"), str(tmp_path / "out"), "x.npy"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and f"{export} is no whole export ({', '.join(told)}): copy all of" in done.stderr
    (export / "predict_command.py").unlink()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "no whole export (No module named 'predict_command')" in done.stderr
    assert not (tmp_path / "out").exists()
    (export / "model.json").write_text("{")
    assert predict_command.faults(export)[0].startswith("model.json: Expecting property name")


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (np.zeros(9, np.float32), "of shape (9,) and type float32; expected numbers, rows by channels"),
        (np.zeros((9, 2), np.complex64), "type complex64"),
        (np.array([["a"]]), "type <U1"),
        (np.array([{}], object), "Object arrays cannot be loaded"),
        (None, "it cannot be read: No data left in file"),
    ],
)
def test_files_that_hold_no_features_are_named(labelled, tmp_path, capsys, monkeypatch, stored, words):
    path = tmp_path / "a.npy"
    path.touch()
    if stored is not None:
        np.save(path, stored)
    monkeypatch.setattr(sys, "argv", ["predict.py", str(tmp_path / "out"), str(path)])
    monkeypatch.setattr(predict_command, "__file__", str(labelled[1] / "predict_command.py"))
    with pytest.raises(SystemExit, match=r"a\.npy: ") as stopped:
        predict_command.main(read(labelled[1]).__class__)
    assert words in stopped.value.code


@pytest.mark.parametrize("kind", ["segmentation", "localization", "representation"])
def test_a_reader_is_read_in_one_go(kind):
    text = folder.reader_text(kind)
    tree = ast.parse(text)
    documented = [
        node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    words = {line for node in documented for line in range(node.lineno, node.end_lineno + 1)}
    code = [line for number, line in enumerate(text.splitlines(), 1) if line.strip() and number not in words]
    assert len([line for line in code if not line.startswith(("import ", "from "))]) <= 50


def test_a_folder_says_what_it_is_and_is_replaced_as_a_whole(labelled, tmp_path):
    about = json.loads((labelled[1] / "model.json").read_text())
    assert about["lengths"] == [32, 48, 128] and about["checkpoint"]["step"] == 1 and about["kind"] == "segmentation"
    assert (labelled[1] / "classes.txt").read_text().splitlines() == list(runs.CLASS_NAMES)
    shutil.copytree(labelled[1], tmp_path / "again")
    labelled[0].export(tmp_path / "again")
    assert sorted(path.name for path in (tmp_path / "again" / "programs").iterdir()) == ["32.bin", "48.bin"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"other holds other files \(thesis.tex"):
        labelled[0].export(tmp_path / "other")


def test_what_cannot_be_exported_says_why(tmp_path):
    config = runs.make_config(fact_synthetic_transcript)
    runs.write_run(tmp_path / "run", config, {1: 1.0})
    options = Options(
        mode="export", settings=config, workdir=str(tmp_path / "run"), output=str(tmp_path / "out"), format="jax"
    )
    with pytest.raises(UserError, match="reads the transcript of every video"):
        commands.run(options)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="(?s)--format is 'jaxx'.*--longest goes with --format jax.*expected a number"):
        command_flags.check(Options("export", config, workdir="x", output="y", format="jaxx", longest=0))


@pytest.fixture(scope="module")
def localizer():
    config = actionformer_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.data.max_frames = 64
    derived = {"class_names": ["jump", "run", "throw"], "feature_dim": 5, "fps": 10.0}
    task = systems.restore(config, derived)
    rng = np.random.default_rng(0)
    shapes = variable_shapes(task, systems.example_arrays(derived))["params"]
    params = jax.tree.map(lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32), shapes)
    record = {"config": config.to_dict(), "derived": derived}
    told = {"step": 1, "checksum": "", "devices": jax.local_devices()[:1], "say": lambda line: None}
    return LocalizationPredictor(task, params, record=record, **told)


def test_detections_are_those_of_the_library(localizer, tmp_path):
    localizer.export(tmp_path / "export", longest=70)
    model, (first, *_) = read(tmp_path / "export"), json.loads((tmp_path / "export/model.json").read_text())["lengths"]
    assert first == 64
    for length in (1, 37, 66):
        features = np.random.default_rng(length).normal(size=(length, 5)).astype(np.float32)
        expected = localizer.predict(features).detections
        segments, scores, labels = model.predict(features)
        assert len(scores) > 1 or length == 1
        np.testing.assert_array_equal(labels, expected.labels)
        np.testing.assert_allclose(segments, expected.segments, atol=1e-4)
        np.testing.assert_allclose(scores, expected.scores, atol=1e-5)


def test_features_that_say_where_they_lie(localizer, tmp_path, monkeypatch):
    monkeypatch.setattr(localizer, "timed_features", True)
    localizer.export(tmp_path / "export", longest=300)
    model = read(tmp_path / "export")
    for name, times in timed_features.write_features(tmp_path / "features", dim=5).items():
        path = tmp_path / "features" / f"{name}.npy"
        expected = localizer.predict(np.load(path), times=times).detections
        assert expected.segments.min() >= times.start and expected.segments.max() <= times.duration
        centres, edges = predict_rows.read_times(path)
        segments, scores, labels = model.predict(np.load(path), times=predict_rows.seen_times(centres, edges, 1, 0))
        np.testing.assert_array_equal(labels, expected.labels)
        np.testing.assert_allclose(segments, expected.segments, atol=1e-5)
        np.testing.assert_allclose(scores, expected.scores, atol=1e-5)
        np.testing.assert_allclose(centres, times.times, atol=1e-9)
        np.testing.assert_allclose(edges, times.edges, atol=1e-6)
    with pytest.raises(UserError, match="say themselves where they lie in time: give"):
        localizer.predict(np.load(path))
    with pytest.raises(UserError, match="285 rows, and times of 300"):
        localizer.predict(np.load(path), times=FeatureTimes.read(tmp_path / "features" / "even.npy"))
    path.with_suffix(".json").unlink()
    with pytest.raises(ValueError, match=r"times=\.\.\.\) is needed: it was trained with features that say"):
        model.predict(np.load(path))
    with pytest.raises(ValueError, match=r"no edited\.json beside it"):
        predict_command.write_detections(model, path, tmp_path / "edited")


def test_embeddings_are_those_of_the_library(tmp_path):
    model = predictor()
    model.export(tmp_path / "export")
    exported = read(tmp_path / "export")
    assert exported.about["lengths"] == [PER_CHUNK]
    for frames in (video(1), video(12), np.random.default_rng(0).integers(0, 256, (6, 33, 21, 3), np.uint8)):
        np.testing.assert_allclose(exported.predict(frames), model.predict(frames), atol=1e-5)
    with pytest.raises(UserError, match="--longest: videos are embedded in chunks"):
        model.export(tmp_path / "export", longest=5)
