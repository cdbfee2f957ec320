"""Which values the settings of a config may have."""

import functools
import itertools
import math
import re
import unicodedata

from ml_collections import ConfigDict

from fact_jax.app import kinds
from fact_jax.training.choices import OPTIMIZERS, SCHEDULES
from fact_jax.types import UserError, check_choice, why_no_value

# Dotted key -> valid values, of every kind of work; a kind adds its own. Keys that a config does not have, and values
# of None (inherited), are not checked.
CHOICES = {
    "dtype": ("float32", "bfloat16"),
    "log.wandb_mode": ("online", "offline"),
    "optimizer.name": OPTIMIZERS,
    "optimizer.schedule": SCHEDULES,
    "train.sampling": ("random", "by_length"),
    "matmul_precision": ("", "default", "high", "highest"),
}
# Ways to put valid values in the place of others, of which all are tried.
_MOST_TRIED = 64
# Settings that are titles and names.
NAMES = ("name", "data.dataset", "data.split")
# What a number may be: (dotted keys, test, words of the message). What anybody means is far below the upper ends; more
# would fill the memory, or leave whole numbers of 32 bits.
RANGES = (
    (("train.log_every", "train.eval_every", "checkpoint.keep_latest", "checkpoint.keep_best"),
     lambda value: value > 0, "more than 0"),
    (("train.epochs",), lambda value: 0 < value <= 100_000, "more than 0 and at most 100000"),
    (("data.sample_rate",), lambda value: 0 < value <= 10_000, "more than 0 and at most 10000"),
    (("train.batch_size", "eval.batch_size", "model.dim"),
     lambda value: 0 < value <= 65_536, "more than 0 and at most 65536"),
    (("optimizer.learning_rate",), lambda value: 0 < value <= 10, "more than 0 and at most 10"),
    (("optimizer.decay_factor",), lambda value: 0 < value <= 1, "more than 0 and at most 1"),
    (("seed", "data.memory_gb", "train.steps", "optimizer.clip_norm", "optimizer.plateau_patience",
      "eval.max_timelines"),
     lambda value: value >= 0, "0 or more"),
    (("train.micro_batch_size",), lambda value: 0 <= value <= 65_536, "0 or more and at most 65536"),
    (("data.fps",), lambda value: 0 <= value <= 10_000, "0 or more and at most 10000"),
    (("optimizer.warmup_epochs", "optimizer.cosine_epochs", "optimizer.milestones"),
     lambda value: 0 <= value <= 100_000, "0 or more and at most 100000"),
    (("optimizer.decay_epoch",), lambda value: value <= 100_000, "at most 100000"),
    (("optimizer.weight_decay", "optimizer.lowest_rate"),
     lambda value: 0 <= value <= 10, "0 or more and at most 10"),
    (("model.dropout_rate", "optimizer.momentum", "optimizer.ema_decay", "optimizer.plateau_factor"),
     lambda value: 0 <= value < 1, "at least 0 and less than 1"),
)  # fmt: skip


def check_choices(config):
    """Checks the type of every value, and those that have a fixed set of choices, a range, or a rule of their own.

    The UserError names every value that is not valid, with the nearest valid one. Values that are valid one by one and
    contradict each other are found by `check_settings` of the runs of a kind; beside values that are not valid, those
    contradictions are named that stay whatever is put in their place.
    """
    values = leaves(config)
    kind = kinds.of_system(values.get("model.name"))
    ranges = {key: words for keys, _, words in RANGES + kind.ranges for key in keys}
    base = kind.base_config()(str(config.get("name", "")), config.model.to_dict())
    if unknown := sorted(set(config.data) - set(base.data)):
        raise UserError(
            f"config.model.name is {values['model.name']!r}, but config.data has {', '.join(unknown)}: settings that "
            f"{kind.name} does not know. Take one of its own configs, or leave them out."
        )
    wrong = _type_problems(values, base, ranges)
    problems = list(wrong.values())
    values = {key: value for key, value in values.items() if key not in wrong}
    choices = {**CHOICES, **kind.choices(values)}
    for key, options in choices.items():
        if values.get(key) is not None:
            try:
                check_choice(f"config.{key}", values[key], options)
            except UserError as error:
                problems.append(str(error))
    for keys, holds, words in RANGES + kind.ranges:
        for key in keys:
            problems += _range_problems(key, values.get(key), holds, words)
    problems += _text_problems(values) + kind.problems(values)
    if problems := problems or _rate_problems(values):
        raise UserError("\n".join([*problems, *_contradictions(config, problems, choices, leaves(base))]))


def _contradictions(config, problems, choices, defaults):
    """Messages of the kind's `check_settings` that do not hang on the settings which `problems` are of.

    These take all of their choices in turn, or their default; a message that is not there every time, or that names
    one of them, is left out.
    """
    wrong = [key for key in leaves(config) if any(f"config.{key} is " in problem for problem in problems)]
    options = [choices.get(key, ()) or (defaults.get(key),) for key in wrong]
    if math.prod(map(len, options)) > _MOST_TRIED or any(None in values for values in options):
        return []
    check, lasting = kinds.of_system(config.model.name).runs().check_settings, None
    for values in itertools.product(*options):
        tried = config.copy_and_resolve_references().unlock()
        for key, value in zip(wrong, values, strict=True):
            *groups, name = key.split(".")
            group = functools.reduce(getattr, groups, tried)
            del group[name]
            group[name] = value
        try:
            check(tried)
            return []
        except UserError as error:
            lines = str(error).splitlines()
        lasting = lines if lasting is None else [line for line in lasting if line in lines]
    return [line for line in lasting or () if not any(re.search(rf"\b{re.escape(key)}\b", line) for key in wrong)]


def _type_problems(values, base, ranges):
    """{key: message} of the values that have not the type of the same setting in `base`, a ConfigDict.

    `ranges` are the words of the messages about numbers, by key.
    """
    found = {}
    for key, (kind, default) in _types(base).items():
        if key not in values or (values[key] is None and default is None):
            continue
        expected = why_no_value(values[key], kind)
        if not expected and kind is tuple and default and isinstance(default[0], str):
            expected = "" if all(isinstance(entry, str) for entry in values[key]) else "names in brackets"
        if expected:
            expected += f", {ranges[key]}" if key in ranges else ""
            found[key] = f"config.{key} is {values[key]!r}, expected {expected}."
    return found


def _types(config, prefix=""):
    """Dotted key -> (type, value) of every setting; a value of None has the type that others may have."""
    found = {}
    for key, value in config.items():
        is_group = isinstance(value, ConfigDict)
        found |= _types(value, f"{prefix}{key}.") if is_group else {f"{prefix}{key}": (config.get_type(key), value)}
    return found


def _text_problems(values):
    """Messages about names that stand in the results of a run, and cannot be written as text."""
    wrong = {key: values[key] for key in NAMES if isinstance(values.get(key), str)}
    return [
        f"config.{key} is {value!a}, expected a name without control characters and bytes that are not UTF-8."
        for key, value in wrong.items()
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value)
    ]


def _rate_problems(values):
    """Messages about learning rates over time that no run has on purpose, of values that are valid one by one."""
    rate, lowest, schedule = (values[f"optimizer.{key}"] for key in ("learning_rate", "lowest_rate", "schedule"))
    epochs, warmup = values["train.epochs"], values["optimizer.warmup_epochs"]
    problems = []
    if schedule == "cosine" and lowest > rate:
        problems.append(
            f"config.optimizer.lowest_rate is {lowest!r}, expected at most config.optimizer.learning_rate, {rate!r}."
        )
    if schedule == "cosine" and not values["optimizer.cosine_epochs"]:
        problems.append(
            "config.optimizer.cosine_epochs is 0, so that the learning rate is the lowest one right after the warm-up; "
            f"expected the epochs of the fall, such as train.epochs - warmup_epochs, {max(epochs - warmup, 1)}."
        )
    return problems


def _range_problems(key, value, holds, words):
    if value is None:
        return []
    entries, whole = (value, "whole numbers, each ") if isinstance(value, tuple | list) else ((value,), "")
    kind = int if whole else float
    valid = all(not why_no_value(entry, kind) and holds(entry) for entry in entries)
    return [] if valid else [f"config.{key} is {value!r}, expected {whole}{words}."]


def leaves(config, prefix=""):
    """Dotted key -> value of every setting of the config."""
    found = {}
    for key, value in config.items():
        found.update(leaves(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else {f"{prefix}{key}": value})
    return found
