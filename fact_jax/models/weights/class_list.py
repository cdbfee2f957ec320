"""The list of classes beside a weight file, `<file>.mapping.txt`: one '<id> <name>' per line, as in a mapping.txt."""

from collections.abc import Sequence
from pathlib import Path

from fact_jax import files
from fact_jax.types import UserError


def beside(checkpoint: Path) -> Path:
    """Returns the path of the list that belongs to a weight file."""
    return checkpoint.with_name(f"{checkpoint.name}.mapping.txt")


def text(class_names: Sequence[str]) -> str:
    """Returns the content of a list; names come by class id."""
    return "".join(f"{label} {name}\n" for label, name in enumerate(class_names))


def read(path: Path) -> tuple[str, ...] | None:
    """Returns the names in a list, by class id; None if there is no such file.

    Raises:
      UserError: the list cannot be read, or its ids are not 0, 1, 2, ...
    """
    names = _entries(path)
    if names is not None and sorted(names) != list(range(len(names))):
        raise UserError(f"{path} has the class ids {sorted(names)}; expected 0 to {len(names) - 1}, each once.")
    return None if names is None else tuple(names[label] for label in range(len(names)))


def check(path: Path, class_names: Sequence[str], dataset) -> Path | None:
    """Compares the classes of a dataset, by class id, with a list beside weights; None if there is no such file.

    Raises:
      UserError: the list cannot be read, or has other names or another order.
    """
    if (theirs := _entries(path)) is None:
        return None
    ours = dict(enumerate(class_names))
    for label in sorted(theirs.keys() | ours.keys()):
        if theirs.get(label) != ours.get(label):
            trained, given = (repr(names[label]) if label in names else "no class" for names in (theirs, ours))
            raise UserError(
                f"The weights are of other classes than the dataset: id {label} is {trained} in {path} and {given} in "
                f"{dataset} ({len(theirs)} and {len(ours)} classes). Give the dataset that the weights were trained on."
            )
    return path


def _entries(path) -> dict[int, str] | None:
    """{class id: name} of a list; None if there is no such file."""
    try:
        lines = files.read_data(path).decode("utf-8-sig").split("\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}, the classes of the weights, cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, the classes of the weights, is not a text file in UTF-8.") from error
    theirs: dict[int, str] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        label, name = (line.split(None, 1) + ["", ""])[:2]
        if not line:
            continue
        is_id = label.isascii() and label.isdigit() and len(label) < 10
        if not (is_id and name) or int(label) in theirs:
            raise UserError(f"{path}:{number}: found {line!r}; expected '<id> <class name>', every id once.")
        theirs[int(label)] = name
    return theirs
