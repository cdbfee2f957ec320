"""The published code's configuration files: read as our settings, and written from them.

Light on imports, so that a mistake in a file is answered at once.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fact_jax.models.fact.published_yaml import DEFAULTS, FAFORMER_DEFAULTS, flatten, load, without_meaning

# Published key -> key of our configs; where a value has to be translated as well, `_translate` does it.
SETTINGS = {
    "split": "data.split",
    "sr": "data.sample_rate",
    "eval_bg": "data.evaluate_background",
    "batch_size": "train.batch_size",
    "epoch": "train.epochs",
    "optimizer": "optimizer.name",
    "lr": "optimizer.learning_rate",
    "lr_decay": "optimizer.decay_epoch",
    "momentum": "optimizer.momentum",
    "weight_decay": "optimizer.weight_decay",
    "clip_grad_norm": "optimizer.clip_norm",
    "FACT.ntoken": "model.num_tokens",
    "FACT.block": "model.blocks",
    "FACT.trans": "model.use_transcript",
    "FACT.fpos": "model.frame_positions",
    "FACT.cmr": "model.channel_dropout_rate",
    "FACT.mwt": "model.frame_weight",
    "Loss.match": "loss.match",
    "Loss.pc": "loss.prob_cost",
    "Loss.a2fc": "loss.overlap_cost",
    "Loss.bgw": "loss.background_weight",
    "Loss.nullw": "loss.null_weight",
    "Loss.sw": "loss.smoothing_weight",
    "TM.m": "model.time_mask.count",
    "TM.t": "model.time_mask.max_frames",
    "TM.p": "model.time_mask.max_fraction",
    "aux.eval_every": "train.eval_every",
    "aux.print_every": "train.log_every",
    "aux.wandb_project": "log.wandb_project",
    "aux.wandb_user": "log.wandb_entity",
}
BLOCKS = {"Bi": "input_block", "Bu": "update_block", "BU": "temporal_block"}
BLOCK_FIELDS = {
    "hid_dim": "hidden_dim",
    "dropout": "dropout_rate",
    "f": "frame_branch",
    "f_dim": "frame_dim",
    "f_layers": "frame_layers",
    "f_ln": "frame_norm",
    "f_ngp": "frame_groups",
    "a": "action_branch",
    "a_dim": "action_dim",
    "a_layers": "action_layers",
    "a_nhead": "action_heads",
    "a_ffdim": "action_ff_dim",
    "s_layers": "segment_layers",
    "T.num_layers": "encoder_layers",
    "T.num_f_maps": "encoder_dim",
    "T.r1": "encoder_reduction",
    "T.alpha": "encoder_attention",
    "T.channel_masking_rate": "encoder_channel_dropout_rate",
}
# Keys of datasets other than the four whose places the published code knows.
DATA_SETTINGS = {
    "feature_path": "data.feature_dir",
    "groundTruth_path": "data.label_dir",
    "map_fname": "data.mapping_file",
    "split_path": "data.train_split_file",
    "feature_transpose": "data.time_axis",
    "bg_class": "data.background_ids",
    "average_transcript_len": "data.average_transcript_length",
}
PLACES = ("data.feature_dir", "data.label_dir", "data.mapping_file", "data.train_split_file")
# Dataset value of the published code -> the name in configs/_base/datasets.py.
DATASETS = {"breakfast": "breakfast", "gtea": "gtea", "ego": "egoprocel", "epic": "epic"}


@dataclasses.dataclass(frozen=True)
class PublishedConfig:
    """A published configuration, of a file `name`, in our terms.

    Attributes:
      dataset: our name of one of DATASETS, or what the file says.
      settings: dotted key of our configs -> value; None leaves a block's setting to the block before it. The keys
        of `data` that describe a dataset are there only where `dataset` is none of DATASETS.
      given: the keys of `settings` that the file itself sets; the others are published defaults.
      ignored: published keys in the file that mean nothing here.
    """

    name: str
    dataset: str
    settings: dict[str, Any]
    given: tuple[str, ...]
    ignored: tuple[str, ...]


def transcript_length(dataset: str, match: str) -> float:
    """Average transcript length the published code assumes for a dataset, 0.0 where it reads it from the config."""
    if dataset == "ego":
        return 21.5 if match == "o2o" else 7.4
    if dataset == "epic":
        return 165.0 if match == "o2o" else 52.0
    return {"breakfast": 6.9, "gtea": 32.9}.get(dataset, 0.0)


def read(path) -> PublishedConfig:
    """Reads a published YAML file over the published defaults; errors as of `published_yaml.load`."""
    path = Path(path)
    values, written = load(path)
    dataset = values["dataset"]
    known, faformer = dataset in DATASETS, "hid_dim" in values
    table = _table(faformer) | ({} if known else DATA_SETTINGS)
    settings = {ours: values[theirs] for theirs, ours in table.items()}
    given = [ours for theirs, ours in table.items() if theirs in written]
    if known:
        settings["data.average_transcript_length"] = transcript_length(dataset, values["Loss.match"])
    if "TM.use" in written and "model.time_mask.count" not in given:
        given.append("model.time_mask.count")
    settings["model.name"] = "faformer" if faformer else "fact"
    if faformer:
        given.append("model.name")
    _translate(values, settings, known)
    ignored = [key for key in written if without_meaning(key) or (known and key in DATA_SETTINGS)]
    return PublishedConfig(path.stem, DATASETS.get(dataset, dataset), settings, tuple(given), tuple(ignored))


def write(config: Mapping[str, Any], derived: Mapping[str, Any]) -> str:
    """Returns the YAML text of a published configuration that describes one of our runs; the inverse of `read`.

    `derived`, beside "config" in the run's config.json, has the average transcript length where it was measured.
    """
    flat = flatten(config)
    faformer = flat["model.name"] == "faformer"
    if faformer:
        _spread_encoders(flat)
    values = {theirs: flat[ours] for theirs, ours in _table(faformer).items() if ours in flat}
    if faformer:
        values = {key: value for key, value in values.items() if ".T." not in key or value is not None}
        values |= {key.replace(".r1", ".r2"): value for key, value in values.items() if key.endswith(".T.r1")}
        values["hid_dim"] = flat["model.input_block.hidden_dim"]
    names = {ours: theirs for theirs, ours in DATASETS.items()}
    values["dataset"] = names.get(flat["data.dataset"], flat["data.dataset"])
    values["optimizer"] = {"adam": "Adam", "sgd": "SGD"}[flat["optimizer.name"]]
    masked = flat["model.time_mask.count"] > 0
    values |= {"TM.use": masked, "TM.m": flat["model.time_mask.count"] if masked else DEFAULTS["TM"]["m"]}
    if values["dataset"] not in DATASETS:
        folder = Path(flat["data.dir"])
        places = {theirs: folder / flat[ours] for theirs, ours in DATA_SETTINGS.items() if ours in PLACES}
        background = list(flat["data.background_ids"])
        length = flat["data.average_transcript_length"] or derived.get("average_transcript_length", 0.0)
        values |= {theirs: str(place) for theirs, place in places.items()}
        values |= {
            "split_path": str(places["split_path"].parent),
            "feature_transpose": flat["data.time_axis"] == "last",
            "bg_class": background[0] if len(background) == 1 else background,
            "average_transcript_len": float(length),
        }
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *groups, name = key.split(".")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return yaml.safe_dump(tree)


def _table(faformer):
    """Published key -> our key, of everything that does not describe a dataset."""
    defaults = FAFORMER_DEFAULTS if faformer else DEFAULTS
    blocks = {
        f"{theirs}.{field}": f"model.{ours}.{BLOCK_FIELDS[field]}"
        for theirs, ours in BLOCKS.items()
        for field in flatten(defaults[theirs])
        if field in BLOCK_FIELDS
    }
    return SETTINGS | blocks


def _spread_encoders(flat):
    """Writes out which settings of their encoders our blocks inherit (in place): the published ones inherit none."""
    names = [name for field, name in BLOCK_FIELDS.items() if field.startswith("T.")]
    reference = "input_block"
    for letter in flat["model.blocks"][1:]:
        kind = "update_block" if letter == "u" else "temporal_block"
        for name in names:
            if flat[f"model.{kind}.{name}"] is None:
                flat[f"model.{kind}.{name}"] = flat[f"model.{reference}.{name}"]
        reference = kind


def _translate(values, settings, known):
    """Translates in `settings` the values that are written in another way."""
    settings["optimizer.name"] = values["optimizer"].lower()
    settings["eval.batch_size"] = values["batch_size"]
    # The published code runs one video at a time, whatever the batch.
    settings["train.micro_batch_size"] = 1 if values["batch_size"] > 1 else 0
    if not values["TM.use"]:
        settings["model.time_mask.count"] = 0
    if known:
        return
    background = values["bg_class"]
    settings["data.background_ids"] = tuple(background) if isinstance(background, list) else (background,)
    settings["data.time_axis"] = "last" if values["feature_transpose"] else "first"
    folder = values["split_path"]
    for subset in ("train", "test"):
        settings[f"data.{subset}_split_file"] = None if folder is None else f"{folder}/{subset}.{{split}}.bundle"
    for key in [key for key, value in settings.items() if key.startswith("data.") and value is None]:
        del settings[key]  # our own default place
