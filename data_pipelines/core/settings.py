"""Settings as frozen dataclasses: read once, from the mappings that a config consists of."""

import dataclasses
import os
import pathlib

from fact_jax.files import why_no_folder
from fact_jax.types import UserError, nearest


def parse(kind, values, where):
    """An instance of a dataclass from a mapping (or ConfigDict) of its fields; those left out keep their defaults.

    Lists become tuples. `where` is what has these settings, to begin a message with. A UserError names the nearest
    setting where there is none of a name.
    """
    names = [field.name for field in dataclasses.fields(kind)]
    values = dict(values.items())
    for name in values:
        if name not in names:
            guess = nearest(name, names)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise UserError(f"{where} has no setting {name!r}.{hint} Settings: {', '.join(names)}.")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def parse_parts(kinds, values, where):
    """{name: instance} of settings that consist of settings, `kinds` of dataclasses; one UserError has all problems."""
    found, wrong = {}, []
    for name, kind in kinds.items():
        try:
            found[name] = parse(kind, values[name], f"{where}.{name}")
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        raise UserError("\n".join(wrong))
    return found


def dataset_root(data, expected_tree):
    """The folder `config.data.dir` as a path; a UserError with the expected tree if it is not set or no folder."""
    root = pathlib.Path(os.path.expanduser(data.dir))
    reason = why_no_folder(root)
    if not data.dir or reason:
        found = f"config.data.dir is {data.dir!r}, which {reason}" if data.dir else "config.data.dir is not set"
        raise UserError(f"{found}. Give the dataset's folder: --config.data.dir=FOLDER\n{expected_tree}")
    return root


def is_copy_alone(data):
    """Whether the prepared copy is all there is: the source need not be on this machine."""
    return data.reader == "tfds" and not data.dir and bool(data.tfds_dir)


def check_absolute(data, names):
    """Raises a UserError if files that these settings name are to be read from below `config.data.dir`."""
    relative = [name for name in names if getattr(data, name) and not pathlib.Path(getattr(data, name)).is_absolute()]
    if relative:
        settings = " and ".join(f"config.data.{name}={getattr(data, name)!r}" for name in relative)
        raise UserError(f"{settings} lies below config.data.dir, which is not set. Set it, or give the full path.")
