"""Evaluations of clips that were made up."""

import types

import numpy as np

from fact_jax.metrics.recognition import RecognitionMetric

SINGLE = {"label": ("pour", "stir", "cut")}
PAIRS = {"noun": ("cup", "pan", "knife"), "verb": ("take", "wash")}


def clip_names(count):
    return [f"clip {number:02d}" for number in range(count)]


def frames_of(video_id, height=24, width=32):
    """uint8 [5, H, W, 3] that only this clip has."""
    return np.random.default_rng(list(video_id.encode())).integers(0, 255, (5, height, width, 3), np.uint8)


def evaluate(heads, *, count=12, noise=1.0, seed=0, read_strip=frames_of, max_timelines=4):
    """What `writer.write_evaluation` takes, of clips in two views, with so much noise in the logits."""
    metric = RecognitionMetric(tuple(heads), tuple(map(len, heads.values())))
    truth, draws = np.random.default_rng(5), np.random.default_rng(seed)
    labels = np.stack([truth.integers(0, size, count) for size in metric.num_classes], axis=1)
    logits = {}
    for head, size, own in zip(metric.heads, metric.num_classes, labels.T, strict=True):
        each = 3.0 * np.eye(size)[own] + noise * draws.normal(size=(count, size))
        logits[head] = np.repeat(each, 2, axis=0) + 0.1 * draws.normal(size=(2 * count, size))
    names = [name for name in clip_names(count) for _ in range(2)]
    state = metric.from_views(names, np.tile([0, 1], count), [0] * 2 * count, np.repeat(labels, 2, axis=0), logits)
    protocol = types.SimpleNamespace(
        metric=metric,
        class_names=tuple(map(tuple, heads.values())),
        dataset="kitchen",
        max_timelines=max_timelines,
        read_strip=read_strip,
    )
    return types.SimpleNamespace(protocol=protocol, state=lambda: state, metrics=state.compute, means=state.means)
