"""ActionFormer's label assignment and losses as loops over points and instances."""

import math


def assign(points, segments, labels, num_classes, radius):
    """Targets of one video.

    Args:
      points: list of (time, low, high, stride).
      segments: list of (start, end).
      labels: their classes.
      num_classes: C.
      radius: strides around a centre, or None.

    Returns:
      (list of class lists per point, list of (left, right) in strides or None per point).
    """
    classes, offsets = [], []
    for time, low, high, stride in points:
        found = []
        for (start, end), label in zip(segments, labels, strict=True):
            first, last = start, end
            if radius is not None:
                first = max((start + end) / 2 - radius * stride, start)
                last = min((start + end) / 2 + radius * stride, end)
            farthest = max(time - start, end - time)
            if min(time - first, last - time) > 0 and low <= farthest <= high:
                found.append((end - start, label, start, end))
        shortest = min((length for length, *_ in found), default=math.inf)
        row = [0.0] * num_classes
        for length, label, *_ in found:
            if length <= shortest + 1e-3:
                row[label] = 1.0
        classes.append(row)
        chosen = next((entry for entry in found if entry[0] == shortest), None)
        offsets.append(chosen and ((time - chosen[2]) / stride, (chosen[3] - time) / stride))
    return classes, offsets


def focal(logit, target):
    """Sigmoid focal loss of one number."""
    prob = 1 / (1 + math.exp(-logit))
    entropy = -target * math.log(prob) - (1 - target) * math.log(1 - prob)
    match = prob * target + (1 - prob) * (1 - target)
    return (0.25 * target + 0.75 * (1 - target)) * (1 - match) ** 2 * entropy


def distance_iou(predicted, target):
    """Distance-IoU loss of two segments around one point, each (distance to its start, distance to its end)."""
    first, second = (-predicted[0], predicted[1]), (-target[0], target[1])
    common = min(first[1], second[1]) - max(first[0], second[0])
    hull = max(first[1], second[1]) - min(first[0], second[0])
    union = first[1] - first[0] + second[1] - second[0] - common
    shift = (sum(first) - sum(second)) / 2
    return 1 - common / max(union, 1e-8) + (shift / max(hull, 1e-8)) ** 2
