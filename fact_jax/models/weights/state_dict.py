"""Moves parameters between PyTorch state dicts and Flax trees, in both directions and without leftovers.

A system describes itself as a list of `Link`s. One link ties (rows of) one PyTorch tensor to (one entry of) one Flax
parameter, so that packed tensors, stacked layers and paired directions need no code of their own.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class Link:
    """One PyTorch tensor and where it lives in Flax.

    Attributes:
      torch: key of the state dict.
      flax: path in the parameter tree, joined by "/".
      index: entry of the Flax array's first axis (stacked layer or direction); None for the whole array.
      transpose: reverse the axes: (out, in) <-> (in, out), (out, in, taps) <-> (taps, in, out).
      squeeze: axis or axes of length 1 that only the PyTorch tensor has, removed before transposing.
      part: (k, n): the k-th of n equal parts of the tensor's first axis.
      axes: the order of the PyTorch tensor's axes in Flax, where it is not the reverse.
    """

    torch: str
    flax: str
    index: int | None = None
    transpose: bool = False
    squeeze: int | tuple[int, ...] | None = None
    part: tuple[int, int] | None = None
    axes: tuple[int, ...] | None = None

    def to_flax(self, tensor):
        """The Flax entry of a PyTorch tensor (NumPy arrays); ValueError where it has not the axes for it."""
        if self.part and tensor.ndim == 0:
            raise ValueError(f"{self.torch} is a single number")
        if self.part:
            tensor = np.split(tensor, self.part[1])[self.part[0]]
        if self.squeeze is not None:
            tensor = np.squeeze(tensor, self.squeeze)
        if self.axes is not None:
            return np.transpose(tensor, self.axes)
        return tensor.T if self.transpose else tensor

    def to_torch(self, entry):
        """The inverse of `to_flax`."""
        tensor = entry.T if self.transpose else entry
        if self.axes is not None:
            tensor = np.transpose(entry, np.argsort(self.axes))
        return tensor if self.squeeze is None else np.expand_dims(tensor, self.squeeze)


def to_flax(links: Iterable[Link], tensors: Mapping[str, np.ndarray], params, *, ignore=()):
    """Fills a parameter tree from a state dict: NumPy arrays in the dtype of the tensors.

    `params`, of arrays or ShapeDtypeStructs, gives the wanted shapes; the keys in `ignore`, such as positional buffers,
    need no counterpart.

    Raises:
      UserError: a tensor or a parameter is left over, or shapes differ; all of them are listed.
    """
    wanted, links = flatten_dict(params, sep="/"), list(links)
    keys, paths = {link.torch for link in links}, {link.flax for link in links}
    surplus = sorted(tensors.keys() - keys - set(ignore))
    problems = [f"the file has {key}, the model has no place for it" for key in surplus]
    problems += [f"the model needs {key}, the file lacks it" for key in sorted(keys - tensors.keys())]
    problems += [f"parameter {path} has no counterpart" for path in sorted(wanted.keys() - paths)]
    problems += [f"the model has no parameter {path}" for path in sorted(paths - wanted.keys())]
    flat, filled = {}, {}
    for link in links:
        if link.torch not in tensors or link.flax not in wanted:
            continue
        shape = tuple(wanted[link.flax].shape)
        tensor = np.asarray(tensors[link.torch])
        try:
            entry = link.to_flax(tensor)
        except ValueError:
            problems.append(f"{link.torch} has the shape {tensor.shape}, which cannot give {link.flax} {shape}")
            continue
        if entry.shape != (shape if link.index is None else shape[1:]):
            problems.append(f"{link.torch} gives {link.flax} the shape {entry.shape}, expected {shape}")
            continue
        array = flat.setdefault(link.flax, np.empty(shape, entry.dtype))
        filled.setdefault(link.flax, set()).add(link.index)
        array[... if link.index is None else link.index] = entry
    for path, indices in filled.items():
        if None not in indices and len(indices) != wanted[path].shape[0]:
            problems.append(f"parameter {path} is filled only at {sorted(indices)} of {wanted[path].shape[0]} entries")
    if problems:
        raise UserError("The weights do not fit the model:\n  " + "\n  ".join(problems))
    return unflatten_dict(flat, sep="/")


def to_torch(links: Iterable[Link], params) -> dict[str, np.ndarray]:
    """Writes a parameter tree, each with a link, as a state dict of NumPy arrays, the inverse of `to_flax`."""
    flat, links = flatten_dict(params, sep="/"), list(links)
    missing = sorted(flat.keys() - {link.flax for link in links})
    if missing:
        raise UserError("Parameters without a published name: " + ", ".join(missing))
    parts = {}
    for link in links:
        array = np.asarray(flat[link.flax])
        tensor = link.to_torch(array if link.index is None else array[link.index])
        parts.setdefault(link.torch, {})[link.part[0] if link.part else 0] = tensor

    def join(tensors):
        return np.concatenate(tensors) if len(tensors) > 1 else tensors[0]

    # Not np.ascontiguousarray, which gives a single number an axis.
    return {key: np.asarray(join([part[k] for k in sorted(part)]), order="C") for key, part in parts.items()}
