"""Layers for one video without padding, in double precision and written as loops, with PyTorch's parameter layouts."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x):
    power = np.exp(x - x.max())
    return power / power.sum()


def conv1d(x, weight, bias, dilation, groups):
    """torch Conv1d with "same" zero padding: x [T, D], weight [out, D/groups, taps], bias [out] -> [T, out]."""
    num_frames, num_out, taps = len(x), len(weight), weight.shape[2]
    group_in, group_out = weight.shape[1], num_out // groups
    y = np.tile(np.asarray(bias, np.float64), (num_frames, 1))
    for time in range(num_frames):
        for tap in range(taps):
            source = time + (tap - taps // 2) * dilation
            if not 0 <= source < num_frames:
                continue
            for out in range(num_out):
                group = out // group_out
                for channel in range(group_in):
                    y[time, out] += weight[out, channel, tap] * x[source, group * group_in + channel]
    return y


def layer_norm(x, scale, bias):
    y = np.empty(x.shape)
    for row in range(len(x)):
        y[row] = (x[row] - x[row].mean()) / np.sqrt(x[row].var() + 1e-5) * scale + bias
    return y


def add_positions(x, positions):
    x = np.array(x, np.float64)
    if positions is not None:
        x[:, : positions.shape[1]] += positions
    return x


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def attention(query, key, value, p, num_heads):
    """torch MultiheadAttention: query [Q, a], key and value [K, E] -> [Q, a]."""
    q, k, v = dense(query, p["query"]), dense(key, p["key"]), dense(value, p["value"])
    width = q.shape[1] // num_heads
    mixed = np.zeros(q.shape)
    for head in range(num_heads):
        part = slice(head * width, (head + 1) * width)
        for row in range(len(q)):
            weights = softmax(np.array([q[row, part] @ other[part] for other in k]) / np.sqrt(width))
            for weight, other in zip(weights, v, strict=True):
                mixed[row, part] += weight * other[part]
    return dense(mixed, p["out"])


def cross_attention(source, query, p, source_positions, query_positions):
    """(output, logits, attention) of X2Y without dropout: source [X, h], query [Y, h]."""
    key = dense(add_positions(source, source_positions), p["key"])
    value = dense(source, p["value"])
    asked = dense(add_positions(query, query_positions), p["query"])
    logits = np.array([[a @ k for k in key] for a in asked]) / np.sqrt(source.shape[1])
    weights = np.array([softmax(row) for row in logits])
    gathered = np.array([sum(w * v for w, v in zip(row, value, strict=True)) for row in weights])
    return dense(np.concatenate([query, gathered], axis=1), p["out"]), logits, weights


def gru(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """One direction of torch.nn.GRU: x [P, D], weights [3H, D] and [3H, H] in the order r, z, n -> [P, H]."""
    hidden = weight_hh.shape[1]
    state, states = np.zeros(hidden), []
    for step in x:
        i, h = weight_ih @ step + bias_ih, weight_hh @ state + bias_hh
        reset, update = sigmoid(i[:hidden] + h[:hidden]), sigmoid(i[hidden : 2 * hidden] + h[hidden : 2 * hidden])
        new = np.tanh(i[2 * hidden :] + reset * h[2 * hidden :])
        state = (1 - update) * new + update * state
        states.append(state)
    return np.array(states).reshape(len(x), hidden)


def time_mask(x, draws, max_frames, max_fraction):
    """Zeroes stretches of x [T, D]; draws [count, 2] in [0, 1) stand for Python's random choices."""
    x = np.array(x)
    for length_draw, start_draw in draws:
        size = min(int(max_fraction * len(x)), int(length_draw * max_frames))
        if size == 0:
            return x
        start = int(start_draw * (len(x) - size))
        x[start : start + size] = 0.0
    return x
