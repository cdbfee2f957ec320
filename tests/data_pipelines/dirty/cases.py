"""300 faulty datasets, each a combination of faults that is the same every time."""

import dataclasses
import itertools
import os

import numpy as np

from tests.data_pipelines.dirty import feature_faults, names, text_faults
from tests.data_pipelines.dirty.dataset import CLASS_NAMES

FAULTS = {
    "features": feature_faults.FEATURES,
    "labels": text_faults.LABELS,
    "splits": text_faults.SPLITS,
    "mapping": text_faults.MAPPING,
    "name": names.ODD,
}
# Most faults of one dataset.
_MOST = 4


@dataclasses.dataclass(frozen=True)
class Case:
    """One faulty dataset.

    Attributes:
      entry: who reads it.
      faults: tuples (kind, name of the fault, target): a video, or a subset.
    """

    entry: str
    faults: tuple

    def __str__(self):
        return "-".join([self.entry, *(f"{kind}.{name}" for kind, name, _ in self.faults)])

    @property
    def unprivileged(self):
        """Whether it must not be run as root."""
        return any(kind != "name" and FAULTS[kind][name].unprivileged for kind, name, _ in self.faults)


def folder_cases(entries, count):
    """`count` cases over these entries in turn; every fault is in one of them, if that many cases can hold them."""
    every = [(kind, name) for kind, faults in FAULTS.items() for name in faults]
    fresh = [every[k] for k in np.random.default_rng(5).permutation(len(every))]
    cases = []
    for number in range(count):
        rng = np.random.default_rng([7, number])
        others = [every[k] for k in rng.integers(0, len(every), 20)]
        faults = tuple(_combine([*fresh[:1], *(fresh[1:3] if number % 2 else ()), *others], rng))
        cases.append(Case(entries[number % len(entries)], faults))
        chosen = {(kind, name) for kind, name, _ in faults}
        fresh = [fault for fault in fresh if fault not in chosen]
    return cases


def _combine(candidates, rng):
    """The first of these, and others that it does not hide."""
    free = {"train": ["v0", "v1", "v2"], "test": ["w0", "w1", "w2"]}
    kinds, done, wanted = set(), set(), int(rng.integers(1, _MOST + 1))
    for kind, name in candidates:
        if wanted == 0:
            return
        if kind in ("mapping", "splits") and kind in kinds or (kind, name) in done:
            continue
        # What is wrong with labels is not told where the class list is wrong.
        if kind == "labels" and "mapping" in kinds or kind == "mapping" and "labels" in kinds:
            continue
        if kind == "splits":
            # The videos of a list that cannot be read are not looked at.
            subset = "train" if len(free["train"]) == 3 else "test"
            if len(free[subset]) < 3:
                continue
            free[subset] = []
            target = subset
        elif kind == "mapping":
            target = ""
        else:
            subset = str(rng.choice(["train", "test"]))
            subset = subset if free[subset] else {"train": "test", "test": "train"}[subset]
            if not free[subset]:
                continue
            target = free[subset].pop(int(rng.integers(len(free[subset]))))
        kinds.add(kind)
        done.add((kind, name))
        wanted -= 1
        yield kind, name, target


def apply(case, dataset):
    """Puts the faults of a case into a written Dataset and into what is expected of it."""
    # Names first, as the lists are written for them; then the lists, whose videos other faults look for.
    order = ("name", "splits", "features", "labels", "mapping")
    for kind, name, target in sorted(case.faults, key=lambda fault: order.index(fault[0])):
        globals()[f"_apply_{kind}"](dataset, name, target)
    return dataset


def _apply_features(dataset, name, video):
    fault, path = FAULTS["features"][name], dataset.feature_file(video)
    fault.apply(path, dataset.canary)
    if fault.refused:
        dataset.refuse(path, fault.refused, values=fault.values)
    else:
        dataset.videos[video][0] = fault.reads(dataset.videos[video][0])


def _apply_labels(dataset, name, video):
    fault, path = FAULTS["labels"][name], dataset.label_file(video)
    fault.apply(path, dataset.canary)
    if fault.refused.startswith("frames of features"):
        dataset.refuse(dataset.feature_file(video), fault.refused)
    elif fault.refused:
        dataset.refuse(path, fault.refused)
        if name in ("one_line", "million_unknown"):  # so the number of labels is wrong as well
            dataset.also.add(str(dataset.feature_file(video)))


def _apply_splits(dataset, name, subset):
    fault, path = FAULTS["splits"][name], dataset.split_file(subset)
    fault.apply(path, dataset.canary)
    if fault.refused:
        dataset.refuse(path, fault.refused, tools=fault.tools)
        dataset.unread |= set(dataset.splits[subset])


def _apply_mapping(dataset, name, _):
    fault, path = FAULTS["mapping"][name], dataset.mapping_file
    fault.apply(path, dataset.canary)
    labels = {str(path) for path in (dataset.root / "groundTruth").iterdir()}
    if name == "less":
        # No fault of the list: the labels that it lacks are unknown.
        for video, (_, found) in dataset.videos.items():
            if video in dataset.unread:
                dataset.also.add(str(dataset.label_file(video)))
            elif (found == CLASS_NAMES.index("café")).any():
                dataset.refuse(dataset.label_file(video), "unknown label 'café'")
    elif fault.refused:
        dataset.refuse(path, fault.refused)
        dataset.also |= labels if fault.relative else set()


def _apply_name(dataset, name, video):
    new = names.ODD[name] or video.upper()
    for file in (dataset.feature_file, dataset.label_file, dataset.transcript_file):
        if os.path.lexists(file(video)):
            file(video).rename(file(new))
    for subset, ids in dataset.splits.items():
        dataset.splits[subset] = [new if entry == video else entry for entry in ids]
        dataset.split_file(subset).write_text("".join(f"{entry}.txt\n" for entry in dataset.splits[subset]), "utf-8")
    dataset.videos[new] = dataset.videos.pop(video)


def used(cases):
    """The faults of cases, as (kind, name)."""
    return set(itertools.chain.from_iterable(((kind, name) for kind, name, _ in case.faults) for case in cases))
