"""Weights of FAFormer travel as FACT's do, and the two are told apart."""

from pathlib import Path

import jax
import numpy as np
import pytest

from configs import fact_gtea, faformer_breakfast, faformer_gtea, published
from fact_jax import run_record
from fact_jax.models.fact.published import published_state_dict
from fact_jax.models.weights import weight_files
from fact_jax.types import UserError
from tests.app.conversions import config_of, convert, export, stored, variant

GOLDEN = Path(__file__).parents[1] / "golden" / "faformer_gtea_small.npz"
CLASSES = [f"action {k}" for k in range(7)]


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as npz:
        return {name: npz[name] for name in npz.files}


@pytest.fixture(scope="module")
def tensors(golden):
    """The state dict of the fixture, with the positional buffer as the published code saves it."""
    found = {name.removeprefix("param/"): golden[name] for name in golden if name.startswith("param/")}
    return found | {"frame_pe.pe": np.zeros((10000, 1, 32), np.float32)}


@pytest.fixture(scope="module")
def converted(tmp_path_factory, tensors):
    """A workdir converted with the config of another dataset, and what the conversion said."""
    folder = tmp_path_factory.mktemp("converted")
    path = weight_files.write_state_dict(folder / "weights.safetensors", tensors)
    return folder / "run", convert(folder / "run", path, config_of(faformer_breakfast), class_names=CLASSES)


def test_predictions_of_converted_weights_are_the_published_ones(converted, golden):
    task, params = stored(converted[0])
    features = golden["input/seq"][None]
    batch = {"features": features, "mask": np.ones(features.shape[:2], bool)}
    labels = jax.jit(lambda p, b: task.predict(p, {}, b)["labels"])(params, batch)
    np.testing.assert_array_equal(labels[0], golden["out/pred"])


def test_parameters_and_their_order_are_those_of_the_file(converted, golden, tensors):
    task, params = stored(converted[0])
    back = published_state_dict(task.model, params)
    order = [name.removeprefix("param/") for name in golden if name.startswith("param/")]
    place = order.index("input_proj.bias") + 1
    assert list(back) == [*order[:place], "frame_pe.pe", *order[place:]]
    assert all(back[name].tobytes() == tensors[name].tobytes() for name in tensors)


def test_the_summary_says_what_was_inferred_and_not(converted):
    said = converted[1]
    for words in (
        "inferred: FAFormer, blocks iuU, 12 tokens, 20 input channels",
        "frame_branch t, encoder_layers 4, encoder_dim 16, encoder_reduction 2",
        "model.input_block.encoder_dim = 16 (was 64)",
        "model.update_block.frame_dim = 16",
        "model.input_block.encoder_attention = 0.5: weight of the attention, from the config",
        "model.ignore_positions = False: whether positions are added",
    ):
        assert words in said, words
    assert "model.update_block.encoder_attention" not in said  # inherited


def test_export_and_its_config_convert_again(converted, tmp_path):
    output = tmp_path / "weights.npz"
    export(converted[0], output)
    config = published.get_config(f"{output}.yaml")
    assert config.model.name == "faformer"
    explicit = ["model.name", "model.input_block.encoder_dim", "model.update_block.encoder_reduction"]
    said = convert(tmp_path / "again", output, config, class_names=CLASSES, explicit=explicit)
    assert "the file differs" not in said
    first, second = (jax.tree.leaves(stored(workdir)[1]) for workdir in (converted[0], tmp_path / "again"))
    assert all(ours.tobytes() == theirs.tobytes() for ours, theirs in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"model__input_block__encoder_dim": 6, "model__input_block__encoder_layers": 2},
        {"model__input_block__frame_branch": "m2", "model__use_transcript": True, "loss__match": "seq"},
    ],
    ids=["encoder", "transcript"],
)
def test_every_variant_is_recognised(changes, tmp_path):
    path, tensors = variant(faformer_gtea, tmp_path, model__blocks="iu", **changes)
    said = convert(tmp_path / "run", path, config_of(faformer_breakfast))
    assert "inferred: FAFormer, blocks iu, " in said
    record = run_record.read(tmp_path / "run")["config"]["model"]
    assert record["use_transcript"] == ("action_pe.pe" in tensors)
    export(tmp_path / "run", tmp_path / "back.npz")
    back = weight_files.read_state_dict(tmp_path / "back.npz").tensors
    assert list(back) == list(tensors) and all(back[name].tobytes() == tensors[name].tobytes() for name in tensors)


def test_a_config_of_the_other_system_gives_way(tensors, tmp_path):
    path, _ = variant(fact_gtea, tmp_path, model__blocks="iu")
    said = convert(tmp_path / "fact", path, config_of(faformer_gtea))
    assert "inferred: FACT, blocks iu, " in said and "model.name = 'fact' (was 'faformer')" in said
    assert "encoder_attention" not in said and "ignore_positions" not in said
    path = weight_files.write_state_dict(tmp_path / "faformer.npz", tensors)
    with pytest.raises(UserError, match="leaves encoder_attention, .*faformer_gtea.py has the published values"):
        convert(tmp_path / "run", path, config_of(), class_names=CLASSES)
    with pytest.raises(UserError, match="model.name: the settings say 'fact', the file 'faformer'"):
        convert(tmp_path / "run", path, config_of(), class_names=CLASSES, explicit=["model.name"])
    assert not (tmp_path / "run").exists()


def test_the_last_norm_of_fact_has_no_place_in_faformer(tensors, tmp_path):
    odd = tensors | {"block_list.0.action_branch.norm.weight": np.ones(16, np.float32)}
    path = weight_files.write_state_dict(tmp_path / "weights.npz", odd)
    with pytest.raises(UserError, match="the file has block_list.0.action_branch.norm.weight, the model has no place"):
        convert(tmp_path / "run", path, config_of(faformer_gtea), class_names=CLASSES)
