"""Scores of temporal action segmentation as slow loops, written from the definitions; shares no code with fact_jax."""

import math


def runs(labels):
    """List of (label, start, end), half-open, of a list of labels."""
    found = []
    for frame, label in enumerate(labels):
        if found and found[-1][0] == label:
            found[-1] = (label, found[-1][1], frame + 1)
        else:
            found.append((label, frame, frame + 1))
    return found


def foreground_runs(labels, background):
    return [run for run in runs(labels) if run[0] not in background]


def edit_distance(first, second):
    """Levenshtein distance of two lists by the full table."""
    table = [[max(i, j) if min(i, j) == 0 else 0 for j in range(len(second) + 1)] for i in range(len(first) + 1)]
    for i in range(1, len(first) + 1):
        for j in range(1, len(second) + 1):
            substitution = table[i - 1][j - 1] + (first[i - 1] != second[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, substitution)
    return table[-1][-1]


def edit_score(prediction, truth, background):
    """Edit score of one video in percent; NaN if neither side has a segment."""
    first = [run[0] for run in foreground_runs(prediction, background)]
    second = [run[0] for run in foreground_runs(truth, background)]
    longer = max(len(first), len(second))
    return (1 - edit_distance(first, second) / longer) * 100 if longer else math.nan


def tiou(first, second):
    shared = len(set(range(first[1], first[2])) & set(range(second[1], second[2])))
    return shared / len(set(range(first[1], first[2])) | set(range(second[1], second[2])))


def f1_counts(prediction, truth, background, threshold):
    """(tp, fp, fn) of one video."""
    true = foreground_runs(truth, background)
    used = [False] * len(true)
    tp = fp = 0
    for segment in foreground_runs(prediction, background):
        scores = [tiou(segment, other) * (segment[0] == other[0]) for other in true]
        best = scores.index(max(scores)) if scores else None
        if best is not None and scores[best] >= threshold and not used[best]:
            tp += 1
            used[best] = True
        else:
            fp += 1
    return tp, fp, len(true) - sum(used)


def f1(tp, fp, fn):
    precision, recall = tp / (tp + fp + 1e-5), tp / (tp + fn + 1e-5)
    return 2 * precision * recall / (precision + recall + 1e-5) * 100


def scores(videos, background, thresholds=(0.10, 0.25, 0.50)):
    """All scores of a list of (prediction, truth) label lists of equal length, by published name."""
    frames = [pair for prediction, truth in videos for pair in zip(prediction, truth, strict=True)]
    kept = [pair for pair in frames if pair[1] not in background]
    edits = [edit_score(prediction, truth, background) for prediction, truth in videos]
    edits = [value for value in edits if not math.isnan(value)]
    found = {
        "Edit": sum(edits) / len(edits) if edits else math.nan,
        "AccB": 100 * sum(p == t for p, t in frames) / len(frames) if frames else math.nan,
        "Acc": 100 * sum(p == t for p, t in kept) / len(kept) if kept else math.nan,
    }
    for threshold in thresholds:
        counts = [f1_counts(prediction, truth, background, threshold) for prediction, truth in videos]
        found[f"F1@{threshold:.2f}"] = f1(*(sum(column) for column in zip(*counts, strict=True))) if counts else 0.0
    return found
