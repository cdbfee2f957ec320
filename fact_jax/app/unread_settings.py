"""Settings that a command line gives and that, as others stand, nobody reads: each has a line."""

from collections.abc import Iterable

from fact_jax.app import kinds
from fact_jax.app.config_rules import leaves
from fact_jax.app.kinds.base import SET, ReadWhere

# Of every kind of work; a kind adds its own. A key that ends with a dot stands for all below it.
COMMON = (
    ReadWhere(("data.synthetic.",), "data.reader", ("synthetic",)),
    ReadWhere(("data.tfds_dir",), "data.reader", ("tfds",)),
    ReadWhere(("optimizer.momentum",), "optimizer.name", ("sgd",)),
    ReadWhere(("optimizer.decay_epoch",), "optimizer.schedule", ("drop",)),
    ReadWhere(("optimizer.decay_factor",), "optimizer.schedule", ("drop", "multistep")),
    ReadWhere(("optimizer.cosine_epochs", "optimizer.lowest_rate"), "optimizer.schedule", ("cosine",)),
    ReadWhere(("optimizer.milestones",), "optimizer.schedule", ("multistep",)),
    ReadWhere(("optimizer.plateau_patience",), "optimizer.plateau_factor", SET),
    ReadWhere(("train.epochs",), "train.steps", (0,)),
    ReadWhere(("eval.max_timelines",), "eval.figures", SET),
    ReadWhere(("log.wandb_mode", "log.wandb_project", "log.wandb_entity"), "log.wandb", SET),
)


def lines(config, overridden: Iterable[str]) -> list[str]:
    """A line for every setting of `overridden`, dotted names, that has no effect in a run of `config`, or not all.

    A name that is there several times was given as often.
    """
    values, given = leaves(config), list(overridden)
    found = [f"config.{key} is given {given.count(key)} times: the last one counts" for key in _repeated(given)]
    found += _of_the_schedule(values, given)
    rows = COMMON + kinds.of_system(config.model.name).reads
    for key in dict.fromkeys(given):
        for row in rows:
            if row.concerns(key) and row.other not in values:
                found.append(f"config.{key} has no effect: {config.model.name} has no config.{row.other}")
                break
            if row.concerns(key) and not row.holds(values[row.other]):
                where = "is set" if row.values is SET else f"is {' or '.join(map(repr, row.values))}"
                found.append(
                    f"config.{key} has no effect: it is read where config.{row.other} {where}, and that is "
                    f"{values[row.other]!r}"
                )
                break
    return found


def _of_the_schedule(values, given):
    """Lines about a learning rate that is not reached, or does not fall when training ends."""
    epochs, warmup = values["train.epochs"], values["optimizer.warmup_epochs"]
    if values["train.steps"]:
        return
    if warmup > epochs:
        yield (
            f"config.optimizer.warmup_epochs is {warmup} and config.train.epochs {epochs}: training ends before the "
            "learning rate is reached"
        )
    if values["optimizer.schedule"] != "cosine" or "train.epochs" not in given or "optimizer.cosine_epochs" in given:
        return
    end = warmup + values["optimizer.cosine_epochs"]
    if end != epochs:
        yield (
            f"config.train.epochs is {epochs}, and the learning rate falls until epoch {end} all the same: "
            "config.optimizer.cosine_epochs are those after the warm-up"
        )


def _repeated(names):
    """Those of the names that are there several times."""
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]
