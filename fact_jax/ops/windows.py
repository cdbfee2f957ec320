"""Cuts sequences into windows of equal length and joins them again."""

import jax.numpy as jnp
from jaxtyping import Shaped

from fact_jax.ops.arrays import Array


def cut(x: Shaped[Array, "B T ..."], size: int) -> Shaped[Array, "B W {size} ..."]:
    """Cuts time into W = ceil(T / size) windows, counted from its start; zeros (False) fill the last one."""
    rest = -x.shape[1] % size
    if rest:
        x = jnp.pad(x, ((0, 0), (0, rest)) + ((0, 0),) * (x.ndim - 2))
    return x.reshape(x.shape[0], x.shape[1] // size, size, *x.shape[2:])


def join(windows: Shaped[Array, "B W L ..."], length: int) -> Shaped[Array, "B {length} ..."]:
    """The inverse of `cut`, without what filled the last window."""
    return windows.reshape(windows.shape[0], -1, *windows.shape[3:])[:, :length]


def with_neighbours(windows: Shaped[Array, "B W L ..."], reach: int | None = None) -> Shaped[Array, "B W extended ..."]:
    """Extends every window by `reach` entries of either neighbour, at most L; None: half a window, L // 2.

    Zeros (False) stand before the first and behind the last window.
    """
    size = windows.shape[2]
    reach = size // 2 if reach is None else reach
    if reach == 0:
        return windows
    others = ((0, 0),) * (windows.ndim - 2)
    before = jnp.pad(windows[:, :-1, size - reach :], ((0, 0), (1, 0)) + others)
    after = jnp.pad(windows[:, 1:, :reach], ((0, 0), (0, 1)) + others)
    return jnp.concatenate([before, windows, after], axis=2)
