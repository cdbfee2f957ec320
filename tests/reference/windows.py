"""Normalisation over time and attention in windows of one video, in double precision and written as loops."""

import math

import numpy as np

from tests.reference.layers import dense, softmax


def instance_norm(x):
    """torch InstanceNorm1d without parameters: x [T, D], each channel over its T frames."""
    y = np.empty(x.shape)
    for channel in range(x.shape[1]):
        mean = sum(x[:, channel]) / len(x)
        variance = sum((value - mean) ** 2 for value in x[:, channel]) / len(x)
        y[:, channel] = (x[:, channel] - mean) / math.sqrt(variance + 1e-5)
    return y


def block_attention(x, p, size):
    """FAFormer: every frame attends to the frames of its window of `size` frames, counted from frame 0."""
    q, k, v = (dense(x, p[name]) for name in ("query", "key", "value"))
    mixed = np.zeros(q.shape)
    for time in range(len(x)):
        start = time // size * size
        keys = range(start, min(start + size, len(x)))
        weights = softmax(np.array([q[time] @ k[key] for key in keys]) / math.sqrt(q.shape[1]))
        mixed[time] = sum(weight * v[key] for weight, key in zip(weights, keys, strict=True))
    return dense(np.maximum(mixed, 0.0), p["out"])


def sliding_attention(x, source, p, size, banded):
    """ASFormer: the keys of a window begin half a window before it; masked ones count in the denominator."""
    q, k, v = dense(x, p["query"]), dense(x, p["key"]), dense(source, p["value"])
    half, mixed = size // 2, np.zeros((len(x), v.shape[1]))
    num_keys = size + 2 * half
    for time in range(len(x)):
        start = time // size * size
        row = time - start
        logits, seen, values = np.zeros(num_keys), np.zeros(num_keys), np.zeros((num_keys, v.shape[1]))
        for column in range(num_keys):
            key = start - half + column
            inside = 0 <= key < len(x)
            in_window = row <= column < row + size if banded else column <= 2 * size - 2
            seen[column] = float(inside and in_window)
            values[column] = v[key] if inside else 0.0
            logit = q[time] @ k[key] / math.sqrt(q.shape[1]) if inside else 0.0
            logits[column] = logit + math.log(seen[column] + 1e-6)
        mixed[time] = (softmax(logits) * seen) @ values
    return dense(np.maximum(mixed, 0.0), p["out"])
