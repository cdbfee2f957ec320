"""The settings of a finished or running run, read back from the config.json of its workdir.

Used when the command line names a workdir and no config: python main.py --workdir runs/synthetic --mode eval
By hand: --config configs/stored.py:runs/synthetic
"""

import json
from pathlib import Path

from ml_collections import ConfigDict

from fact_jax.app import kinds


def get_config(workdir):
    """The config of a run in `workdir`; a ValueError if config.json cannot be read or has an unknown setting."""
    path = Path(workdir) / "config.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as the record of a run ({error}).") from error
    model = stored.get("model")
    model = model if isinstance(model, dict) else {}
    # All keys of the system of the run; their values do not matter. The first runs have no name of a system.
    config = kinds.of_system(model.get("name") or "fact").base_config()(stored.get("name", ""), model)
    unknown = _fill(config, stored)
    if unknown:
        raise ValueError(f"{path} has settings that this version does not know: {', '.join(unknown)}.")
    return config.lock()


def _fill(config, stored, prefix=""):
    """Puts the stored values into the config; returns the dotted names of those it has no place for."""
    unknown = []
    for key, value in stored.items():
        if key not in config:
            unknown.append(f"{prefix}{key}")
        elif isinstance(config[key], ConfigDict):
            unknown += _fill(config[key], value, f"{prefix}{key}.")
        else:
            config[key] = tuple(value) if isinstance(value, list) else value
    return unknown
