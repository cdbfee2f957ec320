"""Whatever is wrong with the files of a user: the exact result, or a message that names the file and the reason.

Every case runs under a time limit and a memory limit, may write into its own folder only, and may start, load or
connect to nothing. The default run takes a part of the 300 cases; `-m survival` takes all.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile

import pytest

from data_pipelines import inspect_dataset
from tests.data_pipelines.dirty import cases, other_cases, watch
from tests.data_pipelines.dirty.dataset import Dataset
from tests.data_pipelines.dirty.entries import ENTRIES

TOTAL = 300
SECONDS = 60.0  # a case takes a fraction of one; machines under load are slow
MEMORY = 600 * 2**20
OTHERS = other_cases.trials(34, 10, 8)
ORDER = ("train", "config", "train", "inspection", "train", "config", "train", "inspection", "train", "copy")
FOLDERS = cases.folder_cases(ORDER, TOTAL - len(OTHERS))
# One of the default run in so many; the copies of TFDS take half a second each.
SHARE = 5


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """What is imported only when it is needed would count as the memory of the case that needs it first."""
    import tensorflow_datasets as tfds

    from data_pipelines.core import prepared_copy

    assert prepared_copy and tfds.core.DatasetInfo
    with contextlib.suppress(ImportError):
        import torch

        torch.zeros(1)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """They are drawn from tables that are checked here, and take seconds."""
    monkeypatch.setattr(inspect_dataset, "_draw", lambda *_: None)


@pytest.fixture
def base():
    """An empty folder that everybody may enter: pytest's own are for root alone, if root runs the tests."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dirty_"))
    folder.chmod(0o755)
    previous = os.getcwd()
    yield folder
    os.chdir(previous)
    shutil.rmtree(folder)


def run(base, prepare, check, unprivileged):
    """Runs `check`, watched, after `prepare`; neither the dataset nor what lies around it may change."""
    prepare()
    (base / "work").chmod(0o777)
    os.chdir(base / "work")
    before = {name: watch.listing(base / name) for name in ("data", "outside")}
    with contextlib.ExitStack() as limits:
        if unprivileged:
            limits.enter_context(watch.unprivileged())
        limits.enter_context(watch.memory_limit(MEMORY))
        limits.enter_context(watch.time_limit(SECONDS))
        limits.enter_context(watch.nothing_outside(base / "work"))
        check()
    assert {name: watch.listing(base / name) for name in before} == before
    assert sorted(entry.name for entry in base.iterdir()) == ["data", "outside", "work"]
    assert not list(base.rglob("CANARY"))


def run_folder(base, case):
    dataset = Dataset(base)
    run(base, lambda: cases.apply(case, dataset.write()), lambda: ENTRIES[case.entry](dataset), case.unprivileged)


def of(selected, every):
    """The cases as parameters; those that are not selected are for `-m survival`."""
    return [
        pytest.param(case, id=str(case)[:150], marks=[] if case in selected else [pytest.mark.survival])
        for case in every
    ]


@pytest.mark.parametrize("case", of(FOLDERS[::SHARE], FOLDERS))
def test_a_dataset_folder(base, case):
    run_folder(base, case)


@pytest.mark.parametrize("trial", of(OTHERS[::SHARE], OTHERS))
def test_another_input(base, trial):
    if trial.name.startswith("weights"):
        pytest.importorskip("torch")
    steps = trial.run(base)
    run(base, lambda: next(steps), lambda: next(steps, None), trial.unprivileged)


def test_there_are_300_cases_and_every_fault_is_in_one():
    assert len(FOLDERS) + len(OTHERS) == TOTAL == len({str(case) for case in (*FOLDERS, *OTHERS)})
    every = {(kind, name) for kind, faults in cases.FAULTS.items() for name in faults}
    assert cases.used(FOLDERS) == every
