"""The config of a system on the dataset of another one's config."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from fact_jax.app import config_flags, kinds
from fact_jax.app.config_rules import check_choices, leaves
from fact_jax.types import UserError, nearest

# What a config says of the run as a whole, whatever its system.
_SHARED = ("seed", "matmul_precision", "compilation_cache", "data", "log", "checkpoint", "eval.select_metric")
OWN = "custom"  # ending of the configs for folders of one's own


def read_systems(text: str, config) -> tuple[list[str], list[str]]:
    """(systems, problems) of "fact,asformer"; they are of the kind of work of a config."""
    names = [name.strip() for name in text.split(",")]
    kind = kinds.of_system(config.model.name)
    known, problems = {system: other for other in kinds.KINDS for system in other.systems}, []
    for name in dict.fromkeys(names):
        if name not in known:
            guess = nearest(name, kind.systems)
            hint = f" Did you mean {guess}?" if guess else ""
            problems.append(f"--systems: {name!r} is no system.{hint} There are {', '.join(kind.systems)}.")
        elif known[name] is not kind:
            problems.append(
                f"--systems: {name} is a system of {known[name].name}, and --config is of {kind.name} "
                f"({config.model.name}): {', '.join(kind.systems)} can be compared on its data."
            )
        if names.count(name) > 1:
            problems.append(f"--systems: {name} is there {names.count(name)} times; name it once.")
    if kind.folds is None:
        problems.append(f"--config is of {kind.name}, whose systems are not compared over folds; segmentation's are.")
    return names, problems


def config_of(system: str, config, overridden: Sequence[str]) -> ConfigDict:
    """The config of a system: its own for the dataset, with the data and the overrides of `config`.

    Args:
      system: the system of `config` itself, or another one of its kind.
      overridden: dotted names of the settings that the command line gave; those that the system has not are left out.

    Raises:
      UserError: there is no such config, or its settings contradict each other.
    """
    if config.model.name == system:
        found = config.copy_and_resolve_references()
    else:
        found = config_flags.load(str(_file_of(system, config.data.dataset))).copy_and_resolve_references()
        given, known = leaves(config), leaves(found)
        wanted = [key for key in given if any(key == name or key.startswith(f"{name}.") for name in _SHARED)]
        wanted += [key for key in overridden if key in given]
        with found.unlocked():
            found.data = ConfigDict(config.data.to_dict())
            for key in wanted:
                if key in known and not key.startswith("data."):
                    group, _, name = key.rpartition(".")
                    place = found
                    for part in filter(None, group.split(".")):
                        place = place[part]
                    place[name] = given[key]
    with found.unlocked():
        found.name = system
    found.lock()
    try:
        check_choices(found)
        kinds.of_system(system).runs().check_settings(found)
    except UserError as error:
        raise UserError(f"{system}: {error}") from error
    return found


def from_record(settings: Mapping[str, Any]) -> ConfigDict:
    """The config of settings that were stored as JSON: lists are tuples again."""

    def read(value):
        if isinstance(value, Mapping):
            return {name: read(entry) for name, entry in value.items()}
        return tuple(value) if isinstance(value, list) else value

    return ConfigDict(read(settings)).lock()


def unused(config, overridden: Sequence[str], configs: Sequence[ConfigDict]) -> list[str]:
    """Lines about overrides that some of the systems have no setting for."""
    lines = []
    for key in dict.fromkeys(overridden):
        without = [found.model.name for found in configs if key not in leaves(found)]
        if without:
            lines.append(f"config.{key} is no setting of {', '.join(without)}, and is not used there")
    return lines


def _file_of(system, dataset):
    stem = system.replace("+", "p")
    for name in (dataset, OWN):
        path = config_flags.CONFIG_FOLDER / f"{stem}_{name}.py"
        if path.is_file():
            return path
    raise UserError(f"{system} has no config for folders of one's own (configs/{stem}_{OWN}.py).")
