"""Soft and hard suppression, one item after the other in one list, as the published operator's description has it."""

import numpy as np


def soft_suppress(segments, scores, *, decay, min_score, sigma=0.5, iou_threshold=0.1):
    """Returns (indices, scores) in the order in which items are taken."""
    items = [
        [float(s), float(e), np.float32(score), i]
        for i, ((s, e), score) in enumerate(zip(segments, scores, strict=True))
    ]
    taken = []
    first = 0
    while first < len(items):
        best = first
        for place in range(first + 1, len(items)):
            if items[place][2] > items[best][2]:
                best = place
        items[first], items[best] = items[best], items[first]
        taken.append(items[first])
        place = first + 1
        while place < len(items):
            items[place][2] = np.float32(
                items[place][2] * weight(items[first], items[place], decay, sigma, iou_threshold)
            )
            if items[place][2] < np.float32(min_score):
                items[place] = items[-1]
                items.pop()
            else:
                place += 1
        first += 1
    return [item[3] for item in taken], [item[2] for item in taken]


def weight(first, second, decay, sigma, iou_threshold):
    """The factor on the score of `second`."""
    overlap = tiou(first, second)
    if decay == "gaussian":
        return np.exp(-(overlap * overlap) / np.float32(sigma))
    if overlap < np.float32(iou_threshold):
        return np.float32(1)
    return np.float32(0) if decay == "hard" else np.float32(1) - overlap


def tiou(first, second):
    """Overlap in float32, with the epsilon of the operator."""
    one = np.float32
    lengths = [one(one(end) - one(start)) + one(1e-6) for start, end, *_ in (first, second)]
    overlap = max(one(0), one(min(first[1], second[1])) - one(max(first[0], second[0])))
    return overlap / (lengths[0] + lengths[1] - overlap)


def hard_suppress(segments, scores, *, min_score, iou_threshold):
    """Returns indices in the order in which items are taken."""
    order = [i for i in np.argsort(-np.asarray(scores), kind="stable") if min_score <= 0 or scores[i] > min_score]
    taken = []
    for item in order:
        if all(tiou(segments[other], segments[item]) < np.float32(iou_threshold) for other in taken):
            taken.append(item)
    return taken
