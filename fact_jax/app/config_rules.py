"""Which values the settings of a config may have."""

import math
import unicodedata

from ml_collections import ConfigDict

from fact_jax.app import kinds
from fact_jax.training.optimizers import OPTIMIZERS, SCHEDULES
from fact_jax.types import UserError, check_choice

# Dotted key -> valid values, of every kind of work; a kind adds its own. Keys that a config does not have, and values
# of None (inherited), are not checked.
CHOICES = {
    "dtype": ("float32", "bfloat16"),
    "log.wandb_mode": ("online", "offline"),
    "optimizer.name": OPTIMIZERS,
    "optimizer.schedule": SCHEDULES,
    "matmul_precision": ("", "default", "high", "highest"),
}
# Settings that are titles and names.
NAMES = ("name", "data.dataset", "data.split")
# What a number may be: (dotted keys, test, the words of the message).
RANGES = (
    (("data.sample_rate", "optimizer.learning_rate", "train.batch_size", "train.epochs", "train.log_every",
      "train.eval_every", "eval.batch_size", "checkpoint.keep_latest", "checkpoint.keep_best", "model.dim"),
     lambda value: value > 0, "more than 0"),
    (("seed", "data.fps", "data.memory_gb", "train.micro_batch_size", "train.steps", "optimizer.weight_decay",
      "optimizer.clip_norm", "optimizer.decay_factor", "optimizer.warmup_epochs", "optimizer.cosine_epochs",
      "optimizer.lowest_rate", "optimizer.plateau_patience", "eval.max_timelines"),
     lambda value: value >= 0, "0 or more"),
    (("model.dropout_rate", "optimizer.momentum", "optimizer.ema_decay", "optimizer.plateau_factor"),
     lambda value: 0 <= value < 1, "at least 0 and less than 1"),
)  # fmt: skip


def check_choices(config):
    """Checks the values that have a fixed set of choices, a range, or a rule of their own.

    The UserError names every value that is not valid, with the nearest valid one.
    """
    problems = []
    values = leaves(config)
    kind = kinds.of_system(values.get("model.name"))
    for key, options in {**CHOICES, **kind.choices(values)}.items():
        if values.get(key) is not None:
            try:
                check_choice(f"config.{key}", values[key], options)
            except UserError as error:
                problems.append(str(error))
    for keys, holds, words in RANGES + kind.ranges:
        for key in keys:
            problems += _range_problems(key, values.get(key), holds, words)
    problems += _text_problems(values) + kind.problems(values)
    if problems:
        raise UserError("\n".join(problems))


def _text_problems(values):
    """Messages about names that stand in the results of a run, and cannot be written as text."""
    wrong = {key: values[key] for key in NAMES if isinstance(values.get(key), str)}
    return [
        f"config.{key} is {value!a}, expected a name without control characters and bytes that are not UTF-8."
        for key, value in wrong.items()
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value)
    ]


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
