"""config.json: what a workdir was made with, and the refusal to mix two runs in one."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fact_jax import files
from fact_jax.types import UserError

FILE = "config.json"
# Settings that change where things lie or how they look, and no number of the run; `train.skip_nonfinite` changes what
# happens where a run would end.
NEUTRAL = (
    "name",
    "compilation_cache",
    "log",
    "checkpoint",
    "eval.again",
    "eval.figures",
    "eval.max_timelines",
    "data.dataset",  # a name in tables; what the videos are follows from the data itself
    "data.dir",
    "data.tfds_dir",
    "data.fps",
    "data.memory_gb",
    "data.num_workers",  # of kinds that read video, see data_pipelines/core/mapped.py
    "data.max_padding",
    "train.skip_nonfinite",
)
# What checksums among what is derived are of.
CHECKSUMS = {
    "labels_sha256": "a checksum of the labels of all videos, in the order of their lists",
    "annotations_sha256": "a checksum of the segments of all videos, of their subsets and of how they lie in time",
    "transcripts_sha256": "a checksum of the transcripts in data.transcript_dir",
    "class_scores_sha256": "a checksum of the class scores in data.external_scores",
}
LABEL_CHECKSUMS = ("labels_sha256", "annotations_sha256")
# Characters from which on `identity` stores a checksum of a value.
LONG = 80
_REMEDY = "It was changed or damaged: put the former file back, or use another --workdir."
# What settings stand for that records from before them do not name; the others were off.
FORMER = {
    "dtype": "float32",
    "model.dtype": "float32",
    "model.name": "fact",
    "train.sampling": "random",
    "optimizer.schedule": "drop",
    "optimizer.lowest_rate": 1e-8,
    "optimizer.plateau_patience": 3,
}


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}; a list of mappings is one mapping by place: {"a": [{"b": 1}]} -> {"a.0.b": 1}."""
    flat = {}
    for key, value in tree.items():
        if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            value = {str(place): entry for place, entry in enumerate(value)}
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def differences(old: Mapping[str, Any], new: Mapping[str, Any], neutral: tuple[str, ...] = NEUTRAL) -> list[str]:
    """Returns a line for every setting that differs and is not `neutral`, a key or the group of one.

    A setting that the old record lacks is younger than the run, which had it as in FORMER, or off (False, 0, "", None).
    """
    old, new = (flatten(json.loads(json.dumps(tree))) for tree in (old, new))
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if _is_one_of(key, neutral):
            continue
        if key not in old and (new[key] == FORMER[key] if key in FORMER else not new[key]):
            continue
        if old.get(key) != new.get(key):
            lines.append(f"{key}: {old.get(key)!r} there, {new.get(key)!r} now")
    return lines


def _is_one_of(key, names):
    """Whether a setting is one of these or below one."""
    return any(key == name or key.startswith(f"{name}.") for name in names)


def read(workdir: Path) -> dict[str, Any] | None:
    """Returns {"config", "derived"} of a workdir, None if it holds no run yet; raises UserError for a damaged file."""
    path = Path(workdir) / FILE
    if not path.exists():
        return None
    try:
        record = json.loads(files.read_data(path))
    except (ValueError, OSError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}{line} cannot be read ({reason}). {_REMEDY}") from error
    parts = record if isinstance(record, dict) else {}
    if parts.keys() != {"config", "derived"} or not all(isinstance(part, dict) for part in parts.values()):
        raise UserError(f'{path} is not the record of a run, expected the objects "config" and "derived". {_REMEDY}')
    return _brought_up_to_date(record)


@contextlib.contextmanager
def trusting(workdir: Path):
    """In the `with` block a run is built from its record: what a changed one makes go wrong is a UserError about it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{Path(workdir) / FILE}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        found = f"{type(error).__name__}: {error}"
        raise UserError(f"{Path(workdir) / FILE} is not as a run wrote it ({found}). {_REMEDY}") from error


def _brought_up_to_date(record):
    """Puts a record written before there were other systems, transcripts, verbs and nouns into today's form."""
    derived, settings = (record[part].get("model") for part in ("derived", "config"))
    if isinstance(derived, dict) and {"num_classes", "num_tokens"} <= derived.keys():
        derived["classes"] = {"num_classes": derived.pop("num_classes")}
    if isinstance(settings, dict) and "num_tokens" in settings:
        settings.setdefault("use_transcript", False)
        settings.setdefault("name", FORMER["model.name"])
    return record


def identity(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a checkpoint says of its run, which `read` gave: {"config", "data"}, short, for `differences`."""
    record = json.loads(json.dumps(record))  # tuples are lists there
    config = {key: value for key, value in flatten(record["config"]).items() if not _is_one_of(key, NEUTRAL)}
    parts = {"config": config, "data": flatten(record["derived"])}
    return {part: {key: _shortened(value) for key, value in values.items()} for part, values in parts.items()}


def _shortened(value):
    text = json.dumps(value, sort_keys=True)
    return value if len(text) < LONG else f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def check(
    workdir: Path,
    *,
    config: Mapping[str, Any] | None = None,
    derived: Mapping[str, Any] | None = None,
    neutral: tuple[str, ...] = NEUTRAL,
    explain: Callable[[], str] = str,
) -> bool:
    """Returns whether the workdir holds a run; compares what is given with what that run was made with.

    `explain` says in words what is other where the checksum of all labels is another, or "".
    Raises UserError with every setting that differs and is not among those named by `neutral`.
    """
    record = read(workdir)
    if record is None:
        return False
    lines = []
    if config is not None:
        lines += [f"  config.{line}" for line in differences(record["config"], config, neutral)]
    if derived is not None:
        recorded = record["derived"]
        if "converted" in recorded and "converted" not in derived:
            # A conversion knows the network, and neither the videos nor the lengths they are padded to.
            recorded = {key: value for key, value in recorded.items() if key in derived and key != "buckets"}
            derived = {key: derived[key] for key in recorded}
        found = differences(recorded, derived)
        lines += [f"  {line} ({_meaning(line)})" for line in found]
        if any(line.startswith(LABEL_CHECKSUMS) for line in found) and (words := explain()):
            lines.append(f"  {words}")
    if lines:
        raise UserError(
            f"{workdir} holds a run with other settings:\n" + "\n".join(lines) + "\n"
            f"Use another --workdir, or the settings of that run (see {Path(workdir) / FILE})."
        )
    return True


def _meaning(line):
    """What a line about something derived is of."""
    return CHECKSUMS.get(line.split(":")[0], "from the data and the settings")


def write(workdir: Path, *, config: Mapping[str, Any], derived: Mapping[str, Any]) -> None:
    """Writes config.json, creating the workdir; an equal record is left alone."""
    record = {"config": config, "derived": derived}
    if read(workdir) == json.loads(json.dumps(record)):
        return
    files.atomic_write_text(Path(workdir) / FILE, json.dumps(record, indent=2) + "\n")
