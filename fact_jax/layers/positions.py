"""Sinusoidal positions and the rule by which they are added."""

import math

import numpy as np


def sinusoidal_positions(num_positions, dim):
    """Sine on even and cosine on odd channels, frequencies exp(-2k ln(10000)/dim): float32 [num_positions, dim].

    Raises:
      ValueError: dim is odd.
    """
    if dim % 2:
        raise ValueError(f"positions need an even number of channels, got {dim}")
    frequency = np.exp(np.arange(0, dim, 2, dtype=np.float32) * np.float32(-math.log(10000.0) / dim))
    angle = np.arange(num_positions, dtype=np.float32)[:, None] * frequency
    table = np.empty((num_positions, dim), np.float32)
    table[:, 0::2] = np.sin(angle)
    table[:, 1::2] = np.cos(angle)
    return table


def add_positions(x, positions):
    """Adds `positions` to the first channels of x.

    Args:
      x: float [..., K].
      positions: float [..., d], d <= K, or None for no positions. The K - d last channels of x stay as they are.

    Raises:
      ValueError: d > K.
    """
    if positions is None:
        return x
    width = positions.shape[-1]
    if width > x.shape[-1]:
        raise ValueError(f"positions have {width} channels, more than the {x.shape[-1]} they are added to")
    if width == x.shape[-1]:
        return x + positions
    return x.at[..., :width].add(positions)
