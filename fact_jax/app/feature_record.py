"""features.json: checksums of the features that a run is trained with, and the refusal to make one run of two datasets.

Shapes and labels of features that were extracted anew are those of before, and so are all settings.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from fact_jax import files
from fact_jax.types import UserError

FILE = "features.json"
_MAX_NAMED = 3
_MAX_BYTES = 2**30


def check(
    workdir: Path, checksums: Mapping[str, str] | None, *, accept_new: bool, training: bool, say: Callable[[str], None]
) -> tuple[str, ...]:
    """Compares features with those that a run began with; returns sentences for results.md.

    Args:
      workdir: of the run; while `training` the record is written there where it is missing or changes.
      checksums: by video, see `data_pipelines.core.finite`; {} where there are no files; None where nobody knows them.
      accept_new: go on with other features than those of before.
      training: whether the run goes on; an evaluation changes no record.
      say: prints a line.

    Raises:
      UserError: features differ and `accept_new` is off, or the record cannot be read.
    """
    path = Path(workdir) / FILE
    has_begun = any(folder.name.isdigit() for folder in (path.parent / "checkpoints").glob("*"))
    recorded, changes = _read(path) if has_begun or not training else (None, [])
    if checksums is None:
        if recorded is not None:
            say("the prepared copy says nothing of its features: whether they are those of this run is not checked")
        return _sentences(changes)
    if recorded is None:
        if training and checksums:
            if has_begun:
                say(f"the features of this run are known from now on ({FILE}); whether they changed before is not")
            _write(path, checksums, changes)
        return _sentences(changes)
    changed = [video for video, checksum in checksums.items() if recorded.get(video, checksum) != checksum]
    if not changed:
        return _sentences(changes)
    more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
    found = f"{len(changed)} of {len(checksums)} videos have other features than the run in {workdir} was trained with"
    found += f": {', '.join(changed[:_MAX_NAMED])}{more}"
    if not accept_new:
        raise UserError(
            f"{found}. They were extracted anew, or changed: one run would be made of two datasets. Put the former "
            "features back, use another --workdir, or take them all the same with --accept_new_features."
        )
    say(f"warning: {found}; they are taken all the same")
    if training:
        changes = [*changes, len(changed)]
        _write(path, {**recorded, **checksums}, changes)
    return _sentences(changes)


def _sentences(changes):
    """What results.md says of a run whose features changed on the way."""
    if not changes:
        return ()
    return (f"Features changed during this run: those of {', then '.join(map(str, changes))} videos.",)


def _read(path):
    """({video: checksum} or None, how many videos changed each time)."""
    if not path.exists():
        return None, []
    try:
        record = json.loads(files.read_data(path, _MAX_BYTES))
        videos, changes = record["videos"], record["changes"]
        if not all(isinstance(checksum, str) for checksum in videos.values()) or not isinstance(changes, list):
            raise ValueError("no checksums by video")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"{path} cannot be read ({type(error).__name__}: {error})"
        remedy = "Remove it to go on without knowing whether the features are those that the run began with."
        raise UserError(f"{what}. It holds checksums of the features of this run. {remedy}") from error
    return videos, changes


def _write(path, checksums, changes):
    files.atomic_write_text(path, json.dumps({"videos": dict(checksums), "changes": changes}, indent=1) + "\n")
