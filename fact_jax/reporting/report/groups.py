"""Which runs are repetitions of one another, and what tells the others apart."""

import dataclasses
import json

from fact_jax.reporting.report.runs import Run
from fact_jax.types import UserError

# Groups of one name with more differing settings than this are numbered instead.
MAX_LABEL_SETTINGS = 2


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in seed and split only."""

    label: str  # unique in its report
    short: str  # the same without what all groups of the report have in common
    settings: dict  # dotted key -> value as text, where the groups of the report differ
    runs: tuple[Run, ...]  # by split and seed

    @property
    def kind(self):
        """The kind of its runs, and of all that they are compared with."""
        return self.runs[0].kind

    @property
    def evaluated(self):
        """The test videos of its first run; what can be asked of any is the same for all."""
        return self.runs[0].evaluated

    def by_split(self):
        """Returns {split: runs}, in order of split."""
        splits = {}
        for run in self.runs:
            splits.setdefault(run.split, []).append(run)
        return splits


def group_runs(runs):
    """Puts runs of one dataset together that differ in seed and split only, in the order in which they are given.

    Raises:
      UserError: two runs have the same settings, split and seed, and would count twice.
    """
    varying = _differing([run.settings for run in runs])
    groups = {}
    for run in runs:
        groups.setdefault((run.name, *(_text(run.settings.get(key)) for key in varying)), []).append(run)
    problems = []
    for members in groups.values():
        places = {}
        for run in members:
            first = places.setdefault((run.split, run.seed), run)
            if first is not run:
                problems.append(
                    f"{first.workdir} and {run.workdir} hold the same run ({run.name}, {run.split}, seed {run.seed}) "
                    f"and would count twice. Leave one of them out."
                )
    if problems:
        raise UserError("\n".join(problems))
    firsts = [members[0] for members in groups.values()]
    differing = _differing([first.settings for first in firsts])
    found = []
    for names, members in zip(_labels(firsts), groups.values(), strict=True):
        settings = {key: _text(members[0].settings.get(key)) for key in differing}
        found.append(Group(*names, settings, tuple(sorted(members, key=lambda run: (run.split, run.seed)))))
    return found


def coverage(groups):
    """Lines about groups that do not cover the same splits, or not with the same seeds everywhere."""
    lines = []
    splits = {group.label: set(group.by_split()) for group in groups}
    everything = sorted(set().union(*splits.values()))
    for label, own in splits.items():
        if missing := [split for split in everything if split not in own]:
            lines.append(f"{label} has no run of {', '.join(missing)}: its mean is over other videos.")
    for group in groups:
        seeds = {split: tuple(run.seed for run in runs_of_split) for split, runs_of_split in group.by_split().items()}
        if len(set(seeds.values())) > 1:
            parts = ", ".join(f"{split}: {' '.join(map(str, own))}" for split, own in seeds.items())
            lines.append(f"{group.label} has other seeds in some splits ({parts}).")
    return lines


def _differing(settings):
    """Dotted keys, sorted, of which the given dicts hold different values.

    A dict without the key does not count: a run of an older version has no value for a setting that came later.
    """
    keys = sorted(set().union(*settings))
    return [key for key in keys if len({_text(one[key]) for one in settings if key in one}) > 1]


def _labels(firsts):
    """Pairs (label, short label) of groups, from one run of each.

    A label is the name and behind it the settings that tell groups of a name apart; the name is left out of the short
    one where all groups have it.
    """
    labels = []
    alone = len({first.name for first in firsts}) == 1
    for first in firsts:
        namesakes = [other for other in firsts if other.name == first.name]
        if len(namesakes) == 1:
            labels.append((first.name, first.name))
            continue
        keys = _differing([other.settings for other in namesakes])
        inside = ", ".join(f"{key.rpartition('.')[2]}={_text(first.settings.get(key))}" for key in keys)
        if not 1 <= len(keys) <= MAX_LABEL_SETTINGS:
            inside = f"variant {namesakes.index(first) + 1}"
        label = f"{first.name} ({inside})"
        labels.append((label, inside if alone else label))
    return labels


def _text(value):
    """A setting as JSON, strings without quotes, and a dash for a setting that is not there."""
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)
