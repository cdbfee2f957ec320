"""Published YAML configs: the published ones give our shipped ones, and every mistake is named."""

import importlib

import pytest
import yaml
from ml_collections import ConfigDict

from configs import fact_synthetic, faformer_gtea, published
from fact_jax.models.fact import published_config
from fact_jax.models.fact.config import BlockConfig, resolve_blocks
from fact_jax.types import UserError

# Published configs/*.yaml: the values of (breakfast, gtea, egoprocel, epic-kitchens, gtea_transcript).
TABLE = {
    "dataset": ("breakfast", "gtea", "ego", "epic", "gtea"),
    "split": ("split1", "split1", "split1", "split1", "split4"),
    "sr": (1, 1, 3, 4, 1),
    "eval_bg": (True, False, False, False, False),
    "batch_size": (4, 1, 1, 1, 1),
    "epoch": (150, 400, 350, 200, 2000),
    "lr": (1e-4,) * 5,
    "lr_decay": (80, 250, 250, 600, -1),
    "FACT.block": ("iuUU", "iuU", "iUUU", "IUUU", "iuU"),
    "FACT.ntoken": (60, 60, 200, 300, 0),
    "FACT.trans": (False, False, False, False, True),
    "FACT.fpos": (False, False, False, True, False),
    "FACT.cmr": (0.3, 0.5, 0.3, 0.3, 0.5),
    "FACT.mwt": (0.1, 0.1, 0.9, 0.1, 0.0),
    "Bi.f": ("m2", "m", "m2", "m2", "m"),
    "Bi.f_dim": (512, 128, 256, 256, 128),
    "Bi.f_layers": (10,) * 5,
    "Bi.a": ("sca",) * 5,
    "Bi.a_dim": (512, 128, 256, 256, 128),
    "Bi.a_layers": (6, 6, 6, 6, 3),
    "Bi.dropout": (0.0, 0.2, 0.0, 0.0, 0.2),
    "Bu.f_layers": (10, 10, 10, 10, 3),
    "BU.f_layers": (10, 10, 10, 10, 5),
    "Loss.match": ("o2o", "o2o", "o2o", "o2m", "seq"),
    "Loss.pc": (0.2, 0.2, 0.2, 0.2, 1.0),
    "Loss.a2fc": (1.0,) * 5,
    "Loss.bgw": (1.0, 1.0, 0.5, 0.5, 1.0),
    "Loss.nullw": (-1.0, -1.0, -1.0, 0.05, -1.0),
    "Loss.sw": (5.0,) * 5,
    "TM.use": (True, True, False, False, True),
    "TM.t": (30, 60, 30, 30, 60),
    "TM.m": (5,) * 5,
    "TM.p": (0.05, 0.1, 0.05, 0.05, 0.1),
    "aux.eval_every": (2000, 300, 10000, 1000, 900),
    "aux.print_every": (1000, 100, 4000, 200, 400),
    "aux.runid": (0, 1, 0, 0, 8),
    "aux.gpu": (0, 5, 0, 0, 0),
}
# "Everywhere" below that table, and settings that are inherited there, written in both ways.
EVERYWHERE = {
    "optimizer": "Adam",
    "weight_decay": 0.0,
    "momentum": 0.0,
    "clip_grad_norm": 10.0,
    "Bi.hid_dim": 512,
    "Bi.a_ffdim": 512,
    "Bi.a_nhead": 8,
    "Bi.f_ln": False,
    "Bi.f_ngp": 1,
    "Bu.a": "sa",
    "Bu.a_layers": 1,
    "Bu.a_nhead": 8,
    "BU.a": "sa",
    "BU.a_layers": 1,
    "BU.a_nhead": 8,
    "BU.s_layers": 1,
    "aux.resume": "max",
    "Bu.hid_dim": None,
    "Bu.f_dim": "None",
    "BU.dropout": "None",
    "BU.a_dim": None,
    "TM.inplace": True,
}
SHIPPED = ("fact_breakfast", "fact_gtea", "fact_egoprocel", "fact_epic", "fact_gtea_transcript")
# FAFormer, where it differs from the gtea column; the encoders of all blocks are alike.
FAFORMER = {
    "hid_dim": 512,
    "Bi.f": "t",
    "FACT.token_phase": 3,
    "FACT.prompt": True,
    "FACT.dynamic_token": True,
    "FACT.token_thresh": 0.5,
    "Loss.temporal_affinity_weight": 0.0,
    "BaFormer.depth": 3,
    "upgrades.mode": "x",
    "class_names": ["a", "b"],
    "aux.eval_every": 500,
    **{
        f"{block}.T.{key}": value
        for block in ("Bi", "Bu", "BU")
        for key, value in {
            "num_layers": 4,
            "r1": 2,
            "r2": 2,
            "num_f_maps": 64,
            "alpha": 0.5,
            "channel_masking_rate": 0.5,
            "conv_kernel_size": 3,
            "dropout": 0.1,
        }.items()
    },
}


def tree_of(values):
    tree = {}
    for key, value in values.items():
        *groups, name = key.split(".")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return tree


def write(folder, values, name="theirs.yaml"):
    path = folder / name
    path.write_text(yaml.safe_dump(tree_of(values)))
    return path


def gtea(**changes):
    values = EVERYWHERE | {key: row[1] for key, row in TABLE.items()}
    return values | {key.replace("__", "."): value for key, value in changes.items()}


def leaves(config, prefix=""):
    found = {}
    for key in config:
        value = config[key]
        found.update(leaves(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else {f"{prefix}{key}": value})
    return found


def blocks_of(config):
    names = ("input_block", "update_block", "temporal_block")
    return resolve_blocks(config.model.blocks, *(BlockConfig(**dict(config.model[name])) for name in names))


def shipped(name):
    return importlib.import_module(f"configs.{name}").get_config()


@pytest.mark.parametrize("name", [*SHIPPED, "faformer_gtea"])
def test_published_configs_give_ours(tmp_path, name):
    is_fact = name in SHIPPED
    values = EVERYWHERE | {key: row[SHIPPED.index(name) if is_fact else 1] for key, row in TABLE.items()}
    path = write(tmp_path, values if is_fact else values | FAFORMER)
    found, ours = published.get_config(str(path)), shipped(name)
    assert found.name == "theirs" and found.is_locked
    assert blocks_of(found) == blocks_of(ours)
    inherited = ("name", "model.update_block.", "model.temporal_block.")
    for key, value in leaves(ours).items():
        if not key.startswith(inherited):
            assert leaves(found)[key] == value, key
            assert type(leaves(found)[key]) is type(value), key
    assert leaves(found).keys() == leaves(ours).keys()


def test_what_only_the_faformer_file_has_is_used_or_ignored(tmp_path):
    reading = published_config.read(write(tmp_path, gtea() | FAFORMER))
    assert "model.name" in reading.given and "model.input_block.encoder_dim" in reading.given
    unused = {"BaFormer.depth", "class_names", "FACT.prompt", "BU.T.dropout", "Loss.temporal_affinity_weight"}
    assert unused <= set(reading.ignored)


def test_encoders_of_later_blocks_are_not_inherited_in_published_files(tmp_path):
    own = {"Bi.T.num_layers": 2, "Bi.T.num_f_maps": 6, "BU.T.alpha": 2}
    path = write(tmp_path, {"dataset": "gtea", "Bi.f": "t"} | own)
    found = published.get_config(str(path))
    assert found.model.name == "faformer" and (found.model.num_tokens, found.model.use_transcript) == (10, True)
    blocks = blocks_of(found)
    assert [block.frame_branch for block in blocks] == ["t"] * 4
    assert [block.encoder_layers for block in blocks] == [2, 4, 4, 4]
    assert [block.encoder_dim for block in blocks] == [6, 128, 128, 128]
    assert [block.encoder_attention for block in blocks] == [1.0, 1.0, 2.0, 2.0]


def test_written_faformer_configs_read_back(tmp_path):
    ours = faformer_gtea.get_config().copy_and_resolve_references()
    with ours.unlocked():
        ours.model.blocks, ours.model.update_block.encoder_layers = "iuUu", 3
    path = tmp_path / "written.yaml"
    path.write_text(published_config.write(ours.to_dict(), {}))
    found = published.get_config(str(path))
    assert blocks_of(found) == blocks_of(ours)
    differing = {key for key, value in leaves(ours).items() if leaves(found)[key] != value}
    assert all(key == "name" or ".encoder_" in key for key in differing)


def test_what_the_file_says_is_told_from_defaults(tmp_path):
    path = write(tmp_path, {"dataset": "gtea", "Bi.f": "m", "FACT.ntoken": 40, "aux.gpu": 3, "TM.use": True})
    found = published_config.read(path)
    assert set(found.given) == {"model.input_block.frame_branch", "model.num_tokens", "model.time_mask.count"}
    assert found.ignored == ("aux.gpu",)
    assert found.settings["optimizer.name"] == "sgd" and found.settings["optimizer.learning_rate"] == 0.1
    assert found.settings["model.input_block.dropout_rate"] == 0.5 and found.settings["model.time_mask.count"] == 5


def test_datasets_of_ones_own(tmp_path):
    path = write(
        tmp_path,
        gtea(
            dataset="kitchen",
            feature_path="feats",
            groundTruth_path="/data/labels",
            map_fname="map.txt",
            split_path="lists",
            feature_transpose=True,
            bg_class=[0, 3],
            average_transcript_len=12,
        ),
    )
    data = published.get_config(f"{path},split=2,seed=3").data
    assert (data.dataset, data.feature_dir, data.label_dir, data.mapping_file) == (
        "kitchen",
        "feats",
        "/data/labels",
        "map.txt",
    )
    assert data.train_split_file == "lists/train.{split}.bundle" and data.test_split_file == "lists/test.{split}.bundle"
    assert (data.time_axis, data.background_ids, data.average_transcript_length) == ("last", (0, 3), 12.0)
    assert data.split == "split2" and data.reader == "npy"
    data = published.get_config(str(write(tmp_path, gtea(dataset="kitchen")))).data
    assert (data.time_axis, data.background_ids) == ("first", (0,))
    assert (data.feature_dir, data.train_split_file) == ("features", "splits/train.{split}.bundle")


@pytest.mark.parametrize("name", ["a,b.yaml", "a,quick/x,seed=1.yml", "plain.yaml.old"])
def test_commas_in_the_path_are_no_arguments(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    path = write(tmp_path, gtea(), name)
    assert published.get_config(str(path)).seed == published.get_config(f"{path},split=2").seed == 0
    config = published.get_config(f"{path},split=2,seed=3")
    assert (config.name, config.data.split, config.seed) == (path.stem, "split2", 3)


def test_places_of_known_datasets_are_theirs(tmp_path):
    path = write(tmp_path, gtea(feature_path="elsewhere", bg_class=3))
    assert set(published_config.read(path).ignored) >= {"feature_path", "bg_class", "aux.runid", "TM.inplace"}
    data = published.get_config(str(path)).data
    assert (data.feature_dir, data.background_ids) == ("features", (10,))


@pytest.mark.parametrize(("match", "expected"), [("o2o", 21.5), ("o2m", 7.4)])
def test_assumed_transcript_lengths(tmp_path, match, expected):
    path = write(tmp_path, gtea(dataset="ego", Loss__match=match))
    assert published.get_config(str(path)).data.average_transcript_length == expected


def test_numbers_that_yaml_takes_for_text(tmp_path):
    path = tmp_path / "theirs.yaml"
    path.write_text(yaml.safe_dump(tree_of(gtea())).replace("lr: 0.0001", "lr: 1e-4").replace("mwt: 0.1", "mwt: 1"))
    config = published.get_config(str(path))
    assert config.optimizer.learning_rate == 1e-4
    assert config.model.frame_weight == 1.0 and isinstance(config.model.frame_weight, float)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset: gtea\nBi:\n  a_dimm: 3\n", "line 3: the published code has no key Bi.a_dimm. Did you mean Bi.a_dim"),
        ("dataset: gtea\nBi: 3\n", "line 2: Bi is a value; expected a group"),
        ("dataset: gtea\nepoch: many\n", "line 2: epoch is 'many', expected a whole number"),
        ("dataset: gtea\nepoch: 2.5\n", "line 2: epoch is 2.5, expected a whole number"),
        ("dataset: gtea\neval_bg: 1\n", "line 2: eval_bg is 1, expected true or false"),
        ("dataset: gtea\nlr: .nan\n", "line 2: lr is nan, expected a number"),
        ("dataset: gtea\nlr: null\n", "line 2: lr is empty, expected a number"),
        ("dataset: gtea\nbg_class: [a]\n", "line 2: bg_class is ['a'], expected a whole number"),
        ("dataset: gtea\nlr: 1.0\nlr: 2.0\n", "line 3: lr is given twice"),
        ("dataset: gtea\nBi: {f: m3}\n", "line 2: Bi.f is 'm3'. Did you mean 'm"),
        ("dataset: gtea\n", "theirs.yaml: Bi.f is 'cnn'."),
        ("dataset: gtea\nhid_dim: 512\n", "theirs.yaml: Bi.f is 'transformer'. Valid values: 't', 'm', 'm2'"),
        ("dataset: gtea\nhid_dim: 64\nBi: {f: t}\n", "line 2: hid_dim is 64 and Bi.hid_dim is 512; the published"),
        ("dataset: gtea\nBi:\n  f: t\n  T:\n    r1: 2\n", "line 5: Bi.T.r1 is 2 and Bi.T.r2 is 1; the published"),
        ("dataset: gtea\nLoss: {match: o2a}\nBi: {f: m}\n", "line 2: Loss.match is 'o2a'"),
        ("split: split1\n", "names no dataset"),
        ("dataset: 3\n", "line 1: dataset is 3, expected text"),
        ("", "has no keys"),
        ("dataset: [unclosed\n", "is not plain YAML"),
        ("dataset: !!python/object/apply:os.getcwd []\n", "is not plain YAML"),
        ("dataset: gtea\n[1]: 2\n", "line 2: the published code has no key"),
        ("a: &a {b: *a}\n", "the published code has no key a"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, text, words):
    path = tmp_path / "theirs.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        published.get_config(str(path))
    assert str(path) in str(caught.value) and words in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="nowhere.yaml cannot be read: No such file"):
        published.get_config(str(tmp_path / "nowhere.yaml"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="it is no text"):
        published.get_config(str(tmp_path / "binary.yaml"))
    with pytest.raises(ValueError, match="name a YAML file"):
        published.get_config()


@pytest.mark.parametrize("name", SHIPPED)
def test_written_configs_read_back(tmp_path, name):
    ours = shipped(name)
    path = tmp_path / "written.yaml"
    path.write_text(published_config.write(ours.to_dict(), {}))
    found = leaves(published.get_config(str(path)))
    differing = {key for key, value in leaves(ours).items() if found[key] != value}
    assert differing == {"name"}


def test_written_configs_of_other_datasets_name_their_places(tmp_path):
    ours = fact_synthetic.get_config().copy_and_resolve_references()
    with ours.unlocked():
        ours.data.update({"dir": "/data/kitchen", "dataset": "kitchen", "time_axis": "first", "background_ids": (1, 2)})
    path = tmp_path / "written.yaml"
    path.write_text(published_config.write(ours.to_dict(), {"average_transcript_length": 8.25}))
    data = published.get_config(str(path)).data
    assert data.feature_dir == "/data/kitchen/features" and data.mapping_file == "/data/kitchen/mapping.txt"
    assert data.test_split_file == "/data/kitchen/splits/test.{split}.bundle"
    assert (data.time_axis, data.background_ids, data.average_transcript_length) == ("first", (1, 2), 8.25)
