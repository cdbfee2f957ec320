"""What weight files are of: the parameters of a network and, where it has them, its running statistics.

One tree holds both, {"params": ..., "batch_stats": ...}; of a network without statistics it is the parameters alone.
Other mutable collections, such as a running normaliser of a loss, are no part of it: no file has them.
"""

from collections.abc import Mapping
from typing import Any

from fact_jax.layers.batch_norm import STATISTICS


def together(params: Any, state: Mapping[str, Any]) -> Any:
    """The tree of a network, of arrays or of shapes, from its parameters and its state."""
    return {"params": params, STATISTICS: state[STATISTICS]} if STATISTICS in state else params


def grouped(tree: Any) -> dict[str, Any]:
    """{"params": ...} and, where there are any, the running statistics of such a tree."""
    return tree if STATISTICS in tree else {"params": tree}


def ungrouped(groups: Mapping[str, Any]) -> Any:
    """The inverse of `grouped`."""
    return groups if STATISTICS in groups else groups["params"]


def apart(tree: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """(parameters, `state` with the running statistics) of such a tree; the inverse of `together`."""
    if STATISTICS not in state:
        return tree, dict(state)
    return tree["params"], {**state, STATISTICS: tree[STATISTICS]}
