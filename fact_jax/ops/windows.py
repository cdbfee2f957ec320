"""Cuts sequences into windows of equal length and joins them again."""

import jax.numpy as jnp


def cut(x, size):
    """Cuts the second axis into windows, counted from its start; zeros (False) fill the last one.

    Args:
      x: array [B, T, ...].
      size: L, entries of a window.

    Returns:
      array [B, W, L, ...] with W = ceil(T / L).
    """
    num_windows = -(-x.shape[1] // size)
    rest = num_windows * size - x.shape[1]
    if rest:
        x = jnp.pad(x, ((0, 0), (0, rest)) + ((0, 0),) * (x.ndim - 2))
    return x.reshape(x.shape[0], num_windows, size, *x.shape[2:])


def join(windows, length):
    """The inverse of `cut`: [B, W, L, ...] -> [B, length, ...], without what filled the last window."""
    x = windows.reshape(windows.shape[0], -1, *windows.shape[3:])
    return x[:, :length]


def with_neighbours(windows, reach=None):
    """Extends every window by entries of its neighbours: [B, W, L, ...] -> [B, W, L + 2 * reach, ...].

    Zeros (False) stand before the first and behind the last window.

    Args:
      windows: what `cut` gave.
      reach: entries taken from either neighbour, at most L; None: half a window, L // 2.
    """
    size = windows.shape[2]
    reach = size // 2 if reach is None else reach
    if reach == 0:
        return windows
    others = ((0, 0),) * (windows.ndim - 2)
    before = jnp.pad(windows[:, :-1, size - reach :], ((0, 0), (1, 0)) + others)
    after = jnp.pad(windows[:, 1:, :reach], ((0, 0), (0, 1)) + others)
    return jnp.concatenate([before, windows, after], axis=2)
