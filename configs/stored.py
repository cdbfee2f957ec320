"""The settings of a finished or running run, read back from the config.json of its workdir.

Used when the command line names a workdir and no config: python main.py --workdir runs/synthetic --mode eval
By hand: --config configs/stored.py:runs/synthetic
"""

from pathlib import Path

from ml_collections import ConfigDict

from fact_jax import run_record
from fact_jax.app import kinds
from fact_jax.types import UserError


def get_config(workdir):
    """The config of a run in `workdir`; a UserError names every setting of config.json that is none or cannot be."""
    record = run_record.read(workdir)
    path = Path(workdir) / run_record.FILE
    if record is None:
        raise UserError(f"{path} is missing: {workdir} holds no run.")
    stored = record["config"]
    model = stored.get("model")
    model = model if isinstance(model, dict) else {}
    with run_record.trusting(workdir):
        # All keys of the system of the run; their values do not matter.
        config = kinds.of_system(model.get("name")).base_config()(str(stored.get("name", "")), model)
    if problems := _fill(config, stored):
        raise UserError("\n".join([f"{path} has settings that cannot be:", *(f"  {problem}" for problem in problems)]))
    return config.lock()


def _fill(config, stored, prefix=""):
    """Puts the stored values into the config; returns a line for each that is unknown or of a wrong type."""
    problems = []
    for key, value in stored.items():
        if key not in config:
            problems.append(f"{prefix}{key}: this version does not know it")
        elif isinstance(config[key], ConfigDict):
            if isinstance(value, dict):
                problems += _fill(config[key], value, f"{prefix}{key}.")
            else:
                problems.append(f"{prefix}{key} is {value!r}, expected settings by name")
        else:
            try:
                config[key] = tuple(value) if isinstance(value, list) else value
            except (TypeError, ValueError):
                problems.append(f"{prefix}{key} is {value!r}, expected a value such as {config[key]!r}")
    return problems
