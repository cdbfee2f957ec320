"""CARL's weights travel both ways, statistics and all; files of a ResNet fill that part of the network."""

import io

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from ml_collections import ConfigDict

from configs import carl_cls_pouring, carl_pouring, fact_gtea
from fact_jax import run_record
from fact_jax.app import conversion, starting_weights
from fact_jax.app.runs.base import Classes
from fact_jax.models.carl import published
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.weights import class_list, weight_files
from fact_jax.tasks.representation import systems
from fact_jax.training.checkpoints.manager import Checkpoints
from fact_jax.training.checkpoints.weights import read_weights
from fact_jax.training.logging import writers
from fact_jax.training.start import evaluate_needed
from fact_jax.training.state import init_key
from fact_jax.types import UserError
from tests.app.conversions import variant
from tests.models.carl_cases import TINY, tiny_variables
from tests.models.test_carl_published import resnet_tensors

PHASES = ("reach", "pour", "return")
# The sizes of TINY that no file tells.
UNTOLD = {"model.num_heads": TINY.num_heads, "data.clip.num_frames": TINY.num_frames}
UNTOLD |= {"model.chunk_frames": TINY.chunk_frames, "model.conv_dims": TINY.conv_dims}
SIZES = {
    f"model.{name}": getattr(TINY, name)
    for name in ("stem_dim", "stage_dims", "stage_blocks", "fc_dims", "hidden_dim", "ff_dim", "embedding_dim",
                 "projection_dim", "num_layers")
}  # fmt: skip


def config_of(module=carl_pouring, **changes):
    config = module.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.update_from_flattened_dict(UNTOLD | {key.replace("__", "."): value for key, value in changes.items()})
    return config.lock()


def convert(workdir, path, config=None, class_names=(), **options):
    stream = io.StringIO()
    conversion.convert(
        config or config_of(),
        workdir,
        path,
        read_classes=lambda: Classes(class_names, "phases.txt" if class_names else ""),
        console=writers.Console(stream),
        **options,
    )
    return stream.getvalue()


def export(workdir, path):
    stream = io.StringIO()
    conversion.export(workdir, path, console=writers.Console(stream))
    return stream.getvalue()


def stored(workdir):
    """(task, {path: array} of all variables) of a workdir."""
    record = run_record.read(workdir)
    config, derived = ConfigDict(record["config"]), record["derived"]
    task = systems.restore(config, derived)
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        weights = read_weights(task, config, checkpoints, 0, systems.example_arrays(derived))
    return task, flat({"params": weights.params, **weights.state})


def flat(variables):
    return flatten_dict(variables, sep="/")


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape and found[name].tobytes() == array.tobytes(), name


@pytest.fixture(scope="module")
def tensors():
    return published.to_state_dict(TINY, tiny_variables(TINY))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tensors):
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    return weight_files.write_state_dict(tmp_path_factory.mktemp("weights") / "carl.npz", wrapped)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A MoCo file: the ResNet, its follower, a queue."""
    tensors = resnet_tensors(prefix="module.encoder_q.")
    tensors |= {name.replace("encoder_q", "encoder_k"): -tensor for name, tensor in tensors.items()}
    tensors["module.queue"] = np.zeros((4, 8), np.float32)
    return weight_files.write_state_dict(tmp_path_factory.mktemp("weights") / "moco.npz", tensors)


@pytest.fixture(scope="module")
def converted(tmp_path_factory, checkpoint):
    workdir = tmp_path_factory.mktemp("converted") / "run"
    return workdir, convert(workdir, checkpoint)


def test_all_of_a_checkpoint_comes_in(converted):
    workdir, said = converted
    for words in (
        "removed 'module.' from every name",
        "not needed: numbers of batches, num_batches_tracked (23)",
        "inferred: CARL, 3 input channels",
        "embedder transformer, fc_dims (8, 8), hidden_dim 12, num_layers 2, ff_dim 16, embedding_dim 6",
        "6,483 parameters and 450 running statistics, none missing, none left over",
        "model.hidden_dim = 12 (was 16)",
        "data.clip.num_frames = 6: frames of a training clip, to which positions are stretched, from the config",
        "model.num_heads = 3: heads of the attention, from the config",
    ):
        assert words in said, words
    assert "classes" not in said and "int64" not in said
    task, variables = stored(workdir)
    assert task.model == TINY
    assert_same(variables, flat(tiny_variables(TINY)))


def test_export_gives_the_file_back(converted, tensors, tmp_path):
    said = export(converted[0], tmp_path / "weights.safetensors")
    assert_same(weight_files.read_state_dict(tmp_path / "weights.safetensors").tensors, tensors)
    assert "classes" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]


def test_the_layout_of_the_release(converted, tensors, tmp_path):
    torch = pytest.importorskip("torch")
    export(converted[0], tmp_path / "out.pth")
    held = torch.load(tmp_path / "out.pth", weights_only=True)
    assert list(held) == ["model_state"] and list(held["model_state"]) == list(tensors)
    released = {"epoch": 9, "model_state": held["model_state"], "optimizer_state": {"state": {}, "param_groups": []}}
    torch.save(released, tmp_path / "checkpoint_epoch_00009.pth")
    said = convert(tmp_path / "run", tmp_path / "checkpoint_epoch_00009.pth")
    assert "the weights lie below 'model_state'" in said and "left out what lies beside them" in said
    assert_same(stored(tmp_path / "run")[1], flat(tiny_variables(TINY)))


def test_a_classifier_knows_its_classes(tmp_path):
    model = CARLConfig(**{**vars(TINY), "num_classes": 3, "projection_dim": 0})
    tensors = published.to_state_dict(model, tiny_variables(model))
    path = weight_files.write_state_dict(tmp_path / "cls.npz", tensors)
    said = convert(tmp_path / "run", path, class_names=PHASES)
    assert "loss.objective = 'classification' (was 'scl')" in said and "3 classes, in the order of phases.txt" in said
    assert stored(tmp_path / "run")[0].model == model
    export(tmp_path / "run", tmp_path / "out.npz")
    assert class_list.read(tmp_path / "out.npz.mapping.txt") == PHASES
    with pytest.raises(UserError, match="network with 3 classes, the dataset has 2"):
        convert(tmp_path / "other", path, config_of(carl_cls_pouring), class_names=PHASES[:2])
    with pytest.raises(UserError, match="id 0 is 'reach' in .* and 'pour' in"):
        convert(tmp_path / "other", tmp_path / "out.npz", class_names=(PHASES[1], PHASES[0], PHASES[2]))


@pytest.mark.slow
def test_a_resnet_becomes_a_network_whose_rest_starts_anew(resnet, tmp_path):
    config = config_of(seed=3, **SIZES)
    said = convert(tmp_path / "run", resnet, config)
    for words in (
        "took the 100 tensors of the ResNet, below 'encoder_q.'",
        "left out 106 tensors that are no part of it: encoder_k, encoder_q.fc, queue",
        "inferred: the ResNet of CARL, 3 input channels",
        "the rest of the network starts anew, at random, by seed 3: embedder, head, ",
    ):
        assert words in said, words
    task, variables = stored(tmp_path / "run")
    drawn = evaluate_needed(lambda key: task.init(key, {}), init_key(3))
    expected = flat({"params": drawn["params"], **drawn["state"]})
    theirs = flat(tiny_variables(TINY))
    taken = {path for path in expected if path.split("/")[1] == "resnet"}
    assert_same(variables, expected | {path: 2 * theirs[path] for path in taken})


def begin(path, config, lines):
    """(parameters and statistics that a run starts with, the drawn ones), {path: array} each."""
    derived = {"class_names": []}
    weights = starting_weights.load(path, config, lines.append)
    weights.check(derived)
    task = systems.restore(config, derived)
    drawn = jax.tree.map(
        lambda leaf: np.full(leaf.shape, 7, np.float32),
        jax.eval_shape(lambda key: task.init(key, {}), jax.random.key(0)),
    )
    params, state = weights.put_into(drawn["params"], drawn["state"], config, derived, lines.append)
    return flat({"params": params, **state}), flat({"params": drawn["params"], **drawn["state"]})


def test_a_run_begins_with_a_resnet(resnet):
    lines = []
    found, drawn = begin(resnet, config_of(**SIZES), lines)
    theirs = flat(tiny_variables(TINY))
    assert_same(found, {path: 2 * theirs[path] if "/resnet/" in path else drawn[path] for path in drawn})
    text = "\n".join(lines)
    assert "started from" in text and "took the 100 tensors of the ResNet, below 'encoder_q.'" in text
    anew = "batch_stats/embedder/* (4), batch_stats/head/* (2), params/embedder/* (44), params/head/* (6)"
    assert f"not there: {anew}" in text and "classes" not in text
    with pytest.raises(UserError, match=r"in another size(.|\n)*stage_blocks is \(1, 1, 1, 1\), in the file \(1, 1, 2"):
        begin(resnet, config_of(**SIZES | {"model.stage_blocks": (1, 1, 1, 1)}), [])


def test_a_run_begins_with_another_run(converted):
    lines = []
    found, drawn = begin(converted[0], config_of(**SIZES | {"model.num_layers": 3}), lines)
    theirs = flat(tiny_variables(TINY))
    assert_same(found, {path: theirs.get(path, drawn[path]) for path in drawn})
    assert any("not there: params/embedder/layer_2/* (16)" in line for line in lines)


def test_what_does_not_fit_is_named(checkpoint, tensors, tmp_path):
    def refused(words, tensors, config=None, **options):
        path = weight_files.write_state_dict(tmp_path / "w.npz", tensors)
        with pytest.raises(UserError, match=words):
            convert(tmp_path / "run", path, config, **options)

    refused("holds CARL, the config is of another system", tensors, fact_gtea.get_config())
    refused("holds the ResNet of CARL, the config is of another system", resnet_tensors(), fact_gtea.get_config())
    refused("model.num_layers: the settings say 1, the file 2", tensors, explicit=["model.num_layers"])
    half = dict(list(tensors.items())[: len(tensors) // 2])
    refused("of no system known here", half)
    odd = {name: tensor for name, tensor in tensors.items() if name != "embed.video_emb.bias"}
    odd["embed.extra"] = np.zeros(3, np.float32)
    refused("file has embed.extra(.|\n)*the model needs embed.video_emb.bias, the file lacks it", odd)
    names = [name for name in resnet_tensors() if ".conv3." not in name and ".bn3." not in name]
    shallow = {name: resnet_tensors()[name] for name in names}
    refused("blocks of two convolutions, as ResNet-18 and ResNet-34 have; expected three", shallow)
    path, _ = variant(fact_gtea, tmp_path)
    with pytest.raises(UserError, match="holds FACT, the config is of another system .*'carl'"):
        convert(tmp_path / "run", path)
    with pytest.raises(UserError, match="holds weights of FACT, and this run is of 'carl'"):
        starting_weights.load(path, config_of(), print)
    assert not (tmp_path / "run").exists()
