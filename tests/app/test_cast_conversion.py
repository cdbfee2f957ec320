"""CAST's weights travel both ways through workdirs; files of both experts together begin a run."""

import dataclasses
import io

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from ml_collections import ConfigDict

from configs import cast_synthetic, cast_synthetic_verb_noun
from fact_jax import run_record
from fact_jax.app import conversion, starting_weights
from fact_jax.app.runs import recognition
from fact_jax.models.cast import links, published
from fact_jax.models.weights import class_list, state_dict, weight_files
from fact_jax.tasks.recognition import systems
from fact_jax.training.checkpoints.manager import Checkpoints
from fact_jax.training.checkpoints.weights import read_weights
from fact_jax.training.logging import writers
from fact_jax.types import UserError


def config_of(module=cast_synthetic, **changes):
    config = module.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.update_from_flattened_dict({key.replace("__", "."): value for key, value in changes.items()})
    return config.lock()


def derived_of(config):
    classes = recognition.read_classes(config)
    pairs = classes.verb_nouns
    return {"class_names": list(classes.names), "verb_nouns": None if pairs is None else dataclasses.asdict(pairs)}


def random_params(config, seed):
    """(task, parameters of the network of a config)."""
    task = systems.restore(config, derived_of(config))
    shapes = jax.eval_shape(lambda key: task.init(key, {})["params"], jax.random.key(0))
    rng = np.random.default_rng(seed)
    return task, jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape).astype(np.float32), shapes)


def flat(tree):
    return flatten_dict(tree, sep="/")


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def convert(workdir, path, config):
    stream = io.StringIO()
    classes = recognition.read_classes(config)
    conversion.convert(config, workdir, path, read_classes=lambda: classes, console=writers.Console(stream))
    return stream.getvalue()


def stored(workdir):
    """{path: array} of all parameters of a converted workdir."""
    record = run_record.read(workdir)
    config, derived = ConfigDict(record["config"]), record["derived"]
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        task = systems.restore(config, derived)
        return flat(read_weights(task, config, checkpoints, 0, systems.example_arrays(derived)).params)


@pytest.mark.parametrize("module", [cast_synthetic, cast_synthetic_verb_noun])
def test_weights_come_in_and_go_out(module, tmp_path):
    config = config_of(module)
    task, params = random_params(config, 0)
    tensors = published.to_state_dict(task.model, params)
    path = weight_files.write_state_dict(tmp_path / "cast.npz", {f"module.{key}": one for key, one in tensors.items()})
    said = convert(tmp_path / "run", path, config)
    assert "every tensor has its place" in said and "removed 'module.'" in said
    assert_same(stored(tmp_path / "run"), flat(params))
    conversion.export(tmp_path / "run", tmp_path / "out.npz", console=writers.Console(io.StringIO()))
    assert_same(weight_files.read_state_dict(tmp_path / "out.npz").tensors, tensors)
    # Of two classifiers the classes of both, which say whose they are.
    names = class_list.read(tmp_path / "out.npz.mapping.txt")
    assert names == tuple(derived_of(config)["class_names"]) and len(names) == sum(task.model.num_classes)
    other = config_of(cast_synthetic_verb_noun if module is cast_synthetic else cast_synthetic)
    with pytest.raises(UserError, match="and every clip of the dataset has"):
        convert(tmp_path / "other", path, other)


def expert_file(folder, config, part):
    """(file of one expert, its parameters), as CLIP and VideoMAE publish them."""
    _, params = random_params(config, 5)
    own = {"clip": links.clip_links, "videomae": links.videomae_links}[part](config.model.num_layers)
    tensors = state_dict.to_torch(own, {part: params[part]})
    prefix = {"clip": "visual.", "videomae": "encoder."}[part]
    tensors = {prefix + name: tensor for name, tensor in tensors.items()}
    return weight_files.write_state_dict(folder / f"{part}.npz", tensors), flat({part: params[part]})


def test_a_run_begins_with_both_experts(tmp_path):
    config, lines = config_of(cast_synthetic_verb_noun), []
    derived = derived_of(config)
    files = [expert_file(tmp_path, config, part) for part in ("clip", "videomae")]
    weights = starting_weights.load_all([str(path) for path, _ in files], config, lines.append)
    weights.check(derived)
    assert [part["path"] for part in weights.origin["parts"]] == [str(path) for path, _ in files]
    _, drawn = random_params(config, 9)
    params, _ = weights.put_into(drawn, {}, config, derived, lines.append)
    assert_same(flat(params), flat(drawn) | files[0][1] | files[1][1])
    text = "\n".join(lines)
    assert f"started from {files[0][0]} and {files[1][0]}:" in text
    assert "clip.npz: took the" in text and "videomae.npz: took the" in text
    assert "not there: adapters/*" in text and "exchange/*" in text
    with pytest.raises(UserError, match=r"clip.npz and .*clip.npz both bring clip/"):
        starting_weights.load_all([str(files[0][0])] * 2, config, lines.append)
    small = config_of(cast_synthetic_verb_noun, model__num_layers=1)
    with pytest.raises(UserError, match=r"in another size(.|\n)*num_layers is 1, in the file 2"):
        starting_weights.load_all([str(path) for path, _ in files], small, lines.append)


def test_an_expert_alone_becomes_a_workdir_that_says_what_it_lacks(tmp_path):
    config = config_of(model__experts="clip")
    path, params = expert_file(tmp_path, config, "clip")
    said = convert(tmp_path / "run", path, config)
    assert "the rest of the network starts anew, at random, by seed 0: classifiers_label, " in said
    told = "with the clip part alone; the rest has learned nothing, so its predictions mean nothing"
    assert f"{told}: train it with --init_from {path}\n" in said
    assert_same({name: array for name, array in stored(tmp_path / "run").items() if name in params}, params)
    other = config_of(model__experts="videomae")
    with pytest.raises(UserError, match="holds CLIP, and the network that the settings give has no such part"):
        convert(tmp_path / "other", path, other)


def test_another_class_list_takes_the_classes_of_the_same_name(tmp_path):
    config = config_of(cast_synthetic_verb_noun)
    task, params = random_params(config, 0)
    path = weight_files.write_state_dict(tmp_path / "cast.npz", published.to_state_dict(task.model, params))
    convert(tmp_path / "run", path, config)
    derived = derived_of(config)
    pairs = derived["verb_nouns"]
    nouns = [pairs["nouns"][2], "lamp", pairs["nouns"][0]]
    derived["verb_nouns"] = pairs | {"nouns": nouns}
    ours = systems.restore(config, derived)
    drawn = jax.tree.map(
        lambda leaf: np.full(leaf.shape, 7, np.float32),
        jax.eval_shape(lambda key: ours.init(key, {})["params"], jax.random.key(0)),
    )
    weights = starting_weights.load(tmp_path / "run", config, print)
    found = flat(weights.put_into(drawn, {}, config, derived, lambda line: None)[0])
    kernels = [name for name in found if name.endswith("kernel") and "classifiers_noun" in name]
    assert len(kernels) == 1
    there = flat(params)[kernels[0]]
    np.testing.assert_array_equal(found[kernels[0]], np.stack([there[:, 2], np.full(len(there), 7), there[:, 0]], 1))
    verb = kernels[0].replace("noun", "verb")
    np.testing.assert_array_equal(found[verb], flat(params)[verb])
