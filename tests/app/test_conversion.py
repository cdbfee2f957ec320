"""Weights of FACT and FAFormer travel to workdirs and back without losing a bit, and mistakes are named."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import (
    fact_epic,
    fact_gtea,
    fact_gtea_transcript,
    fact_synthetic,
    faformer_breakfast,
    faformer_gtea,
    published,
)
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.sources import open_sources
from fact_jax import run_record
from fact_jax.app import experiment
from fact_jax.models.fact.published import published_state_dict
from fact_jax.models.weights import weight_files
from fact_jax.tasks.segmentation import systems
from fact_jax.training.logging import writers
from fact_jax.types import UserError, VerbNouns
from tests.app.conversions import CLASSES, config_of, convert, export, stored, variant
from tests.shapes import variable_shapes

ROOT = Path(__file__).parents[2]
VERB_NOUNS = VerbNouns(("take", "put", "cut"), ("cup", "knife"), (0, 0, 1, 1, 2), (0, 1, 0, 1, 1))
TRANSCRIPT = {"model__blocks": "iu", "model__use_transcript": True, "loss__match": "seq"}


@dataclasses.dataclass(frozen=True)
class Published:
    """Recorded weights, the config of another dataset to convert them with, and what is `said` then and not.

    `buffer`: (width of the positional buffer, parameter that it comes after), as the published code saves it.
    """

    golden: str
    features: str
    buffer: tuple
    class_names: list
    base: object
    said: tuple
    unsaid: str

    def arrays(self):
        with np.load(ROOT / "tests" / "golden" / f"{self.golden}.npz") as npz:
            return {name: npz[name] for name in npz.files}

    def tensors(self):
        """The state dict in the published order."""
        found = {}
        for name, value in self.arrays().items():
            if name.startswith("param/"):
                found[name := name.removeprefix("param/")] = value
                if name == self.buffer[1]:
                    found["frame_pe.pe"] = np.zeros((10000, 1, self.buffer[0]), np.float32)
        return found


FACT = Published(
    "fact_iuU_m_o2o",
    "input/feature",
    (24, "action_query"),
    CLASSES,
    fact_gtea,
    (
        "weights.safetensors: 162 tensors",
        "not needed, computed here: frame_pe.pe",
        "none missing, none left over",
        "inferred: FACT, blocks iuU, 11 tokens, 20 input channels",
        "model.num_tokens = 11 (was 60)",
        "model.input_block.hidden_dim = 24 (was 512)",
        "model.input_block.action_heads = 4: attention heads, from the config",
        "model.frame_weight = 0.1",
        "5 classes, in the order of mapping.txt",
    ),
    "model.frame_positions = ",  # the buffer tells
)
FAFORMER = Published(
    "faformer_gtea_small",
    "input/seq",
    (32, "input_proj.bias"),
    [f"action {k}" for k in range(7)],
    faformer_breakfast,
    (
        "inferred: FAFormer, blocks iuU, 12 tokens, 20 input channels",
        "frame_branch t, encoder_layers 4, encoder_dim 16, encoder_reduction 2",
        "model.input_block.encoder_dim = 16 (was 64)",
        "model.update_block.frame_dim = 16",
        "model.input_block.encoder_attention = 0.5: weight of the attention, from the config",
        "model.ignore_positions = False: whether positions are added",
    ),
    "model.update_block.encoder_attention",  # inherited
)


@pytest.fixture(scope="module")
def tensors():
    return FACT.tensors()


def converted_of(published, folder):
    path = weight_files.write_state_dict(folder / "weights.safetensors", published.tensors())
    said = convert(folder / "run", path, config_of(published.base), class_names=published.class_names)
    return folder / "run", said


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A converted workdir of FACT and what the conversion said."""
    return converted_of(FACT, tmp_path_factory.mktemp("converted"))


@pytest.mark.parametrize("published", [FACT, FAFORMER], ids=lambda published: published.golden)
def test_converted_weights_predict_as_published_and_come_back_in_order(published, tmp_path):
    workdir, said = converted_of(published, tmp_path)
    assert [words for words in published.said if words not in said] == [] and published.unsaid not in said
    task, params = stored(workdir)
    golden, tensors = published.arrays(), published.tensors()
    features = golden[published.features][None]
    batch = {"features": features, "mask": np.ones(features.shape[:2], bool)}
    labels = jax.jit(lambda p, b: task.predict(p, {}, b)["labels"])(params, batch)
    np.testing.assert_array_equal(labels[0], golden["out/pred"])
    assert_same_tensors(published_state_dict(task.model, params), tensors)


def assert_same_tensors(found, expected):
    """The same bits, in the same order."""
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == np.float32 and found[name].tobytes() == tensor.tobytes(), name


def test_the_record_keeps_what_the_config_inherits(converted):
    record = run_record.read(converted[0])
    model = record["config"]["model"]
    assert model["update_block"]["hidden_dim"] is None and model["update_block"]["frame_layers"] == 3
    assert record["derived"]["model"]["block_configs"][1]["hidden_dim"] == 24
    assert record["derived"]["converted"]["file"] == "weights.safetensors"


def swapped(first, second):
    names = list(CLASSES)
    names[first], names[second] = names[second], names[first]
    return names


@pytest.mark.parametrize(
    ("class_names", "words"),
    [
        (swapped(1, 3), "id 1 is 'action 1' in {list} and 'action 3' in {dataset}"),
        (CLASSES[:4], "id 4 is 'action 4' in {list} and no class in {dataset} (5 and 4 classes)"),
        ([*CLASSES, "more"], "id 5 is no class in {list} and 'more' in {dataset} (5 and 6 classes)"),
    ],
)
def test_weights_of_other_classes_are_refused(class_names, words, converted, tmp_path):
    output = tmp_path / "weights.npz"
    export(converted[0], output)
    config = config_of(data__dir="videos", data__mapping_file="classes.txt")
    with pytest.raises(UserError) as caught:
        convert(tmp_path / "run", output, config, class_names=class_names)
    assert words.format(list=f"{output}.mapping.txt", dataset=Path("videos", "classes.txt")) in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"0 a\nb\n", "weights.npz.mapping.txt:2: found 'b'; expected '<id> <class name>'"),
        (b"0 a\n0 b\n", "weights.npz.mapping.txt:2: found '0 b'"),
        (b"9" * 5000 + b" a\n", "weights.npz.mapping.txt:1: "),
        (b"0 \xff\n", "not a text file"),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_lists_of_classes_that_cannot_be_read(content, words, tensors, tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    listing = tmp_path / "weights.npz.mapping.txt"
    listing.mkdir() if content is None else listing.write_bytes(content)
    with pytest.raises(UserError) as caught:
        convert(tmp_path / "run", path)
    assert words in str(caught.value)


def test_a_list_of_classes_may_be_another_programs(tensors, tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    lines = [f"{label}\t{name} \r\n" for label, name in reversed(list(enumerate(CLASSES)))]
    (tmp_path / "weights.npz.mapping.txt").write_bytes("".join(["\ufeff", *lines, "\r\n"]).encode())
    assert "5 classes agree" in convert(tmp_path / "run", path)


def test_export_and_convert_give_the_same_bits(converted, tmp_path):
    workdir, output = converted[0], tmp_path / "weights.safetensors"
    said = export(workdir, output)
    assert f"wrote step 0 to {output}: 162 tensors" in said
    assert f"wrote {output}.mapping.txt, its 5 classes" in said
    assert (tmp_path / f"{output.name}.mapping.txt").read_text().splitlines()[4] == "4 action 4"
    # The YAML beside it is a config that describes these weights completely.
    config = published.get_config(f"{output}.yaml")
    said = convert(tmp_path / "again", output, config, explicit=["model.num_tokens", "model.input_block.hidden_dim"])
    assert "the file differs" not in said
    assert f"the 5 classes agree in name and order with {output}.mapping.txt" in said
    assert "action_heads = 4" in said and "num_tokens 11" not in said
    task, params = stored(tmp_path / "again")
    assert_same_tensors(published_state_dict(task.model, params), FACT.tensors())


def test_an_exported_config_of_faformer_converts_again(tmp_path):
    workdir, _ = converted_of(FAFORMER, tmp_path)
    output = tmp_path / "weights.npz"
    export(workdir, output)
    config = published.get_config(f"{output}.yaml")
    assert config.model.name == "faformer"
    explicit = ["model.name", "model.input_block.encoder_dim", "model.update_block.encoder_reduction"]
    said = convert(tmp_path / "again", output, config, class_names=FAFORMER.class_names, explicit=explicit)
    assert "the file differs" not in said
    task, params = stored(tmp_path / "again")
    assert_same_tensors(published_state_dict(task.model, params), FAFORMER.tensors())


def test_exported_files_load_strictly_in_pytorch(converted, tmp_path, tensors):
    torch = pytest.importorskip("torch")
    export(converted[0], tmp_path / "weights.pth")
    loaded = torch.load(tmp_path / "weights.pth", weights_only=True)
    assert_same_tensors({name: tensor.numpy() for name, tensor in loaded.items()}, tensors)
    assert {name: tuple(tensor.shape) for name, tensor in loaded.items()} == {
        name: tensor.shape for name, tensor in tensors.items()
    }


def test_wrapped_checkpoints_of_a_training_run(tensors, tmp_path):
    torch = pytest.importorskip("torch")
    content = {"epoch": 7, "state_dict": {f"module.{k}": torch.from_numpy(v.copy()) for k, v in tensors.items()}}
    torch.save(content, tmp_path / "network.iter-900.net")
    said = convert(tmp_path / "run", tmp_path / "network.iter-900.net")
    assert "removed 'module.'" in said and "left out what lies beside them: epoch" in said
    _, params = stored(tmp_path / "run")
    np.testing.assert_array_equal(params["action_query"], tensors["action_query"][:, 0])


@pytest.mark.parametrize(
    ("module", "verb_nouns", "changes"),
    [
        (fact_gtea_transcript, None, {"model__blocks": "iu", "model__input_block__action_branch": "gru_om"}),
        (fact_epic, VERB_NOUNS, TRANSCRIPT | {"model__blocks": "IU"}),
        (faformer_gtea, None, {"model__blocks": "iu", "model__input_block__encoder_dim": 6}),
        (faformer_gtea, None, TRANSCRIPT | {"model__input_block__frame_branch": "m2"}),
        pytest.param(fact_gtea_transcript, None, {}, marks=pytest.mark.slow),
        pytest.param(fact_epic, VERB_NOUNS, {}, marks=pytest.mark.slow),
    ],
)
def test_every_variant_is_recognised_without_its_config(module, verb_nouns, changes, tmp_path):
    path, tensors = variant(module, tmp_path, verb_nouns, **changes)
    wanted = config_of(module, **changes)
    base, title = (faformer_breakfast, "FAFormer") if module is faformer_gtea else (fact_gtea, "FACT")
    said = convert(tmp_path / "run", path, config_of(base), verb_nouns=verb_nouns)
    assert f"inferred: {title}, blocks {wanted.model.blocks}, " in said
    record = run_record.read(tmp_path / "run")["config"]
    assert record["model"]["use_transcript"] == wanted.model.use_transcript == ("action_pe.pe" in tensors)
    assert record["loss"]["match"] == ("seq" if wanted.model.use_transcript else "o2o")
    export(tmp_path / "run", tmp_path / "back.npz")
    assert_same_tensors(weight_files.read_state_dict(tmp_path / "back.npz").tensors, tensors)


def test_a_config_of_the_other_system_gives_way(tmp_path):
    path, _ = variant(fact_gtea, tmp_path, model__blocks="iu")
    said = convert(tmp_path / "fact", path, config_of(faformer_gtea))
    assert "inferred: FACT, blocks iu, " in said and "model.name = 'fact' (was 'faformer')" in said
    assert "encoder_attention" not in said and "ignore_positions" not in said
    path = weight_files.write_state_dict(tmp_path / "faformer.npz", FAFORMER.tensors())
    with pytest.raises(UserError, match="leaves encoder_attention, .*faformer_gtea.py has the published values"):
        convert(tmp_path / "run", path, config_of(), class_names=FAFORMER.class_names)


@pytest.mark.parametrize(
    ("explicit", "changes", "words"),
    [
        (["model.num_tokens"], {}, "model.num_tokens: the settings say 60, the file 11"),
        (["model.blocks"], {"model__blocks": "iuUU"}, "model.blocks: the settings say 'iuUU', the file 'iuU'"),
        (["model.temporal_block.frame_layers"], {}, "temporal_block.frame_layers: the settings say 10, the file 3"),
        (["model.frame_positions"], {"model__frame_positions": True}, "frame_positions: the settings say True"),
    ],
)
def test_settings_that_were_given_are_not_overruled(explicit, changes, words, tensors, tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    with pytest.raises(UserError, match="contradicts the settings you gave") as caught:
        convert(tmp_path / "run", path, config_of(**changes), explicit=explicit)
    assert words in str(caught.value) and not (tmp_path / "run").exists()


def changed(tensors, **changes):
    renamed = {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in (tensors | renamed).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head__weight": np.zeros(3)}, "the file has head.weight, the model has no place for it"),
        ({"block_list__1__a2f_layer__Y_W__bias": None}, "the model needs block_list.1.a2f_layer.Y_W.bias"),
        ({"block_list__1__a2f_layer__Y_W__bias": np.zeros(3)}, "block_list.1.a2f_layer.Y_W.bias gives"),
        ({"action_query": np.full((11, 1, 24), np.nan)}, "has NaN or infinite numbers in action_query"),
        ({"action_query": np.full((11, 1, 24), 1e300)}, "read as float32, has NaN or infinite numbers in action_query"),
        ({"action_query": np.full((11, 1, 24), 1j)}, "action_query (complex128); expected real numbers"),
    ],
)
def test_incomplete_and_broken_state_dicts(changes, words, tensors, tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.npz", changed(tensors, **changes))
    with pytest.raises(UserError, match="weights.npz") as caught:
        convert(tmp_path / "run", path)
    assert words in str(caught.value) and not (tmp_path / "run").exists()


def test_datasets_of_another_kind_or_size(tensors, tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    with pytest.raises(UserError, match="a network with plain classes .*the dataset has classes that are pairs"):
        convert(tmp_path / "run", path, verb_nouns=VERB_NOUNS)
    with pytest.raises(UserError, match="at least 31"):
        convert(tmp_path / "run", path, class_names=[str(k) for k in range(30)])
    path, _ = variant(fact_gtea_transcript, tmp_path, model__blocks="iu")
    with pytest.raises(UserError, match="a network with 5 classes, the dataset has 4"):
        convert(tmp_path / "run", path, class_names=CLASSES[:4])
    path, _ = variant(fact_epic, tmp_path, VERB_NOUNS, model__blocks="IU")
    with pytest.raises(UserError, match="pairs of a verb and a noun .*dataset has plain classes.*verb_mapping"):
        convert(tmp_path / "run", path)


def test_weights_of_another_system_from_the_command_line(tmp_path):
    shapes = {"conv_1x1": (4, 6, 1), "layers.0.conv_dilated": (4, 4, 3), "conv_out": (3, 4, 1)}
    tensors = {f"stage1.{name}.weight": np.zeros(shape) for name, shape in shapes.items()}
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    command = [sys.executable, "main.py", "--config", "configs/fact_synthetic.py:quick", "--mode", "convert"]
    command += ["--checkpoint", str(path), "--workdir", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert "holds MS-TCN, the config is of another system (config.model.name is 'fact')" in done.stderr


def test_half_precision_is_said_and_converted(tensors, tmp_path):
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    path = weight_files.write_state_dict(tmp_path / "weights.npz", halves)
    assert "numbers of type float16 became float32" in convert(tmp_path / "run", path)
    _, params = stored(tmp_path / "run")
    assert params["action_query"].dtype == np.float32


def test_workdirs_that_are_taken(converted, tensors, tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    convert(tmp_path / "run", path)
    convert(tmp_path / "run", path)  # the same again, for instance after an interruption
    other = tensors | {"action_query": tensors["action_query"] + 1}
    with pytest.raises(UserError, match="sha256"):
        convert(tmp_path / "run", weight_files.write_state_dict(tmp_path / "other.npz", other))
    run_record.write(tmp_path / "trained", config={}, derived={})
    with pytest.raises(UserError, match="holds a run. Use another"):
        convert(tmp_path / "trained", path)
    with pytest.raises(UserError, match="cannot be written to"):
        convert(path / "below a file", path)


def test_exports_that_cannot_be_made(converted, tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint to export"):
        export(tmp_path, tmp_path / "weights.npz")
    with pytest.raises(UserError, match="step 3: there is no such checkpoint in .* Steps: 0"):
        export(converted[0], tmp_path / "weights.npz", step=3)
    with pytest.raises(UserError, match="the ending of"):
        export(converted[0], tmp_path / "weights.bin")
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_whole_or_not_there(converted, tmp_path, monkeypatch):
    output = tmp_path / "weights.npz"
    for taken in (tmp_path / "weights.npz.yaml", tmp_path / "weights.npz.mapping.txt"):
        taken.mkdir()
        with pytest.raises(UserError, match=f"{taken.name} cannot be written: .*It belongs beside weights.npz"):
            export(converted[0], output)
        assert list(tmp_path.iterdir()) == [taken]
        taken.rmdir()

    def full(path, content):
        raise UserError(f"{path} cannot be written: No space left on device.")

    monkeypatch.setattr(weight_files, "write_state_dict", full)
    with pytest.raises(UserError, match="No space left"):
        export(converted[0], output)
    assert list(tmp_path.iterdir()) == []


def test_evaluation_may_know_more_than_a_conversion(converted):
    record = run_record.read(converted[0])
    derived = {key: value for key, value in record["derived"].items() if key != "converted"}
    assert run_record.check(converted[0], derived=derived | {"num_videos": {"test": 7}, "buckets": [64]})
    with pytest.raises(UserError, match="class_names"):
        run_record.check(converted[0], derived=derived | {"class_names": ["other"]})


def test_converted_workdirs_are_evaluated_like_trained_ones(tmp_path):
    config = fact_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.eval.figures = config.compilation_cache = False
    config.lock()
    sources = open_sources(SegmentationDataConfig.parse(config.data), tmp_path)
    derived = {"class_names": sources.class_names}
    task = systems.restore(config, derived)
    batch = {"features": jax.ShapeDtypeStruct((1, 1, sources.feature_dim), np.float32)}
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda x: rng.normal(0, 0.1, x.shape).astype(np.float32), variable_shapes(task, batch)["params"]
    )
    path = weight_files.write_state_dict(tmp_path / "weights.npz", published_state_dict(task.model, params))
    workdir = tmp_path / "run"
    convert(workdir, path, config, class_names=sources.class_names)
    record = (workdir / "config.json").read_bytes()
    stream = io.StringIO()
    assert experiment.run(config, workdir, "eval", console=writers.Console(stream)) == 0
    assert "did not evaluate" not in stream.getvalue() and "converted weights: no stored" in stream.getvalue()
    assert "step 0  test:" in stream.getvalue() and any((workdir / "predictions").iterdir())
    with pytest.raises(UserError, match="converted"):
        experiment.run(config, workdir, "train", console=writers.Console(stream))
    assert (workdir / "config.json").read_bytes() == record
