"""Matching of segments to action tokens for one video without padding, written as loops."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def attention_iou(attention, onehot):
    """sum_t a*s / sum_t min(a + s, 1) for every token and segment; 0 where both are empty."""
    iou = np.zeros((attention.shape[1], onehot.shape[1]))
    for token in range(attention.shape[1]):
        for segment in range(onehot.shape[1]):
            intersection = union = 0.0
            for a, s in zip(attention[:, token], onehot[:, segment], strict=True):
                intersection += a * s
                union += min(a + s, 1.0)
            iou[token, segment] = intersection / union if union > 0 else 0.0
    return iou


def one_to_many(cost, labels):
    """Pairs (token, segment) of the published `o2m`, in its order."""
    classes = sorted(set(labels))
    class_cost = np.zeros((cost.shape[0], len(classes)))
    for segment, label in enumerate(labels):
        class_cost[:, classes.index(label)] += cost[:, segment]
    class_of_token = {}
    for token, k in zip(*linear_sum_assignment(class_cost), strict=True):
        class_of_token[token] = k
    for token in range(cost.shape[0]):
        if token not in class_of_token:
            class_of_token[token] = int(np.argmin(class_cost[token]))
    pairs = []
    for k, label in enumerate(classes):
        for segment in (s for s, other in enumerate(labels) if other == label):
            best = None
            for token in range(cost.shape[0]):
                if class_of_token[token] == k and (best is None or cost[token, segment] < cost[best, segment]):
                    best = token
            pairs.append((best, segment))
    return pairs
