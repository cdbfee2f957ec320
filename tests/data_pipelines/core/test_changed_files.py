"""Files that change while a run reads them: the run names it, keeps its checkpoint and goes on once it is back."""

import io
import os
import re
import shutil

import numpy as np
import pytest

from configs import fact_synthetic
from fact_jax.app import experiment
from fact_jax.tasks.segmentation import systems
from fact_jax.training import loop
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.data_pipelines import folders
from tests.training import toy

STEPS, EVERY = 12, 2
WRITER = "fact_jax.reporting.segmentation.writer.write_evaluation"


def make_config(root, **changes):
    """Training on a folder, features read again for every batch."""
    config = fact_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        data = vars(folders.settings(root, **changes))
        config.data.update({name: value for name, value in data.items() if name != "synthetic"})
        config.data.memory_gb = 0.0
        config.train.update({"steps": STEPS, "eval_every": EVERY, "log_every": 1, "batch_size": 1})
        config.eval.update({"select_metric": "Acc", "figures": False})
        config.log.tensorboard = config.compilation_cache = False
    return config.lock()


class Trigger(io.StringIO):
    """Calls `act` once, when a line with these words is printed."""

    def __init__(self, words, act):
        super().__init__()
        self._words, self._act = words, act

    def write(self, text):
        if self._act and self._words in text:
            act, self._act = self._act, None
            act()
        return super().write(text)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(metrics.jsonl, folder of the dataset) of a run that nothing happened to."""
    root = tmp_path_factory.mktemp("undisturbed")
    folders.write_folder(root / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(systems.BUILDERS, "fact", toy.build)
        patch.setattr(WRITER, toy.write_evaluation)
        config = make_config(root / "data")
        assert experiment.run(config, root / "run", console=writers.Console(io.StringIO())) == 0
    return (root / "run" / "metrics.jsonl").read_bytes(), root / "data"


def save(change):
    def fault(path):
        values = np.load(path)
        path.unlink()
        np.save(path, change(values))

    return fault


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


FAULTS = {
    "cut short": (lambda path: os.truncate(path, path.stat().st_size - 200), r"truncated: .* of .* bytes for shape .*"),
    "emptied": (lambda path: os.truncate(path, 0), r"not a \.npy file; expected .*"),
    "deleted": (lambda path: path.unlink(), "file is missing"),
    "wider": (save(lambda values: np.vstack([values, values])), r"\d+ frames of 12 channels, expected \d+ of 6"),
    "shorter": (save(lambda values: values[:, :9]), r"9 frames of 6 channels, expected \d+ of 6"),
    "another file": (lambda path: path.write_bytes(b"PK\x03\x04"), r"not a \.npy file; expected .*"),
    "a pipe": (make_pipe, r"file cannot be read \(not a regular file\)"),
}


TWO = (("cut short", "v1"), ("deleted", "v4"))


@pytest.mark.parametrize(
    ("fault", "video"),
    [
        pytest.param(fault, video, marks=[] if (fault, video) in TWO else [pytest.mark.survival])
        for fault in FAULTS
        for video in ("v1", "v4")  # of the training and of the test list
    ],
)
def test_a_feature_file_that_changes_stops_the_run_and_it_goes_on_later(
    tmp_path, monkeypatch, undisturbed, fault, video
):
    monkeypatch.setitem(systems.BUILDERS, "fact", toy.build)
    monkeypatch.setattr(WRITER, toy.write_evaluation)
    metrics, sound = undisturbed
    shutil.copytree(sound, tmp_path / "data", copy_function=shutil.copy2)
    path = tmp_path / "data" / "features" / f"{video}.npy"
    content, times = path.read_bytes(), path.stat()
    config, workdir = make_config(tmp_path / "data"), tmp_path / "run"
    act, words = FAULTS[fault]
    console = writers.Console(Trigger(f"step {2 * EVERY}  test:", lambda: act(path)))
    words = rf".*/{video}\.npy: {words}\. The file has changed since it was checked\."
    with pytest.raises(UserError) as caught:
        experiment.run(config, workdir, console=console)
    assert re.fullmatch(words, str(caught.value)), caught.value
    with loop.open_checkpoints(config, workdir, read_only=True) as checkpoints:
        # Of the batches that were read ahead of the fault, evaluations may still come.
        assert checkpoints.steps()[-1] >= 2 * EVERY
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert experiment.run(config, workdir, console=writers.Console(io.StringIO())) == 0
    assert (workdir / "metrics.jsonl").read_bytes() == metrics
