"""features.json: what the data was that a run is trained with, and the refusal to make one run of two datasets.

It holds checksums of the features of every video, or of its files where a run reads those, because shapes and labels of
features that were extracted anew are those of before, and so are all settings; checksums of the labels of every video,
to name those that changed; and the range of the values of the training videos, with which `--mode predict` compares new
ones.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fact_jax import files
from fact_jax.types import UserError

FILE = "features.json"
_MAX_NAMED = 3
_MAX_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """What is known of the data of a run.

    Attributes:
      checksums: of the features by video, see `data_pipelines.core.finite`; {} where there are no files; None where
        nobody knows them.
      labels: checksums by video of its labels and the subset that it is of; {} where they are not known.
      values: numbers by name that say what the features of the training videos are like, see `runs.base.data_facts`; {}
        where they are not known.
      what: a word, for messages, for what the checksums are of.
      made_by: what made the features, as VIDEO.json says beside them; {} where nobody does.
    """

    checksums: Mapping[str, str] | None = dataclasses.field(default_factory=dict)
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    what: str = "features"
    made_by: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def check(
    workdir: Path, facts: DataFacts, *, accept_new: bool, training: bool, say: Callable[[str], None]
) -> tuple[tuple[str, ...], bool]:
    """Compares features with those that a run began with: (sentences for results.md, whether an evaluation has others).

    Args:
      workdir: of the run; while `training` the record is written there where it is missing or changes.
      facts: of the data now; its labels are those of the run, see `changed_labels`.
      accept_new: go on with other features than those of before.
      training: whether the run goes on; an evaluation changes no record.
      say: prints a line.

    Raises:
      UserError: features differ and `accept_new` is off, or the record cannot be read.
    """
    path = Path(workdir) / FILE
    has_begun = any(folder.name.isdigit() for folder in (path.parent / "checkpoints").glob("*"))
    recorded, changes = _read(path) if has_begun or not training else (None, [])
    if facts.checksums is None:
        if recorded is not None:
            say(
                f"the prepared copy says nothing of its {facts.what}: whether they are those of this run is not checked"
            )
        return _sentences(changes, facts.what), False
    if recorded is None:
        if training and facts.checksums:
            if has_begun:
                say(f"the {facts.what} of this run are known from now on ({FILE}); whether they changed before is not")
            _write(path, facts, changes)
        return _sentences(changes, facts.what), False
    now, former = facts.checksums, recorded.checksums or {}
    changed = _changed(now, former)
    kept = dataclasses.replace(facts, checksums={**former, **now})
    if not changed:
        # A record from before there were labels and values in it gets them.
        complete = dataclasses.replace(
            kept,
            labels=recorded.labels or kept.labels,
            values=recorded.values or kept.values,
            made_by=kept.made_by or recorded.made_by,
        )
        former_facts = recorded.labels, recorded.values, recorded.made_by
        if training and (complete.labels, complete.values, complete.made_by) != former_facts:
            _write(path, complete, changes)
        return _sentences(changes, facts.what), False
    found = _other_features(workdir, changed, now, facts.what)
    if not accept_new:
        raise UserError(
            f"{found}. They were made anew, or changed: one run would be made of two datasets. Put the former "
            f"{facts.what} back, use another --workdir, or take them all the same with --accept_new_features."
        )
    say(f"warning: {found}; they are taken all the same")
    if not training:
        told = f"Evaluated with other {facts.what} than those of the training"
        return (
            *_sentences(changes, facts.what),
            f"{told}: those of {len(changed)} video{'s' * (len(changed) > 1)}.",
        ), True
    changes = [*changes, len(changed)]
    _write(path, kept, changes)
    return _sentences(changes, facts.what), False


def changed_features(workdir: Path, facts: DataFacts) -> str:
    """Which videos have other features than those that a run was trained with; "" where none has or nobody knows."""
    recorded, _ = _read(Path(workdir) / FILE)
    changed = _changed(facts.checksums, recorded.checksums or {}) if recorded and facts.checksums else []
    return _other_features(workdir, changed, facts.checksums, facts.what) if changed else ""


def _changed(now, former):
    return [video for video, checksum in now.items() if former.get(video, checksum) != checksum]


def _other_features(workdir, changed, now, what):
    found = f"{len(changed)} of {len(now)} videos have other {what} than the run in {workdir} was trained with"
    return f"{found}: {_named(changed)}"


def changed_labels(workdir: Path, labels: Mapping[str, str], *, order: bool = True) -> str:
    """Which videos of a run have other labels, or are of another subset, than `labels` say; "" where nobody knows.

    Where all have those of before, that is said too, because the order of the videos is what is left; unless `order` is
    off.
    """
    recorded, _ = _read(Path(workdir) / FILE)
    if recorded is None or not recorded.labels or not labels:
        return ""
    former = recorded.labels
    changed = [video for video in labels if video in former and labels[video] != former[video]]
    kinds = {
        "with other labels, or in another list": changed,
        "new": [video for video in labels if video not in former],
        "gone": [video for video in former if video not in labels],
    }
    texts = [
        f"{len(videos)} video{'s' * (len(videos) > 1)} {what} ({_named(videos)})"
        for what, videos in kinds.items()
        if videos
    ]
    same = "the labels of every video are those of before: the order of the videos is another" if order else ""
    return ", ".join(texts) or same


def trained_values(workdir: Path) -> Mapping[str, Any]:
    """What the features of a run were like, see DataFacts; {} where its record does not say."""
    recorded, _ = _read(Path(workdir) / FILE)
    return recorded.values if recorded else {}


def features_made_by(workdir: Path) -> Mapping[str, Any]:
    """What made the features that a run was trained with, see DataFacts; {} where its record does not say."""
    recorded, _ = _read(Path(workdir) / FILE)
    return recorded.made_by if recorded else {}


def _named(videos):
    more = f" and {len(videos) - _MAX_NAMED} more" if len(videos) > _MAX_NAMED else ""
    return ", ".join(videos[:_MAX_NAMED]) + more


def _sentences(changes, what):
    """What results.md says of a run whose features changed on the way."""
    if not changes:
        return ()
    return (f"{what.capitalize()} changed during this run: those of {', then '.join(map(str, changes))} videos.",)


def _read(path):
    """(DataFacts or None, how many videos changed each time)."""
    if not path.exists():
        return None, []
    try:
        record = json.loads(files.read_data(path, _MAX_BYTES))
        facts = DataFacts(
            record["videos"], record.get("labels", {}), record.get("values", {}), made_by=record.get("made_by", {})
        )
        changes, texts = record["changes"], [*facts.checksums.values(), *facts.labels.values()]
        if not all(isinstance(checksum, str) for checksum in texts) or not isinstance(changes, list):
            raise ValueError("no checksums by video")
        if facts.values and not _are_values(facts.values):
            raise ValueError("values that are none")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"{path} cannot be read ({type(error).__name__}: {error})"
        remedy = "Remove it to go on without knowing whether the features are those that the run began with."
        raise UserError(f"{what}. It holds checksums of the features of this run. {remedy}") from error
    return facts, changes


def _are_values(found):
    """Whether these may be values of DataFacts; what they mean is known to the kind of work alone."""
    numbers = [found[name] for name in ("least", "median", "most")]
    return isinstance(found["is_whole"], bool) and all(0 < number < float("inf") for number in numbers)


def _write(path, facts, changes):
    record = {"videos": dict(facts.checksums or {}), "changes": changes}
    if facts.labels:
        record["labels"] = dict(facts.labels)
    if facts.values:
        record["values"] = dict(facts.values)
    if facts.made_by:
        record["made_by"] = dict(facts.made_by)
    files.atomic_write_text(path, json.dumps(record, indent=1) + "\n")
