"""Weights of ActionFormer travel both ways, averaged or not, and give the published candidates."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import actionformer_synthetic, fact_gtea
from fact_jax import run_record
from fact_jax.app import conversion
from fact_jax.app.runs.base import Classes
from fact_jax.models.weights import weight_files
from fact_jax.tasks.localization import systems
from fact_jax.training.checkpoints.manager import Checkpoints
from fact_jax.training.checkpoints.weights import read_weights
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.parity import actionformer as parity

torch = pytest.importorskip("torch")

GOLDEN = Path(__file__).parents[1] / "golden" / "actionformer_fpn_small.npz"
CLASSES = [f"action {k}" for k in range(4)]


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as npz:
        return {name: npz[name] for name in npz.files}


@pytest.fixture(scope="module")
def tensors(golden):
    return {name.removeprefix("param/"): golden[name] for name in golden if name.startswith("param/")}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tensors):
    """A checkpoint as the published code writes it; the weights themselves are twice their average."""
    path = tmp_path_factory.mktemp("weights") / "epoch_035.pth.tar"
    averaged = {f"module.{name}": torch.from_numpy(tensor) for name, tensor in tensors.items()}
    raw = {name: 2 * tensor for name, tensor in averaged.items()}
    torch.save({"epoch": 35, "state_dict": raw, "state_dict_ema": averaged,
                "scheduler": {"last_epoch": 35, "_last_lr": [0.0]},
                "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}}, path)  # fmt: skip
    return path


def config_of(**changes):
    config = actionformer_synthetic.get_config().copy_and_resolve_references()
    with config.unlocked():
        config.update_from_flattened_dict({
            "data.max_frames": 64, "model.num_heads": 4, "model.regression_from": (0, 4, 8, 16),
            "model.regression_to": (4, 8, 16, 10000), "detection.candidate_threshold": 0.05,
            "detection.candidates_per_level": 120} | changes)  # fmt: skip
    return config.lock()


def convert(workdir, path, config=None, **options):
    stream = io.StringIO()
    conversion.convert(
        config or config_of(),
        workdir,
        path,
        read_classes=lambda: Classes(CLASSES, "annotations.json"),
        console=writers.Console(stream),
        **options,
    )
    return stream.getvalue()


def stored(workdir):
    """(task, weights) of a workdir."""
    record = run_record.read(workdir)
    config = ConfigDict(record["config"])
    task = systems.restore(config, record["derived"])
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        return task, read_weights(task, config, checkpoints, 0, systems.example_arrays(record["derived"]))


@pytest.fixture(scope="module")
def converted(tmp_path_factory, checkpoint):
    workdir = tmp_path_factory.mktemp("converted") / "run"
    return workdir, convert(workdir, checkpoint)


def test_the_network_is_read_off_the_averaged_weights(converted, golden):
    workdir, said = converted
    for words in (
        "the weights lie below 'state_dict_ema'",
        "removed 'module.' from every name",
        "inferred: ActionFormer, 4 classes, 14 input channels",
        "neck fpn, neck_norm True",
        "window_sizes (5, 5, 5, 5)",
        "model.absolute_positions = False: sinusoids behind the embedding, from the config",
    ):
        assert words in said, words
    task, weights = stored(workdir)
    assert weights.item == "ema" and float(weights.state["normalizer"]["value"]) == 100.0
    settings = json.loads(str(golden["config"]))
    published = parity.actionformer_settings.model_config(settings["model"])
    assert task.model == published


def test_export_gives_the_file_back(converted, tensors, tmp_path):
    for name in ("weights.pth.tar", "weights.npz"):
        conversion.export(converted[0], tmp_path / name, console=writers.Console(io.StringIO()))
        back = weight_files.read_state_dict(tmp_path / name).tensors
        assert back.keys() == tensors.keys()
        assert all(
            back[key].tobytes() == tensors[key].tobytes() and back[key].shape == tensors[key].shape for key in back
        )
    written = torch.load(tmp_path / "weights.pth.tar", weights_only=True)
    assert set(written) == {"state_dict", "state_dict_ema"}
    assert all(name.startswith("module.") for name in written["state_dict_ema"])


def test_the_weights_themselves_on_request(checkpoint, tensors, tmp_path):
    said = convert(tmp_path / "run", checkpoint, config_of(**{"optimizer.ema_decay": 0.0}))
    assert "the weights lie below 'state_dict'" in said
    _, weights = stored(tmp_path / "run")
    expected = 2 * tensors["cls_head.cls_head.conv.bias"]
    np.testing.assert_array_equal(weights.params["heads"]["classification"]["output"]["bias"], expected)


def test_what_does_not_fit_is_named(checkpoint, tensors, tmp_path):
    with pytest.raises(UserError, match="holds ActionFormer, the config is of another system"):
        convert(tmp_path / "run", checkpoint, fact_gtea.get_config())
    with pytest.raises(UserError, match="model.dim: the settings say 64, the file 16"):
        convert(tmp_path / "run", checkpoint, explicit=["model.dim"])
    odd = tensors | {"cls_head.extra": np.zeros(2, np.float32)}
    del odd["reg_head.offset_head.conv.bias"]
    path = weight_files.write_state_dict(tmp_path / "odd.npz", odd)
    with pytest.raises(UserError, match="cls_head.extra(.|\n)*reg_head.offset_head.conv.bias"):
        convert(tmp_path / "run", path)
    path = weight_files.write_state_dict(
        tmp_path / "broken.npz", tensors | {"backbone.embd.0.conv.weight": np.zeros(3)}
    )
    with pytest.raises(UserError, match="expected 3 axes"):
        convert(tmp_path / "run", path)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_converted_weights_give_the_published_candidates(converted, golden):
    task, weights = stored(converted[0])
    features, mask = parity._padded(golden["input/eval0/feats"], task.model.padded_length(64))
    found = jax.jit(task.predict)(weights.params, {}, {"features": features, "mask": mask})
    rows = parity._check_candidates(SimpleNamespace(npz=golden, task=task), "eval0", jax.device_get(found))
    assert [row for row in rows if not row.ok] == []
