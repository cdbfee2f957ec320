"""Every setting of every system refuses what it cannot be, all at once, before any data is opened."""

import importlib
import io
import math

import pytest

from configs import actionformer_thumos14
from fact_jax.app import config_rules, experiment, kinds
from fact_jax.training.logging import writers
from fact_jax.types import UserError

# A config of every system: all of a system have the same keys.
SYSTEMS = ("fact_gtea", "faformer_gtea", "mstcn_gtea", "mstcnpp_gtea", "asformer_gtea", "actionformer_thumos14")
NAN = math.nan
WRONG = {
    bool: (1, "yes", None),
    int: ("a", True, 1.5, None, -1, 0, NAN),
    float: ("a", True, None, NAN, math.inf, -math.inf, -2.0, -0.5, 0.0, 2.0),
    str: (3, None, "no such", ""),
    tuple: (3, "a", None, (), ("a",), (-1,), (0,), (1.5,), (NAN,), ((1,),)),
}
FREE_TEXT = {
    "name", "data.dataset", "data.dir", "data.split", "data.tfds_dir", "log.wandb_entity", "log.wandb_project",
    "data.annotation_file", "data.test_annotation_file", "data.subset_file", "data.feature_prefix",
    "data.external_scores", "data.feature_dir", "data.label_dir", "data.mapping_file", "data.verb_mapping_file",
    "data.noun_mapping_file", "data.transcript_dir", "data.train_split_file", "data.test_split_file",
    "data.validation_split_file", "data.segment_file",
}  # fmt: skip
# What of these is right, by its text.
RIGHT = {
    "''": {
        "matmul_precision",
    },
    "('a',)": {
        "data.feature_places", "data.test_subsets", "data.train_subsets",
    },
    '()': {
        "data.background_ids", "data.buckets", "data.crop_ratio", "model.segment_buckets", "model.stream_dims",
        "model.stream_widths", "optimizer.milestones",
    },
    '(-1,)': {
        "model.window_sizes",
    },
    '(0,)': {
        "data.background_ids", "model.window_sizes", "optimizer.milestones",
    },
    '-1': {
        "optimizer.decay_epoch",
    },
    '0': {
        "data.length_tolerance", "data.num_classes", "data.synthetic.num_confusable_pairs",
        "eval.max_timelines", "model.first_level", "model.num_decoders",
        "model.num_refinements", "model.stem_layers", "model.time_mask.count", "optimizer.cosine_epochs",
        "optimizer.decay_epoch", "optimizer.plateau_patience", "optimizer.warmup_epochs", "seed",
        "train.micro_batch_size", "train.steps",
    },
    '0.0': {
        "data.average_transcript_length", "data.crop_share", "data.feature_stride", "data.fps",
        "data.gain_deviation", "data.max_padding", "data.max_speed", "data.memory_gb", "data.offset_deviation",
        "data.synthetic.noise", "data.truncation_threshold", "data.window",
        "detection.candidate_threshold", "detection.iou_threshold", "detection.min_duration",
        "detection.min_score", "detection.voting_threshold", "loss.background_weight", "loss.label_smoothing",
        "loss.null_weight", "loss.overlap_cost", "loss.prob_cost", "loss.regression_weight",
        "loss.smoothing_weight", "model.channel_dropout_rate", "model.drop_path_rate", "model.dropout_rate",
        "model.frame_weight", "model.input_block.dropout_rate", "model.input_block.encoder_attention",
        "model.input_block.encoder_channel_dropout_rate", "model.temporal_block.dropout_rate",
        "model.temporal_block.encoder_attention", "model.temporal_block.encoder_channel_dropout_rate",
        "model.time_mask.max_fraction", "model.update_block.dropout_rate",
        "model.update_block.encoder_attention", "model.update_block.encoder_channel_dropout_rate",
        "optimizer.clip_norm", "optimizer.ema_decay", "optimizer.lowest_rate",
        "optimizer.momentum", "optimizer.plateau_factor", "optimizer.weight_decay",
    },
    '2.0': {
        "data.average_transcript_length", "data.feature_stride", "data.fps", "data.gain_deviation",
        "data.max_speed", "data.memory_gb", "data.offset_deviation", "data.synthetic.noise", "data.window",
        "detection.min_duration", "detection.sigma",
        "loss.background_weight", "loss.center_radius", "loss.first_normalizer", "loss.null_weight",
        "loss.overlap_cost", "loss.prob_cost", "loss.regression_weight", "loss.smoothing_clip",
        "loss.smoothing_weight", "model.input_block.encoder_attention",
        "model.temporal_block.encoder_attention", "model.update_block.encoder_attention", "optimizer.clip_norm",
        "optimizer.learning_rate", "optimizer.lowest_rate", "optimizer.weight_decay",
    },
}  # fmt: skip


def settings_of(config, prefix=""):
    """Dotted key -> (group, name, type) of every setting."""
    found = {}
    for name in config:
        if hasattr(config[name], "keys"):
            found |= settings_of(config[name], f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = (config, name, config.get_type(name))
    return found


def put(group, name, value):
    """Sets a value of whatever type."""
    del group[name]
    group[name] = value


def accepted(name, place):
    """Dotted keys -> the values with this place in WRONG that the settings of a config take for right."""
    config = importlib.import_module(f"configs.{name}").get_config().unlock()
    settings = {key: found for key, found in settings_of(config).items() if key != "model.name"}
    wrong = {key: WRONG[kind][place] for key, (_, _, kind) in settings.items() if place < len(WRONG[kind])}
    before = {key: settings[key][0][settings[key][1]] for key in wrong}
    # None means inherited where it stands already.
    wrong = {key: value for key, value in wrong.items() if value is not None or before[key] is not None}
    for key, value in wrong.items():
        put(*settings[key][:2], value)
    with pytest.raises(UserError) as caught:
        config_rules.check_choices(config)
    refused = {line.split(" ")[0].removeprefix("config.") for line in str(caught.value).splitlines()}
    for key in wrong:
        put(*settings[key][:2], before[key])
    check = kinds.of_system(config.model.name).runs().check_settings
    config_rules.check_choices(config)
    found = {}
    for key in wrong.keys() - refused:
        put(*settings[key][:2], wrong[key])
        try:
            config_rules.check_choices(config)
            check(config)
            found[key] = wrong[key]
        except UserError:
            pass
        put(*settings[key][:2], before[key])
    return found


def test_every_setting_of_every_system_refuses_what_it_cannot_be():
    found = {}
    for name in SYSTEMS:
        for place in range(max(map(len, WRONG.values()))):
            for key, value in accepted(name, place).items():
                if key not in FREE_TEXT:
                    found.setdefault(repr(value), set()).add(key)
    assert found == RIGHT


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("data.num_classes", 10**9, "0 or more and at most 100000"),
        ("data.max_frames", 576 * 10**6, "more than 0 and at most 1000000"),
        ("data.feature_stride", 1e9, "0 or more and at most 100000"),
        ("data.fps", 1e9, "0 or more and at most 10000"),
        ("data.sample_rate", 10**9, "more than 0 and at most 10000"),
        ("detection.min_score", 1.0, "at least 0 and less than 1"),
        ("detection.sigma", 1e9, "more than 0 and at most 100"),
        ("loss.center_radius", 1e9, "more than 0 and at most 1000"),
        ("model.branch_layers", 10**9, "0 or more and at most 20"),
        ("model.dim", 10**9, "more than 0 and at most 65536"),
        ("model.embedding_layers", 0, "more than 0 and at most 100"),
        ("model.window_sizes", (10**9,), "whole numbers, each 1 or more and at most 100000"),
        ("optimizer.decay_epoch", 10**9, "at most 100000"),
        ("optimizer.decay_factor", 2.0, "more than 0 and at most 1"),
        ("optimizer.learning_rate", 1e9, "more than 0 and at most 10"),
        ("train.batch_size", 10**9, "more than 0 and at most 65536"),
        ("optimizer.cosine_epochs", 0, "the epochs of the fall, such as train.epochs - warmup_epochs, 30"),
        ("optimizer.lowest_rate", 1.0, "at most config.optimizer.learning_rate, 0.0001"),
        ("model.regression_from", (0, 4, 8, 16, 64, 64), "a smaller distance in the first one, level by level"),
        ("train.sampling", "by_length", "videos of any lengths share an update"),
    ],
)
def test_numbers_that_nobody_means_are_refused(key, value, words):
    config = actionformer_thumos14.get_config().unlock()
    config_rules.check_choices(config)
    put(*settings_of(config)[key][:2], value)
    with pytest.raises(UserError) as caught:
        config_rules.check_choices(config)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"config.{key} is {value!r}") and words in line


def test_a_contradiction_that_hangs_on_a_wrong_value_is_not_told():
    config = importlib.import_module("configs.cast_ssv2").get_config().unlock()
    for key, value in {"model.experts": "clipp", "model.tubelet": 4}.items():
        put(*settings_of(config)[key][:2], value)  # 4 will do for one expert
    with pytest.raises(UserError) as caught:
        config_rules.check_choices(config)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name, changes, expected",
    [
        ("actionformer_synthetic", {"data.tiou_thresholds": (0.5, "a")}, ["config.data.tiou_thresholds is (0.5, 'a')"]),
        ("actionformer_synthetic", {"data.crop_ratio": ("a", "b")}, ["config.data.crop_ratio is ('a', 'b')"]),
        (
            "actionformer_synthetic",
            {
                "model.num_heads": -1,
                "model.drop_path_rate": -1.0,
                "loss.label_smoothing": -1.0,
                "model.class_prior": NAN,
            },
            ["num_heads is -1", "drop_path_rate is -1.0", "label_smoothing is -1.0", "class_prior is nan"],
        ),
        (
            "fact_gtea",
            {"optimizer.milestones": ("a",)},
            ["milestones is ('a',), expected whole numbers, each 0 or more"],
        ),
        ("fact_gtea", {"optimizer.milestones": (-1,)}, ["milestones is (-1,), expected whole numbers, each 0 or more"]),
        ("mstcn_gtea", {"model.num_stages": 1.5}, ["config.model.num_stages is 1.5, expected a whole number"]),
        (
            "actionformer_thumos14",
            {"model.first_level": 9, "model.window_sizes": (7, 7), "data.synthetic.min_length": 500},
            ["model.first_level is 9; expected 0 to 5", "window_sizes has 2 entries", "min_length is 500"],
        ),
        (
            "actionformer_thumos14",
            {"detection.min_duration": 600.0, "data.max_frames": 576},
            ["min_duration is 600.0, expected less than config.data.max_frames, 576"],
        ),
        (
            "fact_gtea",
            {"model.input_block.action_heads": 7, "model.input_block.frame_groups": 3, "data.synthetic.num_classes": 1},
            ["no multiple of action_heads 7", "no multiple of frame_groups 3", "num_classes is 1, expected 11 or more"],
        ),
        (
            "mstcn_gtea",
            {"model.name": "fact"},
            ["config.model lacks blocks", "config.model has dim", "their own configs"],
        ),
        ("mstcn_gtea", {"model.name": "actionformer"}, ["config.data has average_", "localization does not know"]),
        ("actionformer_thumos14", {"model.name": "fact"}, ["config.data has annotation_file", "segmentation does not"]),
        ("fact_gtea", {"model.name": "mstcn"}, ["config.model lacks dim", "config.model has blocks"]),
        (
            "cast_ssv2",
            {"model.experts": "clipp", "model.num_heads": 5, "train.micro_batch_size": 3, "eval.select_metric": "Top7"},
            ["Did you mean 'clip'?", "no multiple of model.num_heads, 5", "in micro-batches of 3", "'Top7'. Did you"],
        ),
    ],
)
def test_a_run_names_them_all_before_it_opens_data(tmp_path, name, changes, expected):
    config = importlib.import_module(f"configs.{name}").get_config().unlock()
    settings = settings_of(config)
    for key, value in changes.items():
        put(*settings[key][:2], value)
    with pytest.raises(UserError) as caught:
        config_rules.check_choices(config)
        experiment.run(config, tmp_path / "run", console=writers.Console(io.StringIO()))
    for words in expected:
        assert words in str(caught.value)
    assert "data.dir" not in str(caught.value) and not (tmp_path / "run").exists()
