"""Checksums by which a changed bit is noticed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fact_jax.training.checkpoints.errors import CheckpointError

SEAL = "checksum"  # of the metadata themselves


def checksum(tree) -> str:
    """Returns SHA-256 over the paths, types, shapes and bytes of all leaves."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        leaf = np.ascontiguousarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {leaf.dtype.str} {leaf.shape}\n".encode())
        digest.update(leaf.tobytes())
    return digest.hexdigest()


def seal(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Returns JSON values with a checksum of themselves."""
    return {**meta, SEAL: _digest(meta)}


def is_sealed(meta: Mapping[str, Any]) -> bool:
    """Whether metadata are as `seal` returned them; those of checkpoints from before there were seals pass."""
    return SEAL not in meta or meta[SEAL] == _digest(meta)


def _digest(meta):
    values = {key: value for key, value in meta.items() if key != SEAL}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def check_shapes(path: Path, item: str, tree, target) -> None:
    """Raises CheckpointError for an item of another model: with numpy targets Orbax ignores their shapes."""
    wanted = {jax.tree_util.keystr(key): leaf for key, leaf in jax.tree_util.tree_leaves_with_path(target)}
    for key, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(key)
        found, expected = (f"{array.dtype}{array.shape}" for array in (leaf, wanted[name]))
        if found != expected:
            raise CheckpointError(f"{path} is of another model: {item}{name} is {found}, expected {expected}")
