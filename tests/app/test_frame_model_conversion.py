"""Weights of networks that label frames travel both ways; those of real MS-TCNs give their recorded outputs."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import asformer_gtea, fact_gtea, mstcn_50salads, mstcn_gtea, mstcnpp_gtea
from fact_jax import run_record
from fact_jax.models.weights import state_dict, weight_files
from fact_jax.tasks.segmentation import systems
from fact_jax.tasks.segmentation.frame_models import FrameTask
from fact_jax.types import UserError
from tests.app.conversions import convert, export, stored
from tests.models import fact_cases as cases
from tests.models.frame_cases import MODELS, random_params
from tests.parity.__main__ import check_file

WEIGHTS = Path(__file__).parents[3] / "shared" / "data" / "mstcn_weights"
CLASSES = ("background", "pour", "stir", "serve")
BATCH = cases.ragged_batch((6,), 6)
CONFIGS = {"mstcn": mstcn_gtea, "mstcn++": mstcnpp_gtea, "mstcn++ shared": mstcnpp_gtea, "asformer": asformer_gtea}
# Settings that change no evaluation.
UNTOLD = ("dropout_rate", "channel_dropout_rate")


def state_dict_of(name):
    """(task, parameters, published state dict) of a small network."""
    task = FrameTask(MODELS[name])
    params = random_params(task, BATCH)
    return task, params, state_dict.to_torch(task.links(), params)


@pytest.mark.parametrize("name", CONFIGS, ids=lambda name: name.replace(" ", "_"))
def test_weights_come_back_bit_for_bit_without_a_setting(name, tmp_path):
    task, params, tensors = state_dict_of(name)
    path = weight_files.write_state_dict(tmp_path / "epoch-50.npz", tensors)
    config = CONFIGS[name].get_config()
    said = convert(tmp_path / "run", path, config, CLASSES)
    assert f"inferred: {task.model.title}, 4 classes, {cases.FEATURE_DIM} input channels" in said
    assert "model.dim = 6 (was 64)" in said and "data.sample_rate = 1" in said
    restored, found = stored(tmp_path / "run")
    untold = {key: config.model[key] for key in UNTOLD if key in config.model}
    assert restored.model == dataclasses.replace(task.model, **untold)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(params), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    said = export(tmp_path / "run", tmp_path / "back.safetensors")
    back = weight_files.read_state_dict(tmp_path / "back.safetensors").tensors
    assert back.keys() == tensors.keys() and all(back[name].tobytes() == tensors[name].tobytes() for name in tensors)
    assert (tmp_path / "back.safetensors.mapping.txt").read_text().startswith("0 background\n")
    assert ".yaml" not in said


def test_names_come_in_the_published_order():
    _, _, tensors = state_dict_of("mstcn")
    names = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
    stage = [
        "conv_1x1",
        *(f"layers.{layer}.{part}" for layer in range(3) for part in ("conv_dilated", "conv_1x1")),
        "conv_out",
    ]
    assert names == [f"{prefix}.{name}" for prefix in ("stage1", "stages.0", "stages.1") for name in stage]
    _, _, tensors = state_dict_of("mstcn++ shared")
    assert list(tensors)[:4] == [
        f"PG.{name}"
        for name in ("conv_1x1_in.weight", "conv_1x1_in.bias", "conv_dilated_1.0.weight", "conv_dilated_1.0.bias")
    ]
    np.testing.assert_array_equal(tensors["Rs.0.conv_out.weight"], tensors["Rs.2.conv_out.weight"])


def test_the_other_spelling_is_read(tmp_path):
    task, params, tensors = state_dict_of("mstcn")
    path = weight_files.write_state_dict(
        tmp_path / "weights.npz", {name.replace("conv_1x1", "conv_in"): tensor for name, tensor in tensors.items()}
    )
    convert(tmp_path / "run", path, mstcn_gtea.get_config(), CLASSES)
    jax.tree.map(np.testing.assert_array_equal, stored(tmp_path / "run")[1], params)


def test_what_does_not_fit_is_named(tmp_path):
    _, _, tensors = state_dict_of("mstcn")
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    with pytest.raises(UserError, match=r"holds MS-TCN, the config is of another system .*'fact'.*configs/mstcn_\*"):
        convert(tmp_path / "run", path, fact_gtea.get_config(), CLASSES)
    with pytest.raises(UserError, match=r"another system .*'mstcn\+\+'"):
        convert(tmp_path / "run", path, mstcnpp_gtea.get_config(), CLASSES)
    with pytest.raises(UserError, match="a network with 4 classes, the dataset has 3"):
        convert(tmp_path / "run", path, mstcn_gtea.get_config(), CLASSES[:3])
    with pytest.raises(UserError, match="model.dim: the settings say 64, the file 6"):
        convert(tmp_path / "run", path, mstcn_gtea.get_config(), CLASSES, explicit=["model.dim"])
    odd = dict(tensors) | {"stages.1.norm.weight": np.ones(6, np.float32)}
    del odd["stages.0.layers.1.conv_1x1.bias"]
    path = weight_files.write_state_dict(tmp_path / "odd.npz", odd)
    with pytest.raises(UserError, match="(?s)file has stages.1.norm.weight.*needs stages.0.layers.1.conv_1x1.bias"):
        convert(tmp_path / "run", path, mstcn_gtea.get_config(), CLASSES)
    assert not (tmp_path / "run").exists()


def test_a_variant_whose_stages_are_called_alike_is_told_apart(tmp_path):
    _, _, tensors = state_dict_of("mstcn")
    stages = {"stage1": "stages.0", "stages.0": "stages.1", "stages.1": "stages.2", "stages.2": "stages.3"}
    renamed = {}
    for name, tensor in tensors.items():
        stage = next(stage for stage in stages if name.startswith(f"{stage}."))
        renamed[stages[stage] + name.removeprefix(stage)] = tensor
    path = weight_files.write_state_dict(tmp_path / "variant.npz", renamed)
    for config in (mstcn_gtea, fact_gtea):
        with pytest.raises(
            UserError, match=r"variant\.npz is of a variant of MS-TCN: its first stage is called stages\.0"
        ):
            convert(tmp_path / "run", path, config.get_config(), CLASSES)


@pytest.mark.parametrize(
    ("golden", "title", "name"), [("fact_iuU_m_o2o", "FACT", "fact"), ("faformer_gtea_small", "FAFormer", "faformer")]
)
def test_weights_of_fact_need_a_config_of_fact(tmp_path, golden, title, name):
    tensors = {"action_query": np.zeros((3, 1, 4), np.float32)}
    with np.load(Path(__file__).parents[1] / "golden" / f"{golden}.npz") as arrays:
        tensors |= {key.removeprefix("param/"): arrays[key] for key in arrays if key.startswith("param/")}
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    with pytest.raises(UserError, match=f"holds {title}, the config is of another system .*'mstcn'.*configs/{name}_"):
        convert(tmp_path / "run", path, mstcn_gtea.get_config(), CLASSES)


@pytest.mark.parametrize(
    ("weights", "config", "num_classes"),
    [("mstcn_gtea_split1.prm", mstcn_gtea, 11), ("mstcn_50salads_split1_state.npz", mstcn_50salads, 19)],
)
def test_trained_weights_convert_and_give_their_recorded_outputs(weights, config, num_classes, tmp_path):
    path = WEIGHTS / weights
    if not path.is_file():
        pytest.skip("the trained weights are not beside this checkout")
    if path.suffix == ".prm":
        pytest.importorskip("torch")
    said = convert(tmp_path / "run", path, config.get_config(), [f"action {k}" for k in range(num_classes)])
    assert "the file differs from the config" not in said  # the published settings are the config's
    record = run_record.read(tmp_path / "run")
    assert systems.restore(record["config"], record["derived"]).model.num_classes == num_classes
    rows = check_file(path.with_name(weights.partition("_split1")[0] + "_split1_golden.npz"))
    assert {row.name for row in rows} > {f"stage{stage}" for stage in range(4)}
    assert [row for row in rows if not row.ok] == []


@pytest.mark.parametrize("name", ["mstcn", "mstcn++"])
def test_recorded_outputs_of_small_networks_agree_and_wrong_ones_fail(name, tmp_path):
    """The parity runner on a file that it has never seen."""
    task, params, tensors = state_dict_of(name)
    weight_files.write_state_dict(tmp_path / "small_state.npz", tensors)
    x = np.random.default_rng(7).standard_normal((1, cases.FEATURE_DIM, 9)).astype(np.float32)
    logits = jax.device_get(
        jax.jit(task.model.network.apply)({"params": params}, x.transpose(0, 2, 1), np.ones((1, 9), bool), None)
    )
    arrays = {f"stage{stage}": values.transpose(0, 2, 1) for stage, values in enumerate(logits)}
    arrays |= {"seed": np.int64(7), "shape": np.array(x.shape), "x_head": x[0, :4, :4]}
    np.savez(tmp_path / "small_golden.npz", **arrays)
    assert all(row.ok for row in check_file(tmp_path / "small_golden.npz"))
    np.savez(tmp_path / "small_golden.npz", **arrays | {"stage1": arrays["stage1"] + 2e-4, "stage9": arrays["stage0"]})
    failed = [row.name for row in check_file(tmp_path / "small_golden.npz") if not row.ok]
    assert [name for name in failed if "composed" not in name] == ["stage1", "further stages in the file"]
