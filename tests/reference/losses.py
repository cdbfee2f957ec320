"""FACT's losses for one video without padding, written as loops from the published definitions."""

import numpy as np


def log_softmax(values):
    """Log-softmax of a vector in double precision."""
    values = np.asarray(values, np.float64)
    return values - values.max() - np.log(np.sum(np.exp(values - values.max())))


def frame_cross_entropy(log_probs, labels, weights):
    return sum(-weights[y] * row[y] for row, y in zip(log_probs, labels, strict=True)) / len(labels)


def token_cross_entropy(log_probs, labels, weights):
    nll = sum(-weights[y] * row[y] for row, y in zip(log_probs, labels, strict=True))
    return nll / sum(weights[y] for y in labels)


def soft_cross_entropy(log_probs, targets, weights):
    loss = mass = 0.0
    for element, row in enumerate(targets):
        for label, share in enumerate(row):
            loss -= log_probs[element, label] * share * weights[label]
            mass += share
    return loss / mass


def smoothness(log_probs, clip):
    total = count = 0
    for before, after in zip(log_probs[:-1], log_probs[1:], strict=True):
        for a, b in zip(before, after, strict=True):
            total += min(abs(b - a), clip) ** 2
            count += 1
    return total / count


def alignment(f2a_logits, a2f_logits, targets, pairs, weights):
    """(f2a, a2f) of a list of (token, segment); the weight belongs to the position in the list."""
    num_elements = len(targets)
    f2a = a2f = 0.0
    tokens = [token for token, _ in pairs]
    for position, (token, segment) in enumerate(pairs):
        over_elements = log_softmax(f2a_logits[token])
        for element in range(num_elements):
            over_pairs = log_softmax(a2f_logits[element, tokens])
            share = targets[element, segment] * weights[position]
            f2a -= over_elements[element] * share
            a2f -= over_pairs[position] * share
    return f2a / num_elements, a2f / num_elements
