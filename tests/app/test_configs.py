"""The shipped configs: they load, hold the published values, take their arguments and reject what they do not know."""

import ast
import dataclasses
import importlib
import json
import re
from pathlib import Path

import pytest
from absl import flags
from ml_collections import ConfigDict

from data_pipelines.segmentation.augmentation import AugmentationConfig
from fact_jax.app import config_flags, config_rules
from fact_jax.app.runs import representation
from fact_jax.models.actionformer import config as actionformer_config
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses
from fact_jax.models.fact.config import from_settings
from fact_jax.tasks.segmentation import systems
from fact_jax.types import UserError

ROOT = Path(__file__).resolve().parents[2]
FRAME_MODELS = ("mstcn", "mstcnpp", "asformer")  # the networks that label frames
EVERY = sorted(path.stem for path in (ROOT / "configs").glob("*_*.py") if path.stem != "__init__")
FACT_NAMES = [name for name in EVERY if name.startswith(("fact_", "faformer_"))]
FRAME_NAMES = [name for name in EVERY if name.startswith(FRAME_MODELS)]
# Compared with the published table in tests/models/test_actionformer_configs.py.
ACTIONFORMER_NAMES = [name for name in EVERY if name.startswith("actionformer_")]
# Compared with the published table in tests/models/test_carl_configs.py.
CARL_NAMES = [name for name in EVERY if name.startswith("carl_")]
# Compared with the published table in tests/app/test_cast_configs.py.
CAST_NAMES = [name for name in EVERY if name.startswith("cast_")]
NAMES = FACT_NAMES + FRAME_NAMES

# Published configs of github.com/ZijiaLewisLu/CVPR2024-FACT: dotted key -> one value for each of these.
PUBLISHED_NAMES = ("fact_breakfast", "fact_gtea", "fact_egoprocel", "fact_epic", "fact_gtea_transcript")
PUBLISHED = {
    "data.sample_rate": (1, 1, 3, 4, 1),
    "data.evaluate_background": (True, False, False, False, False),
    "data.background_ids": ((0,), (10,), (0,), (0,), (10,)),
    "data.average_transcript_length": (6.9, 32.9, 21.5, 52.0, 32.9),
    "data.time_axis": ("last", "last", "first", "first", "last"),
    "data.split": ("split1", "split1", "split1", "split1", "split4"),
    "train.batch_size": (4, 1, 1, 1, 1),
    "train.epochs": (150, 400, 350, 200, 2000),
    "train.eval_every": (2000, 300, 10000, 1000, 900),
    "train.log_every": (1000, 100, 4000, 200, 400),
    "optimizer.name": ("adam", "adam", "adam", "adam", "adam"),
    "optimizer.learning_rate": (0.0001, 0.0001, 0.0001, 0.0001, 0.0001),
    "optimizer.weight_decay": (0.0, 0.0, 0.0, 0.0, 0.0),
    "optimizer.momentum": (0.0, 0.0, 0.0, 0.0, 0.0),
    "optimizer.clip_norm": (10.0, 10.0, 10.0, 10.0, 10.0),
    "optimizer.decay_epoch": (80, 250, 250, 600, -1),
    "model.blocks": ("iuUU", "iuU", "iUUU", "IUUU", "iuU"),
    "model.num_tokens": (60, 60, 200, 300, 0),
    "model.frame_positions": (False, False, False, True, False),
    "model.channel_dropout_rate": (0.3, 0.5, 0.3, 0.3, 0.5),
    "model.frame_weight": (0.1, 0.1, 0.9, 0.1, 0.0),
    "model.input_block.hidden_dim": (512, 512, 512, 512, 512),
    "model.input_block.frame_branch": ("m2", "m", "m2", "m2", "m"),
    "model.input_block.frame_dim": (512, 128, 256, 256, 128),
    "model.input_block.frame_layers": (10, 10, 10, 10, 10),
    "model.input_block.frame_norm": (False, False, False, False, False),
    "model.input_block.frame_groups": (1, 1, 1, 1, 1),
    "model.input_block.action_branch": ("sca", "sca", "sca", "sca", "sca"),
    "model.input_block.action_dim": (512, 128, 256, 256, 128),
    "model.input_block.action_layers": (6, 6, 6, 6, 3),
    "model.input_block.action_heads": (8, 8, 8, 8, 8),
    "model.input_block.action_ff_dim": (512, 512, 512, 512, 512),
    "model.input_block.dropout_rate": (0.0, 0.2, 0.0, 0.0, 0.2),
    "model.update_block.frame_layers": (10, 10, 10, 10, 3),
    "model.update_block.action_branch": ("sa", "sa", "sa", "sa", "sa"),
    "model.update_block.action_layers": (1, 1, 1, 1, 1),
    "model.temporal_block.frame_layers": (10, 10, 10, 10, 5),
    "model.temporal_block.action_branch": ("sa", "sa", "sa", "sa", "sa"),
    "model.temporal_block.action_layers": (1, 1, 1, 1, 1),
    "model.temporal_block.segment_layers": (1, 1, 1, 1, 1),
    "model.time_mask.count": (5, 5, 0, 0, 5),
    "loss.match": ("o2o", "o2o", "o2o", "o2m", "seq"),
    "loss.prob_cost": (0.2, 0.2, 0.2, 0.2, 1.0),
    "loss.overlap_cost": (1.0, 1.0, 1.0, 1.0, 1.0),
    "loss.background_weight": (1.0, 1.0, 0.5, 0.5, 1.0),
    "loss.null_weight": (-1.0, -1.0, -1.0, 0.05, -1.0),
    "loss.smoothing_weight": (5.0, 5.0, 5.0, 5.0, 5.0),
}


def load(name, *arguments):
    return importlib.import_module(f"configs.{name}").get_config(*arguments)


def leaves(config, prefix=""):
    """Dotted key -> value, written apart from the code under test."""
    found = {}
    for key in config:
        value = config[key]
        found.update(leaves(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else {f"{prefix}{key}": value})
    return found


def test_every_config_file_is_of_a_known_system():
    assert len(FACT_NAMES) == 14 and len(FRAME_NAMES) == 15 and len(ACTIONFORMER_NAMES) == 13
    assert len(CARL_NAMES) == 16 and len(CAST_NAMES) == 12 and len(EVERY) == 70


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arguments", ["", "quick", "split=2,quick,seed=1"])
def test_loads_locked_and_builds(name, arguments):
    config = load(name, arguments)
    assert config.name == name and config.is_locked
    config_rules.check_choices(config)
    if name in FACT_NAMES:
        classes = VerbNounClasses(4, 3, (0, 1, 3), (0, 2, 1)) if config.model.blocks[0] == "I" else PlainClasses(7)
        assert from_settings(config.model, classes, "float32").blocks == load(name).model.blocks
    else:
        model = systems.FRAME_MODELS[config.model.name].from_settings(config.model, 7, config.dtype)
        assert dataclasses.asdict(model) | {"name": config.model.name} == config.model.to_dict() | {
            "num_classes": 7,
            "dtype": "float32",
        }
    with pytest.raises(KeyError):
        config["unknown"] = 1
    with pytest.raises((KeyError, AttributeError)):
        config.optimizer.learnin_rate = 1.0


@pytest.mark.parametrize("name", NAMES)
def test_same_keys_everywhere(name):
    first = "fact_breakfast" if name in FACT_NAMES else f"{name.partition('_')[0]}_gtea"
    assert leaves(load(name)).keys() == leaves(load(first, "quick")).keys()


@pytest.mark.parametrize("key", PUBLISHED)
def test_published_values(key):
    found = tuple(leaves(load(name))[key] for name in PUBLISHED_NAMES)
    assert found == PUBLISHED[key]


@pytest.mark.parametrize("name", ACTIONFORMER_NAMES)
def test_actionformer_configs_agree_in_their_keys_and_shrink(name):
    config, quick = load(name), load(name, "quick,seed=1")
    assert config.name == name and config.is_locked and quick.seed == 1
    for each in (config, quick):
        assert leaves(each).keys() == leaves(load("actionformer_synthetic")).keys()
        config_rules.check_choices(each)
        model = actionformer_config.from_settings(
            each.model, num_classes=each.data.num_classes or 3, max_frames=each.data.max_frames, dtype=each.dtype
        )
        assert model.padded_length(1) == each.data.max_frames
        assert each.train.epochs == each.optimizer.warmup_epochs + each.optimizer.cosine_epochs
    for key in ("backbone", "neck", "absolute_positions", "dropout_rate", "drop_path_rate"):
        assert quick.model[key] == config.model[key]
    assert bool(quick.model.stream_dims) == bool(config.model.stream_dims) and quick.model.dim == 16
    assert sum(quick.model.stream_dims or (quick.data.synthetic.feature_dim,)) == quick.data.synthetic.feature_dim


@pytest.mark.parametrize("name", CARL_NAMES)
def test_carl_configs_agree_in_their_keys_and_shrink(name):
    config, quick = load(name), load(name, "quick,seed=1")
    assert config.name == name and config.is_locked and quick.seed == 1
    for each in (config, quick):
        assert leaves(each).keys() == leaves(load("carl_synthetic")).keys()
        config_rules.check_choices(each)
        representation.check_settings(each)
        assert each.optimizer.cosine_epochs == each.train.epochs + 1
    assert quick.data.reader == "synthetic" and quick.data.dir == "" and quick.data.clip.num_frames == 12
    for key in ("embedder", "train_backbone", "backbone_stages", "l2_normalize", "dropout_rate"):
        assert quick.model[key] == config.model[key]
    assert quick.loss.to_dict() == config.loss.to_dict() and quick.eval.tasks == config.eval.tasks
    assert (quick.model.projection_dim > 0) == (config.model.projection_dim > 0)


def test_published_time_masks():
    masks = [load(name).model.time_mask for name in ("fact_breakfast", "fact_gtea")]
    assert [(mask.max_frames, mask.max_fraction) for mask in masks] == [(30, 0.05), (60, 0.1)]


def test_update_blocks_inherit():
    model = load("fact_gtea").model
    for name in ("hidden_dim", "dropout_rate", "frame_branch", "frame_dim", "action_dim", "action_heads"):
        assert model.update_block[name] is None and model.temporal_block[name] is None
    for block in from_settings(model, PlainClasses(11), "float32").block_configs:
        assert (block.hidden_dim, block.dropout_rate, block.frame_branch, block.action_dim) == (512, 0.2, "m", 128)


def test_50salads_follows_the_mstcn_protocol():
    data = load("fact_50salads").data
    assert (data.sample_rate, data.background_ids, data.evaluate_background) == (2, (), True)


@pytest.mark.parametrize("name", FRAME_NAMES)
def test_published_values_of_multi_stage_networks(name):
    found = leaves(load(name))
    system = name.partition("_")[0]
    epochs = {"mstcn": 50, "mstcnpp": 100, "asformer": 120}[system]
    rate = 1e-4 if name == "asformer_breakfast" else 5e-4
    if not name.endswith("synthetic"):
        assert (found["optimizer.name"], found["optimizer.learning_rate"]) == ("adam", rate)
        assert found["train.epochs"] == epochs
        assert found["train.batch_size"] == 1 and found["optimizer.decay_epoch"] <= 0
        assert (found["model.dim"], found["model.dropout_rate"]) == (64, 0.5)
    assert found["optimizer.clip_norm"] == found["optimizer.ema_decay"] == 0.0
    assert (found["loss.smoothing_weight"], found["loss.smoothing_clip"]) == (0.15, 4.0)
    assert found["data.sample_rate"] == (2 if name.endswith("50salads") else 1)
    plateau = found["optimizer.weight_decay"], found["optimizer.plateau_factor"], found["optimizer.plateau_patience"]
    assert plateau == ((1e-5, 0.5, 3) if system == "asformer" else (0.0, 0.0, 3))
    if system == "asformer":
        return
    stages = ("model.num_stages", "model.num_layers", "model.num_refinements", "model.num_refinement_layers")
    sizes = {"mstcn": (4, 10, None, None), "mstcnpp": (None, 11, 3, 10)}[name.partition("_")[0]]
    assert tuple(map(found.get, stages)) == sizes


@pytest.mark.parametrize("name, channels", [("gtea", 0.5), ("50salads", 0.3), ("breakfast", 0.3)])
def test_published_values_of_asformer(name, channels):
    model = load(f"asformer_{name}").model
    assert (model.channel_dropout_rate, model.windows) == (channels, "released")
    sizes = model.num_decoders, model.num_layers, model.query_reduction, model.value_reduction
    assert sizes == (3, 10, 2, 2)


@pytest.mark.parametrize(
    "arguments, split, seed",
    [
        ("", "split1", 0),
        ("split=3", "split3", 0),
        ("split=fold0,seed=12", "fold0", 12),
        (" seed=2 , split=4,", "split4", 2),
    ],
)
def test_arguments(arguments, split, seed):
    config = load("fact_gtea", arguments)
    assert (config.data.split, config.seed) == (split, seed)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("quik", "Did you mean 'quick'.*split=2.*seed=1"),
        ("zzz", "unknown config argument 'zzz'. Valid arguments"),
        ("split=", "'split=' is not of the form"),
        ("seed=-1", "'seed=-1' is not of the form"),
        ("seed=1,seed=2", "given twice"),
        ("recipe=small", "fact_gtea has no recipes: leave recipe=small out"),
        ("recipe", "'recipe' is not of the form recipe=small"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("fact_gtea", arguments)


@pytest.mark.parametrize("name", ["fact_custom", "faformer_custom"])
def test_recipes(name):
    """The published one is the config without an argument; the other one keeps the data and takes arguments as well."""
    published, small = load(name), load(name, "split=3, recipe=small ,seed=2")
    assert load(name, "recipe=published,seed=1").to_dict() == load(name, "seed=1").to_dict()
    assert (published.name, small.name) == (name, f"{name}_small")
    assert (small.data.split, small.seed) == ("split3", 2)
    augmentation = dataclasses.asdict(AugmentationConfig())
    assert small.data.to_dict() | {"split": "split1"} | augmentation == published.data.to_dict()
    assert all(small.data[setting] > 0 for setting in augmentation)
    assert small.optimizer.warmup_epochs + small.optimizer.cosine_epochs == small.train.epochs
    config_rules.check_choices(small)
    quick = load(name, "recipe=small,quick")
    assert quick.data.reader == "synthetic" and quick.train.epochs == 2 and quick.model.soft_vote
    with pytest.raises(ValueError, match=f"no recipe 'smal'. Did you mean 'small'. {name} has: published, small"):
        load(name, "recipe=smal")


@pytest.mark.parametrize("name", NAMES)
def test_quick_is_small_and_needs_no_files(name):
    full, quick = load(name), load(name, "quick")
    assert load(name, "split=3,quick").to_dict() == quick.to_dict() and quick.data.split == "split1"
    assert quick.data.reader == "synthetic" and quick.data.dir == ""
    stands_for = "synthetic" if full.data.dataset == "synthetic" else f"{full.data.dataset} (synthetic stand-in)"
    assert quick.data.dataset == stands_for
    width = quick.model.input_block.hidden_dim if name in FACT_NAMES else quick.model.dim
    assert width <= 16 < quick.data.synthetic.mean_length < 100
    assert max(quick.data.background_ids, default=0) < quick.data.synthetic.num_classes
    assert leaves(quick)["data.evaluate_background"] == leaves(full)["data.evaluate_background"]
    assert quick.data.synthetic.verb_noun == (full.model.get("blocks", "i")[0] == "I")
    for key in (
        "model.blocks",
        "model.use_transcript",
        "model.input_block.frame_branch",
        "model.input_block.action_branch",
        "loss.match",
        "model.channel_dropout_rate",
        "model.time_mask.count",
        "model.dropout_rate",
        "loss.smoothing_weight",
    ):
        assert leaves(quick).get(key) == leaves(full).get(key)


@pytest.mark.parametrize("system", ["fact", "actionformer", "carl", "cast", *FRAME_MODELS])
def test_every_field_has_a_comment(system):
    """In configs/_base or, of config.data, in the dataclass of its settings."""
    kinds = {"actionformer": "localization", "carl": "representation", "cast": "recognition"}
    kind = kinds.get(system, "segmentation")
    alone = {"fact": [], "carl": [], "cast": [], "actionformer": ["localization_datasets"]}
    others = alone.get(system, ["frame_model_base"])
    files = [ROOT / "configs" / "_base" / f"{base}.py" for base in ("common", f"{system}_base", *others)]
    lines = [line for file in files for line in file.read_text().splitlines()]
    parts = {"carl": ("video/config", "video/clips", "video/views")}
    parts["cast"] = ("video/config", "recognition/sampling", "recognition/augmentation")
    settings = [f"{kind}/config", *parts.get(system, ())]
    lines += [line for name in settings for line in (ROOT / "data_pipelines" / f"{name}.py").read_text().splitlines()]
    found = (re.match(r'\s*(?:"(\w+)":|(?:\w+\.)+(\w+) =|(\w+): [^"].* =) .+  # \S', line) for line in lines)
    commented = {match[1] or match[2] or match[3] for match in found if match}
    fields = {key.rpartition(".")[2] for key in leaves(load(f"{system}_synthetic"))}
    assert fields - commented == set()


@pytest.mark.parametrize("name", NAMES + ACTIONFORMER_NAMES + CARL_NAMES + CAST_NAMES)
def test_header_names_the_command_and_file_is_short(name):
    text = (ROOT / "configs" / f"{name}.py").read_text()
    assert f"python main.py --config configs/{name}.py" in ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) < 90


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("data.reader", "npz", "config.data.reader is 'npz'. Did you mean 'npy'"),
        ("model.update_block.frame_branch", "n", "Valid values: 'm', 'm2', 't'"),
        ("model.input_block.encoder_reduction", 0, "more than 0"),
        ("model.update_block.encoder_channel_dropout_rate", 1.0, "less than 1"),
        ("model.temporal_block.encoder_attention", -0.5, "0 or more"),
        ("eval.select_metric", "F1@50", "Did you mean 'F1@0.50'"),
        ("model.blocks", "uU", "'i' followed by"),
        ("model.blocks", "Iu", "'I' followed by"),
        ("train.batch_size", 0, "config.train.batch_size is 0, expected more than 0"),
        ("data.buckets", (100, -5), "whole numbers, each more than 0"),
        ("data.background_ids", ("a",), "whole numbers, each 0 or more"),
        ("optimizer.learning_rate", float("nan"), "more than 0"),
        ("optimizer.learning_rate", float("inf"), "more than 0"),
        ("model.frame_weight", 1.5, "between 0 and 1"),
        ("loss.null_weight", -0.5, "-1 for automatic"),
        ("data.dataset", "two\nlines", "config.data.dataset is 'two.nlines', expected a name without control"),
        ("name", "half\udcff", "expected a name without control characters and bytes that are not UTF-8"),
    ],
)
def test_values_out_of_range(key, value, message):
    config = load("fact_gtea")
    config.update_from_flattened_dict({key: value})
    with pytest.raises(UserError, match=message):
        config_rules.check_choices(config)


def test_all_wrong_values_at_once():
    config = load("fact_gtea")
    config.loss.match, config.train.epochs = "o2n", 0
    with pytest.raises(UserError, match=r"(?s)loss\.match.*train\.epochs"):
        config_rules.check_choices(config)


def test_rules_name_existing_keys():
    keys = leaves(load("fact_gtea"))
    for system in FRAME_MODELS:
        keys |= leaves(load(f"{system}_gtea"))
    ruled = {*config_rules.CHOICES, *(key for names, _, _ in config_rules.RANGES for key in names)}
    # segment_layers is the temporal block's alone.
    assert {key for key in ruled - keys.keys() if not key.endswith("segment_layers")} == set()


@pytest.fixture
def command_line(monkeypatch):
    """Runs the flag parser as main.py does; returns the config."""
    monkeypatch.chdir(ROOT)

    def parse(*arguments):
        values = flags.FlagValues()
        holder = config_flags.define_config(values)
        flags.DEFINE_string("workdir", None, "folder", flag_values=values)
        flags.DEFINE_enum("mode", "train", ["train", "eval"], "mode", flag_values=values)
        flags.DEFINE_string("reference_config", None, "file", flag_values=values)
        flags.DEFINE_multi_string("input", [], "files", flag_values=values)
        parse.values = values
        assert config_flags.parse(["main.py", *arguments], values) == ["main.py"]
        return holder.value

    return parse


def test_command_line_overrides(command_line):
    config = command_line(
        "--config",
        "configs/fact_gtea.py:split=2,seed=3",
        "--workdir=x",
        "--config.train.epochs=3",
        "--config.optimizer.learning_rate",
        "1",
        "--noconfig.eval.figures",
        "--config.data.background_ids=(1,2)",
        "--config.model.update_block.hidden_dim=32",
    )
    assert (config.name, config.data.split, config.train.epochs) == ("fact_gtea", "split2", 3)
    assert config.seed == 3 and config.optimizer.learning_rate == 1.0 and config.eval.figures is False
    assert config.data.background_ids == (1, 2) and config.model.update_block.hidden_dim == 32
    assert config.is_locked
    assert command_line("--workdir=x").name == "fact_synthetic"


@pytest.mark.parametrize(
    "arguments, key, value",
    [
        (["--config.data.background_ids=(0,)", "--config.data.background_ids=(5,)"], "data.background_ids", (5,)),
        (["--config.seed=1", "--config.seed", "7"], "seed", 7),
        (["--config.seed", "7", "--config.seed=1"], "seed", 1),
        (["--config.eval.figures", "--noconfig.eval.figures"], "eval.figures", False),
        (["--noconfig.eval.figures", "--config.eval.figures", "--mode=eval"], "eval.figures", True),
    ],
)
def test_the_last_of_equal_overrides_counts(command_line, arguments, key, value):
    assert config_rules.leaves(command_line("--workdir=x", *arguments))[key] == value
    assert config_flags.overridden() == (key, key)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--config=configs/fact_gta.py"], "configs/fact_gta.py.*Did you mean configs/fact_gtea.py"),
        (["--config=configs/fact_gtea.py:quik"], "Did you mean 'quick'"),
        (["--config.optimizer.learnin_rate=1"], "Did you mean --config.optimizer.learning_rate"),
        (["--config.learning_rate=1"], "Did you mean --config.optimizer.learning_rate"),
        (["--config.model.input_blok.frame_dim=1"], "Did you mean --config.model.input_block.frame_dim"),
        (["--noconfig.eval.figure"], "Did you mean --config.eval.figures"),
        (["--config.q=1"], "It has: .*checkpoint"),
        (["--config.train=1"], "group of settings.*train.epochs"),
        (["--config.train.epochs=1.5"], "expected a whole number"),
        (["--config.optimizer.learning_rate=fast"], "expected a number"),
        (["--config.eval.figures=maybe"], "expected true or false"),
        (["--config.data.buckets=(1 2"], "values in brackets"),
        (["--config.loss.match=o2n"], "Did you mean 'o2o'"),
        (["--workdr=y"], "unknown flag --workdr. Did you mean --workdir"),
        (["--mode=trian"], "--mode is 'trian'. Did you mean 'train'"),
        (["train"], "unexpected argument 'train'"),
        (["--config"], "config file '' does not exist"),
    ],
)
def test_command_line_mistakes(command_line, capfd, arguments, message):
    with pytest.raises(SystemExit) as stop:
        command_line("--workdir=x", *arguments)
    assert stop.value.code == 2
    out, err = capfd.readouterr()
    assert out == "" and re.match(r"error: ", err) and re.search(message, err)
    assert "Traceback" not in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_settings_come_back_from_a_workdir(command_line, tmp_path, name):
    config = load(name, "seed=3")
    workdir = tmp_path / "run: 1"
    workdir.mkdir()
    (workdir / "config.json").write_text(json.dumps({"config": config.to_dict(), "derived": {}}))
    found = command_line(f"--workdir={workdir}", "--config.train.epochs=7")
    assert found.is_locked and found.train.epochs == 7
    with found.unlocked():
        found.train.epochs = config.train.epochs
    assert found.to_dict() == config.to_dict()
    assert command_line(f"--workdir={workdir}", "--config=configs/fact_epic.py").name == "fact_epic"


RECORD = '{"config": %s, "derived": {}}'


@pytest.mark.parametrize(
    "text, message",
    [
        ("not json", "config.json:1 cannot be read"),
        ("[]", "config.json is not the record of a run"),
        (
            RECORD % '{"model": {"name": "fact"}, "train": {"epoks": 3}}',
            "config.json has settings that cannot be:\n  train.epoks: this version does",
        ),
        (
            RECORD % '{"model": {"name": "fact"}, "train": 3, "seed": "x"}',
            "  train is 3, expected settings by name\n  seed is 'x', expected a value",
        ),
        (
            RECORD % '{"model": {"name": "mstcn"}, "train": {"epochs": -3}}',
            "config.json is not as a run wrote it: config.train.epochs is -3",
        ),
        (RECORD % '{"model": {"name": 5}}', "config.json: config.model.name is 5. Valid values"),
    ],
)
def test_unreadable_records(command_line, capfd, tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SystemExit):
        command_line(f"--workdir={tmp_path}")
    assert message in capfd.readouterr().err


@pytest.mark.parametrize("form", [["--config", "{}"], ["--config={}"], ["--reference_config", "{}"]])
def test_a_published_yaml_file_is_a_config(command_line, tmp_path, form):
    path = tmp_path / "theirs.yaml"
    path.write_text("dataset: gtea\nepoch: 17\nBi: {f: m}\n")
    found = command_line("--workdir=x", *(word.format(path) for word in form))
    assert (found.data.dataset, found.train.epochs) == ("gtea", 17)


def test_two_configs_are_refused(command_line, capfd):
    with pytest.raises(SystemExit):
        command_line("--workdir=x", "--config=configs/fact_gtea.py", "--reference_config=c.yaml")
    assert "give one of them" in capfd.readouterr().err


def test_lists_take_all_words_up_to_the_next_flag(command_line):
    command_line("--input", "a.npy", "b c.npy", "--workdir=x", "--input=d.npy", "e.npy", "--mode", "eval")
    assert command_line.values["input"].value == ["a.npy", "b c.npy", "d.npy", "e.npy"]
    assert command_line.values["mode"].value == "eval"


@pytest.mark.parametrize(
    "text, message",
    [
        ("def get_config(:\n", "line 1: SyntaxError"),
        ("from configs import fact_gtea\ndef get_config():\n    c = fact_gtea.get_config()\n    c.q = 1\n", "line 4"),
        ("x = 1\n", "AttributeError.*get_config"),
        ("def get_config():\n    return {}\n", "returned dict, expected a ConfigDict"),
        ("def get_config():\n    return [][3]\n", "own.py, line 2: IndexError: list index out of range"),
        ("def get_config():\n    return int('x')\n", "own.py, line 2: invalid literal"),
        ("x = 1 / 0\n", "own.py, line 1: ZeroDivisionError"),
        ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("from configs import datasets\n", "line 1: configs.datasets is configs._base.datasets now; write: from conf"),
        ("import configs.fact_base\n", "line 1: configs.fact_base is configs._base.fact_base now"),
    ],
)
def test_broken_config_file(command_line, capfd, tmp_path, text, message):
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(SystemExit) as stop:
        command_line(f"--config={path}", "--workdir=x")
    err = capfd.readouterr().err
    assert stop.value.code == 2 and re.search(message, err) and "Traceback" not in err
