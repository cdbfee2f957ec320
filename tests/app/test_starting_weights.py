"""--init_from: what becomes of the weights, in networks of every system and in runs."""

import importlib
import io
import json
import re
import shutil

import jax
import numpy as np
import pytest

from fact_jax import run_record
from fact_jax.app import experiment, kinds, starting_weights
from fact_jax.models.weights import state_dict, weight_files
from fact_jax.models.weights.transfer import transfer
from fact_jax.reporting.report.localization import LocalizationReport
from fact_jax.reporting.report.runs import read_runs
from fact_jax.runtime.processes.group import Processes
from fact_jax.tasks.localization import systems as localization_systems
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.app.test_localization_runs import make_config
from tests.tasks.localization import toy_localizer

NAMES, ORDER, NUM_CHANNELS, NUM_FRAMES = ("pour", "stir", "cut", "serve"), [2, 0, 3, 1], 5, 16
PAIRS = [
    {
        "verbs": ("take", "put"),
        "nouns": ("x", "y", "z"),
        "verb_of_action": (0, 0, 1, 1),
        "noun_of_action": (0, 1, 2, 0),
    },
    {
        "verbs": ("put", "take"),
        "nouns": ("z", "x", "y"),
        "verb_of_action": (1, 1, 0, 0),
        "noun_of_action": (1, 2, 0, 1),
    },
]


def small(name):
    """A config whose class channels no positions are added to: these belong to places, not to classes."""
    config = importlib.import_module(f"configs.{name}").get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        if "input_block" in config.model:
            config.model.input_block.update({"action_dim": 2, "action_heads": 2})
            config.model.frame_positions = False
            config.model.blocks = "IU" if name.endswith("verb_noun") else "iuU"
    return config


def derived_of(class_names, pairs=None):
    return {"class_names": list(class_names), "feature_dim": NUM_CHANNELS, "verb_nouns": pairs}


@pytest.mark.parametrize(
    "name",
    [
        "mstcn_gtea",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                "mstcnpp_gtea", "asformer_gtea", "actionformer_thumos14", "fact_gtea", "fact_synthetic_verb_noun",
                "faformer_gtea",
            )
        ),
    ],
)  # fmt: skip
def test_classes_in_another_order_give_the_same_probabilities(name):
    """So every entry that is of a class is known: of what writes class probabilities, and of what reads them."""
    config, verb_noun = small(name), name.endswith("verb_noun")
    tasks = kinds.of_system(config.model.name).tasks()
    order = list(range(len(NAMES))) if verb_noun else ORDER
    networks = [
        starting_weights.network(
            tasks, config, derived_of([NAMES[k] for k in places], PAIRS[side] if verb_noun else None)
        )
        for side, places in enumerate((range(len(NAMES)), order))
    ]
    rng = np.random.default_rng(0)
    theirs, ours = (
        jax.tree.map(lambda leaf: (0.3 * rng.standard_normal(leaf.shape)).astype(np.float32), shapes)
        for _, shapes, _ in networks
    )
    done = transfer(theirs, ours, *(axes for _, _, axes in networks))
    assert done.by_class and not (done.new or done.left)
    frames = getattr(networks[0][0].model, "max_frames", NUM_FRAMES)
    batch = {"features": rng.standard_normal((1, frames, NUM_CHANNELS)).astype(np.float32)}
    batch |= {"mask": np.arange(frames)[None] < frames - 3, "row": np.zeros(1, np.int32)}
    first, second = (
        np.asarray(task.outputs(params, batch).logits if hasattr(task, "outputs") else
                   task.predict_scores(params, {}, batch)["probabilities"])
        for (task, _, _), params in zip(networks, (theirs, done.tree), strict=True)
    )  # fmt: skip
    assert np.std(first) > 0.01
    np.testing.assert_allclose(second, first[..., order], atol=1e-5, rtol=1e-4)


def test_weight_files_are_told_their_classes_by_the_list_beside_them(tmp_path):
    config = small("mstcn_gtea")
    tasks = kinds.of_system("mstcn").tasks()
    task, shapes, _ = starting_weights.network(tasks, config, derived_of(NAMES))
    theirs = jax.tree.map(lambda leaf: np.full(leaf.shape, 7, np.float32), shapes)
    path = weight_files.write_state_dict(tmp_path / "w.npz", state_dict.to_torch(task.links(), theirs))
    derived, lines = derived_of(("cut", "fry", "pour")), []
    _, shapes, _ = starting_weights.network(tasks, config, derived)
    ours = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)

    def biases():
        lines.clear()
        found = starting_weights.load(path, config, lines.append)
        found.check(derived)
        return found.put_into(ours, {}, config, derived, lines.append)[0]["stage_1"]["output"]["bias"].tolist()

    assert biases() == [0, 0, 0]
    assert "  the classes there are not known, so whatever has an entry per class starts anew" in lines
    assert any("no list of its classes is beside it" in line and "w.npz.mapping.txt" in line for line in lines)
    (tmp_path / "w.npz.mapping.txt").write_text("".join(f"{k} {name}\n" for k, name in enumerate(NAMES)))
    assert biases() == [7, 0, 7]
    assert "  classes of the same name: 2, cut, pour" in lines and "  classes that start anew: 1, fry" in lines
    assert "  classes left there: 2, stir, serve" in lines
    # Every parameter is in one of the rows.
    counts = {
        line[:28].strip(): int(re.search(r"(\d+) parameters", line)[1]) for line in lines if " parameters, " in line
    }
    assert counts == {"taken as it is": 19, "taken by channel and class": 5, "starts anew": 0, "left there": 0}
    (tmp_path / "w.npz.mapping.txt").write_text("0 pour\n2 cut\n")
    with pytest.raises(UserError, match=r"has the class ids \[0, 2\]; expected 0 to 1"):
        biases()
    (tmp_path / "w.npz.mapping.txt").write_text("0 pour\n1 cut\n")
    with pytest.raises(UserError, match="network with 4 classes, and .*mapping.txt has 2 classes"):
        biases()


def test_weights_that_cannot_be_used_are_told(tmp_path):
    config = small("mstcn_gtea")
    with pytest.raises(UserError, match="--init_from: .*gone does not exist; expected a workdir or a state dict"):
        starting_weights.load(tmp_path / "gone", config, print)
    with pytest.raises(UserError, match="holds no run with a checkpoint"):
        starting_weights.load(tmp_path, config, print)
    tasks = kinds.of_system("mstcn").tasks()
    task, shapes, _ = starting_weights.network(tasks, config, derived_of(NAMES))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    path = weight_files.write_state_dict(tmp_path / "w.npz", state_dict.to_torch(task.links(), zeros))
    with pytest.raises(UserError, match="w.npz holds weights of MS-TCN, and this run is of 'asformer'"):
        starting_weights.load(path, small("asformer_gtea"), print)
    with pytest.raises(UserError, match="w.npz reads features of 5 channels, the data has 9"):
        starting_weights.load(path, config, print).check(derived_of(NAMES) | {"feature_dim": 9})


# Runs of the toy localizer, which compile in no time.


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A finished run to begin with."""
    workdir = tmp_path_factory.mktemp("base") / "run"
    with pytest.MonkeyPatch.context() as patch:
        use_toy(patch)
        run(workdir)
    return workdir


@pytest.fixture(autouse=True)
def toy(monkeypatch, request):
    if "base" in request.fixturenames:
        use_toy(monkeypatch)


def use_toy(patch):
    for name in ("build", "restore"):
        patch.setattr(localization_systems, name, getattr(toy_localizer, name))


def run(workdir, config=None, mode="train", **options):
    stream = io.StringIO()
    experiment.run(config or make_config(), workdir, mode, console=writers.Console(stream), **options)
    return stream.getvalue()


def test_a_run_begins_with_the_scores_of_another_one(base, tmp_path):
    """No update of this size changes a float32 number, so what is evaluated are the first parameters."""
    still = make_config(train__steps=1, train__eval_every=1, optimizer__learning_rate=1e-30, optimizer__ema_decay=0.0)
    workdir = tmp_path / "run"
    text = run(workdir, still, init_from=str(base))
    there = json.loads((base / "results.json").read_text())
    assert f"started from {base}, step {there['best_step']}" in text and "the 3 classes are the same" in text
    here = json.loads((workdir / "results.json").read_text())
    assert here["metrics"]["test"]["best"] == there["metrics"]["test"]["best"]
    origin = json.loads((workdir / "config.json").read_text())["derived"]["init_from"]
    assert origin["path"] == str(base) and origin["step"] == there["best_step"] and len(origin["sha256"]) == 64
    assert f"Training began with the weights of {base}, step {origin['step']}" in (workdir / "results.md").read_text()
    assert run(workdir, still, "eval").count("the same, to the last digit") == 1
    assert "holds a finished run: --init_from is not read" in run(workdir, still, init_from=str(base))
    (found,) = read_runs([workdir], {"actionformer": LocalizationReport()})
    assert found.settings["weights"] == f"trained from run step {origin['step']} ({origin['sha256'][:8]})"
    with pytest.raises(UserError, match="--init_from gives the weights that training begins with"):
        run(workdir, still, "eval", init_from=str(base))


def test_a_resumed_run_keeps_its_own_state(base, tmp_path):
    workdir, config = tmp_path / "run", make_config(checkpoint__keep_latest=2)
    run(workdir, config, init_from=str(base))
    expected = (workdir / "results.json").read_bytes()
    record = (workdir / "config.json").read_text()
    for path in ("results.json", "checkpoints/4"):
        target = workdir / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    text = run(workdir, config, init_from=str(base))
    assert "which keeps its own state: --init_from is not read. Training began with the weights of" in text
    assert "resuming after step 2" in text and "started from" not in text
    assert (workdir / "results.json").read_bytes() == expected and (workdir / "config.json").read_text() == record


def test_a_run_without_a_checkpoint_begins_with_the_same_weights_again(base, tmp_path):
    workdir, moved, config, lines = tmp_path / "run", tmp_path / "moved", make_config(), []

    def of_run(init_from=None, where=workdir):
        return starting_weights.of_run(where, init_from, config, Processes(), lines.append)

    assert of_run() == (None, None)
    weights, origin = of_run(str(base))
    assert weights.origin == origin and origin["path"] == str(base)
    run_record.write(workdir, config=config.to_dict(), derived={"init_from": origin})
    weights, again = of_run()
    assert again == origin and weights.tree["kernel"].any()
    # The same weights in another place are the same.
    shutil.copytree(base, moved)
    weights, again = of_run(str(moved))
    assert again == origin and weights.where.startswith(str(moved))
    changed = run_record.read(workdir)
    changed["derived"]["init_from"]["sha256"] = "0" * 64
    run_record.write(workdir, **changed)
    with pytest.raises(UserError, match="begins with other weights than .*. Training began with the weights of"):
        of_run(str(base))
    changed["derived"]["init_from"]["path"] = str(tmp_path / "gone")
    run_record.write(workdir, **changed)
    with pytest.raises(UserError, match="without a checkpoint, which begins with other weights. .*gone does not exist"):
        of_run()
    run_record.write(tmp_path / "other", config=config.to_dict(), derived={})
    with pytest.raises(UserError, match="holds a run that begins without --init_from, and has no checkpoint yet"):
        of_run(str(base), tmp_path / "other")
