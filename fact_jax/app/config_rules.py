"""Which values the settings of a config may have."""

import math
import re

from ml_collections import ConfigDict

from fact_jax.app.kinds import localization_rules
from fact_jax.metrics.segmentation import METRIC_NAMES
from fact_jax.training.optimizers import OPTIMIZERS, SCHEDULES
from fact_jax.types import UserError, check_choice

_BLOCKS = ("input_block", "update_block", "temporal_block")

# Dotted key -> valid values. Keys that a config does not have, and values of None (inherited), are not checked.
CHOICES = {
    "data.reader": ("npy", "tfds", "synthetic"),
    "data.time_axis": ("last", "first"),
    "model.windows": ("released", "banded"),
    "model.input_block.action_branch": ("sca", "gru", "gru_om"),
    "model.update_block.action_branch": ("sa", "gru", "gru_om"),
    "model.temporal_block.action_branch": ("sa", "gru", "gru_om"),
    **{f"model.{block}.frame_branch": ("m", "m2", "t") for block in _BLOCKS},
    "loss.match": ("o2o", "o2m", "seq"),
    "train.sampling": ("random", "by_length"),
    "dtype": ("float32", "bfloat16"),
    "log.wandb_mode": ("online", "offline"),
    "optimizer.name": OPTIMIZERS,
    "optimizer.schedule": SCHEDULES,
    "eval.select_metric": METRIC_NAMES,
    "matmul_precision": ("", "default", "high", "highest"),
}

# What a number may be: (dotted keys, test, the words of the message).
_SIZES = (
    "hidden_dim",
    "frame_dim",
    "frame_layers",
    "frame_groups",
    "action_dim",
    "action_layers",
    "action_heads",
    "action_ff_dim",
    "segment_layers",
    "encoder_layers",
    "encoder_dim",
    "encoder_reduction",
)
RANGES = (
    (
        (
            "data.sample_rate",
            "data.max_buckets",
            "optimizer.learning_rate",
            "train.batch_size",
            "train.epochs",
            "train.log_every",
            "train.eval_every",
            "eval.batch_size",
            "checkpoint.keep_latest",
            "checkpoint.keep_best",
            "data.buckets",
            "model.segment_buckets",
            "model.time_mask.max_frames",
            *(f"model.{block}.{size}" for block in _BLOCKS for size in _SIZES),
            # Of the networks that label frames.
            "model.dim",
            "model.num_layers",
            "model.num_stages",
            "model.num_refinement_layers",
            "model.query_reduction",
            "model.value_reduction",
            "loss.smoothing_clip",
        ),
        lambda value: value > 0,
        "more than 0",
    ),
    (
        (
            "seed",
            "data.background_ids",
            "data.average_transcript_length",
            "data.fps",
            "data.length_tolerance",
            "model.num_tokens",
            "model.num_refinements",
            "model.num_decoders",
            "model.time_mask.count",
            "loss.prob_cost",
            "loss.overlap_cost",
            "loss.background_weight",
            "loss.smoothing_weight",
            "train.micro_batch_size",
            "data.memory_gb",
            "optimizer.weight_decay",
            "optimizer.clip_norm",
            "optimizer.decay_factor",
            "optimizer.warmup_epochs",
            "optimizer.cosine_epochs",
            "optimizer.lowest_rate",
            "optimizer.plateau_patience",
            "train.steps",
            "eval.max_timelines",
            *(f"model.{block}.encoder_attention" for block in _BLOCKS),
        ),
        lambda value: value >= 0,
        "0 or more",
    ),
    (
        (
            "model.channel_dropout_rate",
            "model.dropout_rate",
            "data.max_padding",
            "optimizer.momentum",
            "optimizer.ema_decay",
            "optimizer.plateau_factor",
            *(
                f"model.{block}.{rate}"
                for block in _BLOCKS
                for rate in ("dropout_rate", "encoder_channel_dropout_rate")
            ),
        ),
        lambda value: 0 <= value < 1,
        "at least 0 and less than 1",
    ),
    (("model.frame_weight", "model.time_mask.max_fraction"), lambda value: 0 <= value <= 1, "between 0 and 1"),
    (("loss.null_weight",), lambda value: value >= 0 or value == -1, "0 or more, or -1 for automatic"),
)


def check_choices(config):
    """Checks the values that have a fixed set of choices, a range, or a rule of their own.

    Raises:
      UserError: names every value that is not valid, with the nearest valid one.
    """
    problems = []
    values = leaves(config)
    localizes = values.get("model.name") in localization_rules.SYSTEMS
    for key, options in (CHOICES | (localization_rules.choices(values) if localizes else {})).items():
        if values.get(key) is not None:
            try:
                check_choice(f"config.{key}", values[key], options)
            except UserError as error:
                problems.append(str(error))
    for keys, holds, words in RANGES + (localization_rules.RANGES if localizes else ()):
        for key in keys:
            problems += _range_problems(key, values.get(key), holds, words)
    blocks = values.get("model.blocks", "iU")
    if not re.fullmatch("i[uU]+|IU+", blocks):
        problems.append(
            f"config.model.blocks is {blocks!r}, expected 'i' followed by one or more of 'u' and 'U', such as 'iuUU'; "
            "or, for classes of verbs and nouns, 'I' followed by one or more 'U'."
        )
    problems += localization_rules.problems(values) if localizes else []
    if problems:
        raise UserError("\n".join(problems))


def _range_problems(key, value, holds, words):
    if value is None:
        return []
    entries = value if isinstance(value, tuple) else (value,)
    whole = "whole numbers, each " if isinstance(value, tuple) else ""
    valid = all(
        isinstance(entry, int if whole else (int, float)) and math.isfinite(entry) and holds(entry) for entry in entries
    )
    return [] if valid else [f"config.{key} is {value!r}, expected {whole}{words}."]


def leaves(config, prefix=""):
    """Dotted key -> value of every setting of the config."""
    found = {}
    for key, value in config.items():
        found.update(leaves(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else {f"{prefix}{key}": value})
    return found
