"""Parameters of one network put into another of the same system, whose classes may be others.

Most parameters have the same name and shape in both and are taken whole. Those that have an entry per class, such as
the output of a classifier or the input of a stage that reads class probabilities, are taken class by class, by the
names of the classes: `Axes` say which entries these are. The rest starts anew.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from fact_jax.types import UserError, VerbNouns

Labels = tuple[Hashable, ...]
# Path of a parameter -> {axis: what every entry is of; None: of classes, and nothing tells which}. An entry is of a
# class, a verb, a noun or "no action", or it is a plain channel, which has its number.
Axes = Mapping[str, Mapping[int, Labels | None]]


class ClassLabels(NamedTuple):
    """Labels of the classes of a network, by id; None where nothing tells how many there are."""

    classes: Labels | None
    verbs: Labels | None = None
    nouns: Labels | None = None

    @classmethod
    def of(cls, names: Sequence[str] | None, count: int | None = None, verb_nouns: VerbNouns | None = None):
        """Of classes with these names; unknown names (None) are like no others."""
        pairs = () if verb_nouns is None else (("verb", verb_nouns.verbs), ("noun", verb_nouns.nouns))
        others = (tuple((kind, name) for name in listed) for kind, listed in pairs)
        if names is not None:
            return cls(tuple(("class", name) for name in names), *others)
        return cls(None if count is None else unknown_labels(count), *others)


def unknown_labels(count: int) -> Labels:
    """Labels that equal no others."""
    return tuple(object() for _ in range(count))


def axis_labels(size: int, labels: Labels | None, end: int | None = None) -> Labels | None:
    """Labels of an axis whose entries before `end` (None: its end) are those of `labels`, and plain channels else."""
    if labels is None:
        return None
    end = size if end is None else end
    before, after = range(end - len(labels)), range(end, size)
    return (*(("channel", k) for k in before), *labels, *(("channel", k) for k in after))


def labels_together(size: int, labels: Labels | None) -> Labels | None:
    """Labels of an axis whose entries cannot be told apart by class: they equal those of the same list of classes."""
    return None if labels is None else tuple((labels, k) for k in range(size))


def axes_by_size(params, with_one_more, labels: Labels | None) -> Axes:
    """Axes of a network that has one more entry wherever it has one more class; both trees are arrays or shapes."""
    found: dict[str, dict[int, Labels | None]] = {}
    larger = flatten_dict(with_one_more, sep="/")
    for path, array in flatten_dict(params, sep="/").items():
        for axis, (size, more) in enumerate(zip(array.shape, larger[path].shape, strict=True)):
            if size != more:
                is_plain = labels is not None and size == len(labels) and more == size + 1
                found.setdefault(path, {})[axis - array.ndim] = labels if is_plain else labels_together(size, labels)
    return found


class Transfer(NamedTuple):
    """What became of the parameters.

    Attributes:
      tree: of the network that takes them.
      whole, by_class: paths of parameters that were taken, all of them or some of their entries.
      new: path -> why nothing was taken.
      left: paths of the network that gives them.
    """

    tree: Any
    whole: list[str]
    by_class: list[str]
    new: dict[str, str]
    left: list[str]


def transfer(theirs, ours, their_axes: Axes, our_axes: Axes) -> Transfer:
    """Puts parameters of one network, `theirs`, into another, `ours`; trees of NumPy arrays.

    Every parameter of both is in the result, taken, new or left. Raises UserError if nothing can be taken.
    """
    given, wanted = flatten_dict(theirs, sep="/"), flatten_dict(ours, sep="/")
    filled, whole, by_class, new = dict(wanted), [], [], {}
    for path, array in wanted.items():
        if path not in given:
            new[path] = "not there"
            continue
        places = _places(given[path].shape, array.shape, their_axes.get(path, {}), our_axes.get(path, {}))
        if isinstance(places, str):
            new[path] = places
        elif not any(places):
            filled[path] = np.asarray(given[path], array.dtype)
            whole.append(path)
        else:
            everything = [np.arange(size) for size in array.shape]
            pairs = [found or (axis, axis) for found, axis in zip(places, everything, strict=True)]
            there, here = (np.ix_(*axes) for axes in zip(*pairs, strict=True))
            filled[path] = np.array(array)
            filled[path][here] = given[path][there]
            by_class.append(path)
    taken = {*whole, *by_class}
    left = [path for path in given if path not in taken]
    if taken & new.keys() or taken | new.keys() != wanted.keys() or taken | set(left) != given.keys():
        raise ValueError("parameters were lost on the way")
    if not taken:
        raise UserError(f"No parameter has the same name and shape in both networks, such as {_first(new)}.")
    return Transfer(unflatten_dict(filled, sep="/"), whole, by_class, new, left)


def _first(new):
    path, reason = next(iter(new.items()))
    return f"{path} ({reason})"


def _places(their_shape, our_shape, their_axes, our_axes):
    """For every axis (places there, places here) of what is taken, None for all of it; or a text, why nothing is."""
    if len(their_shape) != len(our_shape) or their_axes.keys() != our_axes.keys():
        return f"{their_shape} there, {our_shape} here"
    places = []
    for axis in range(-len(our_shape), 0):
        there, here = their_shape[axis], our_shape[axis]
        if axis not in our_axes:
            if there != here:
                return f"{their_shape} there, {our_shape} here"
            places.append(None)
            continue
        found = _by_label(their_axes[axis], our_axes[axis], there == here)
        if isinstance(found, str):
            return found
        places.append(found)
    return places


def _by_label(there, here, same_size):
    if there is None or here is None:
        return "nothing tells which class an entry is of"
    if there == here:
        return None
    plain_there, plain_here = (sum(_is_channel(label) for label in labels) for labels in (there, here))
    if not same_size and plain_there != plain_here:
        return f"{len(there)} channels there, {len(here)} here"
    place_of = {label: place for place, label in enumerate(there)}
    pairs = [(place_of[label], place) for place, label in enumerate(here) if label in place_of]
    if not pairs:
        return "no class of the same name"
    return tuple(np.array(places) for places in zip(*pairs, strict=True))


def _is_channel(label):
    return isinstance(label, tuple) and label[0] == "channel"


def collapse(paths: Iterable[str], everything: Iterable[str]) -> list[str]:
    """Paths by their common beginnings: "stage_1/* (20)" where all parameters of `everything` below it are among them.

    Every path of `paths` is below exactly one entry of the result, in order.
    """
    paths, found = set(paths), {}
    everything = list(everything)
    for path in everything:
        if path not in paths:
            continue
        parts = path.split("/")
        for depth in range(1, len(parts)):
            beginning = "/".join(parts[:depth]) + "/"
            below = [other for other in everything if other.startswith(beginning)]
            if paths.issuperset(below) and len(below) > 1:
                found[f"{beginning}* ({len(below)})"] = None
                break
        else:
            found[path] = None
    return list(found)
