"""Average precision and recall of detections, one detection and one true segment at a time."""

import numpy as np


def tiou(first, second):
    overlap = max(0.0, min(first[1], second[1]) - max(first[0], second[0]))
    return overlap / ((first[1] - first[0]) + (second[1] - second[0]) - overlap)


def average_precision(truth, detections, threshold):
    """`truth`: [(video, (start, end))] and `detections`: [(video, (start, end), score)] of one class."""
    taken, right = set(), []
    for video, segment, _ in sorted(detections, key=lambda item: -item[2]):
        mine = [(tiou(segment, other), place) for place, (name, other) in enumerate(truth) if name == video]
        free = [(overlap, place) for overlap, place in mine if overlap >= threshold and place not in taken]
        right.append(bool(free))
        if free:
            taken.add(max(free)[1])
    area = 0.0
    for place, hit in enumerate(right):
        if hit:
            later = [sum(right[: end + 1]) / (end + 1) for end in range(place, len(right))]
            area += max(later) / len(truth)
    return area


def recall(truth, detections, threshold, k):
    """Share of true segments that the k best detections for every true segment of the video find."""
    found = 0
    for video in {name for name, _ in truth}:
        segments = [segment for name, segment in truth if name == video]
        mine = sorted((item for item in detections if item[0] == video), key=lambda item: -item[2])
        best = mine[: k * len(segments)]
        found += sum(any(tiou(segment, other) >= threshold for _, other, _ in best) for segment in segments)
    return found / len(truth)


def scores(videos, threshold, k):
    """(mAP, mean recall) of {video: (truth [(label, segment)], detections [(label, segment, score)])}."""
    labels = sorted({label for truth, _ in videos.values() for label, _ in truth})
    precision, recalls = [], []
    for label in labels:
        truth = [(v, segment) for v, (items, _) in videos.items() for name, segment in items if name == label]
        found = [(v, s, score) for v, (_, items) in videos.items() for name, s, score in items if name == label]
        precision.append(average_precision(truth, found, threshold))
        recalls.append(recall(truth, found, threshold, k))
    return np.mean(precision), np.mean(recalls)
