"""--mode compare: what is refused at once, folds, plans that are kept, and a comparison that is killed."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from configs import fact_custom, mstcn_custom, mstcn_gtea
from fact_jax import files, run_record
from fact_jax.app import comparison
from fact_jax.app.comparison import child, jobs, systems
from fact_jax.app.comparison.jobs import Cost, Workplace
from fact_jax.app.runs.segmentation_folds import folds
from fact_jax.reporting import results
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.overrides import override

ROOT = Path(__file__).parents[3]
NUM_VIDEOS = 9


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A folder of nine videos of three people, without splits."""
    folder, rng = tmp_path_factory.mktemp("dataset"), np.random.default_rng(0)
    names = ["background", "pour", "stir"]
    for number in range(NUM_VIDEOS):
        labels = np.repeat(np.arange(3), rng.integers(3, 6, 3))
        features = np.eye(4)[labels] + rng.normal(0, 0.3, (len(labels), 4))
        for kind in ("features", "groundTruth"):
            (folder / kind).mkdir(exist_ok=True)
        np.save(folder / "features" / f"P{number // 3}_{number}.npy", features.T.astype(np.float32))
        (folder / "groundTruth" / f"P{number // 3}_{number}.txt").write_text("".join(names[i] + "\n" for i in labels))
    (folder / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
    return folder


def make_config(dataset, base=mstcn_custom, **changes):
    config = base.get_config().copy_and_resolve_references()
    with config.unlocked():
        config.data.dir = str(dataset)
        config.train.epochs = 1
        if base is not fact_custom:
            config.model.update({"num_layers": 2, "dim": 4})
        config.log.tensorboard = config.compilation_cache = config.eval.figures = False
        override(config, changes)
    return config.lock()


OVERRIDDEN = ("train.epochs", "model.num_layers", "model.dim", "eval.figures", "log.tensorboard", "compilation_cache")


def compare(dataset, workdir, config=None, **told):
    """(exit code, lines) of a comparison."""
    stream = io.StringIO()
    told = {"systems": "mstcn,asformer", "folds": 3} | told
    config = config or make_config(dataset)
    code = comparison.compare(config, workdir, comparison.CompareConfig(**told), OVERRIDDEN, writers.Console(stream))
    return code, stream.getvalue()


def fake_process(place, what, task, *arguments):
    """Takes the place of a process: writes what a run leaves, without training."""
    del place, what
    if task is child.measure:
        return (0.5, 12), Cost(10.0, 100.0)
    if task is child.report:
        return None, Cost(1.0, 1.0)
    settings, workdir = arguments
    folder = Path(settings.partition(":")[2])
    config = json.loads((folder / run_record.FILE).read_text())["config"]
    scores = {"F1@0.50": 70.0 if config["model"]["name"] == "asformer" else 60.0, "Edit": 50.0}
    scores["F1@0.50"] += 10 * config["seed"] + int(re.sub(r"\D", "", config["data"]["split"]) or 0)
    steps = config["train"]["steps"] or 7 * config["train"]["epochs"]
    derived = {"total_steps": steps, "steps_per_epoch": 7}
    run_record.write(Path(workdir), config=config, derived=derived)
    result = {"name": "x", "dataset": "custom", "split": config["data"]["split"], "select_metric": "F1@0.50"}
    result |= {"selected_on": "test", "best_step": 1, "final_step": steps, "num_videos": {"train": 6, "test": 3}}
    result |= {"metrics": {"test": {"best": {"F1@0.50": 99.0, "Edit": 99.0}, "final": scores}}}
    files.atomic_write_text(Path(workdir) / "metrics.jsonl", json.dumps({"step": 1, "train/loss": 2.0}) + "\n")
    files.atomic_write_text(Path(workdir) / results.RESULTS_FILE, json.dumps(result))
    return None, Cost(5.0, 50.0)


@pytest.fixture
def fake(monkeypatch):
    """Runs that are done at once; the list of what was run."""
    done = []

    def process(place, what, task, *arguments):
        done.append(what)
        return fake_process(place, what, task, *arguments)

    monkeypatch.setattr(Workplace, "process", process)
    return done


def test_all_that_is_wrong_is_told_at_once(dataset, tmp_path):
    with pytest.raises(UserError) as caught:
        compare(dataset, tmp_path / "new", systems="fct,carl,mstcn,mstcn", folds=12)
    assert str(caught.value).splitlines() == [
        "--systems: 'fct' is no system. Did you mean fact? There are fact, faformer, mstcn, mstcn++, asformer.",
        "--systems: carl is a system of representation, and --config is of segmentation (mstcn): fact, faformer, "
        "mstcn, mstcn++, asformer can be compared on its data.",
        "--systems: mstcn is there 2 times; name it once.",
        f"{dataset} has 9 videos: too few for 12 parts.",
    ]
    with pytest.raises(UserError, match="has 3 groups: too few for 4 parts"):
        compare(dataset, tmp_path / "new", folds=4, group_by=r"^(P\d)")
    with pytest.raises(UserError, match="config.data.reader is 'synthetic'.*write_synthetic FOLDER"):
        compare(dataset, tmp_path / "new", config=make_config(dataset, data__reader="synthetic"))
    assert not (tmp_path / "new").exists()
    config = make_config(dataset, fact_custom, model__num_tokens=2)
    with pytest.raises(UserError, match=r"fact, fold1: .*model.num_tokens"):
        compare(dataset, tmp_path / "new", systems="fact", config=config)


def test_folds_are_those_of_the_dataset_or_new_ones(dataset, tmp_path):
    config = make_config(dataset)
    made = folds(config, None, None, tmp_path)
    assert made.names == tuple(f"fold{number}" for number in range(1, 6)) and len(made.all_videos.splitlines()) == 9
    assert made.settings["test_split_file"] == str(tmp_path / "test.{split}.bundle")
    grouped = folds(config, 3, r"^(P\d)", tmp_path)
    for name in grouped.names:
        train, test = (set(grouped.texts[f"{part}.{name}.bundle"].splitlines()) for part in ("train", "test"))
        assert (
            len(test) == 3
            and len({video[:2] for video in test}) == 1
            and not {v[:2] for v in train} & {v[:2] for v in test}
        )
    own = tmp_path / "own"
    for place in ("features", "groundTruth", "mapping.txt"):
        os.makedirs(own, exist_ok=True)
        os.symlink(dataset / place, own / place)
    (own / "splits").mkdir()
    for number in (1, 2, 10):
        (own / "splits" / f"train.split{number}.bundle").write_text("P0_0.txt\nP0_1.txt\n")
        (own / "splits" / f"test.split{number}.bundle").write_text("P0_2\n")
    config = make_config(own)
    found = folds(config, None, None, tmp_path)
    assert found.names == ("split1", "split2", "split10") and found.texts == {} == dict(found.settings)
    assert found.all_videos == "P0_0\nP0_1\nP0_2\n" == folds(config, 3, None, tmp_path).all_videos
    assert "its own splits (3) are another number" in folds(config, 2, None, tmp_path).notes[0]
    published = make_config(own, mstcn_gtea)
    assert folds(published, None, None, tmp_path).names == found.names
    with pytest.raises(UserError, match="--folds is 2, and gtea has 3 splits of its own"):
        folds(published, 2, None, tmp_path)


def test_every_system_has_its_own_settings_and_what_the_command_line_gave(dataset):
    config = make_config(dataset, data__background_ids=(0, 1), seed=3)
    other = systems.config_of("asformer", config, OVERRIDDEN)
    assert other.model.name == other.name == "asformer" and other.model.num_layers == 2 and other.model.dim == 4
    assert other.train.epochs == 1 and other.seed == 3 and other.data.background_ids == (0, 1)
    assert other.model.num_decoders == 3 and other.eval.figures is False
    fact = systems.config_of("fact", config, OVERRIDDEN)
    assert fact.model.num_tokens == 60 and fact.data.to_dict() == config.data.to_dict()
    assert systems.from_record(json.loads(json.dumps(fact.to_dict()))).to_dict() == fact.to_dict()
    assert systems.unused(config, OVERRIDDEN, [other, fact]) == [
        "config.model.num_layers is no setting of fact, and is not used there",
        "config.model.dim is no setting of fact, and is not used there",
    ]


def test_a_comparison_trains_reports_and_trains_the_best_on_everything(dataset, tmp_path, fake):
    workdir = tmp_path / "compared"
    code, text = compare(dataset, workdir, seeds=2)
    assert code == 0 and "Best: asformer, F1@0.50 77.00 [" in text and "best --mode predict" in text.replace(": ", " ")
    assert len(fake) == 2 * 2 * 3 + 1 + 1 and fake[:2] == ["runs/mstcn/fold1_seed0", "runs/asformer/fold1_seed0"]
    best = run_record.read(workdir / "best")["config"]
    assert best["model"]["name"] == "asformer" and best["data"]["train_split_file"] == best["data"]["test_split_file"]
    assert len(Path(best["data"]["train_split_file"]).read_text().splitlines()) == NUM_VIDEOS
    record = json.loads((workdir / "comparison.json").read_text())
    assert record["protocol"][0].startswith("Scored: background")
    assert {row["F1@0.50"] for row in record["runs"] if row["system"] == "mstcn"} == {61, 62, 63, 71, 72, 73}
    before = {path.name: path.read_bytes() for path in workdir.glob("comparison*")}
    compare(dataset, workdir, seeds=2)  # nothing is left to do but the report
    assert len(fake) == 2 * 2 * 3 + 1 + 2
    assert {path.name: path.read_bytes() for path in workdir.glob("comparison*")} == before
    with pytest.raises(
        UserError, match=r"(?s)holds another comparison:\n  seeds: \[0, 1\] there, \[0\] now\n  settings.*"
    ):
        compare(dataset, workdir, config=make_config(dataset, model__dim=5))
    (workdir / "compare.json").write_text("[]")
    with pytest.raises(UserError, match="compare.json is not the record of a comparison"):
        compare(dataset, workdir)


def test_a_budget_is_measured_once_and_kept(dataset, tmp_path, fake):
    workdir, config = tmp_path / "compared", make_config(dataset, train__epochs=1000)
    _, text = compare(dataset, workdir, config=config, budget=1.0)
    assert fake[:2] == ["the measurement of mstcn", "the measurement of asformer"]
    # 3600 s less 2 x 10 s of measuring and 5 %, in 7 runs, each of which takes 4 s beside its steps of 0.5 s.
    steps = int(((3600 - 20) * 0.95 / 7 - 4) / 0.5)
    assert f"mstcn: {steps} steps of 6000" in text
    assert run_record.read(workdir / "runs/asformer/fold2_seed0")["config"]["train"]["steps"] in (steps, steps + 1)
    assert "a budget of 1 hours" in (workdir / "comparison.md").read_text()
    compare(dataset, workdir, config=config, budget=1.0)
    assert fake.count("the measurement of mstcn") == 1


def test_a_run_that_fails_ends_the_comparison_and_the_next_one_goes_on(dataset, tmp_path, monkeypatch):
    def fails(place, what, task, *arguments):
        if "asformer/fold2" in what:
            raise UserError(f"{what} ended with exit code 2")
        return fake_process(place, what, task, *arguments)

    monkeypatch.setattr(Workplace, "process", fails)
    with pytest.raises(UserError, match="runs/asformer/fold2_seed0 ended with exit code 2"):
        compare(dataset, tmp_path / "compared")
    assert len(Workplace(tmp_path / "compared", None).costs()) == 3
    monkeypatch.setattr(Workplace, "process", fake_process)
    assert compare(dataset, tmp_path / "compared")[0] == 0
    (tmp_path / "compared" / jobs.COSTS).write_text("{")
    with pytest.raises(UserError, match="costs.json cannot be read"):
        compare(dataset, tmp_path / "compared")


def command(dataset, workdir):
    flags = [f"--config.data.dir={dataset}", "--config.train.epochs=1", "--config.model.num_layers=1"]
    flags += ["--config.model.dim=4", "--config.eval.figures=False", "--config.log.tensorboard=False"]
    told = ["--mode=compare", "--systems=mstcn,asformer", "--folds=2", f"--workdir={workdir}"]
    return [sys.executable, "main.py", "--config=configs/mstcn_custom.py", *told, *flags]


def report_of(workdir):
    """The report without the times."""
    names = ("comparison.json", "comparison.csv", "comparison_curves.csv", "details/report.html", "details/report.md")
    texts = {name: (workdir / name).read_text() for name in names}
    pages = {name: (workdir / name).read_text() for name in ("comparison.md", "comparison.html")}
    return texts | {name: re.split('## Time and memory|<section id="times"', text)[0] for name, text in pages.items()}


@pytest.mark.survival
def test_killed_and_run_again_the_report_is_that_of_an_undisturbed_one(dataset, tmp_path):
    subprocess.run(command(dataset, tmp_path / "undisturbed"), cwd=ROOT, check=True, capture_output=True)
    rng, kills = np.random.default_rng(0), 0
    while True:
        process = subprocess.Popen(command(dataset, tmp_path / "killed"), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + rng.uniform(10, 40) * (1 + kills)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert process.returncode == 0 and kills > 0
    assert report_of(tmp_path / "killed") == report_of(tmp_path / "undisturbed")
