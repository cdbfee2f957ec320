"""Drawn videos and their embeddings, whose scores are known."""

import dataclasses

import numpy as np

from fact_jax.metrics.representation import RepresentationMetric
from fact_jax.tasks.representation.evaluation import KnownVideo, RepresentationEvaluation, RepresentationProtocol
from fact_jax.types import Batch

DIM = 4


def drawn_video(name, length, num_classes, *, group=0, labelled=True):
    """A KnownVideo whose phases come in order, of random lengths."""
    rng = np.random.default_rng(list(name.encode()))
    labels = np.sort(np.append(np.arange(num_classes), rng.integers(0, num_classes, length - num_classes)))
    return KnownVideo(name, length, labels.astype(np.int32) if labelled else None, group)


def make_protocol(num_classes=(3,), num_train=4, num_test=3, *, length=20, labelled=True, **changes):
    """A RepresentationProtocol with so many videos of every group."""
    videos = {
        subset: tuple(
            drawn_video(f"{subset}{group}-{number}", length + number, phases, group=group, labelled=labelled)
            for group, phases in enumerate(num_classes)
            for number in range(count)
        )
        for subset, count in (("train", num_train), ("test", num_test))
    }
    groups = tuple(f"action {number}" for number in range(len(num_classes)))
    metric = RepresentationMetric(num_classes, fractions=(0.5, 1.0), retrieval_sizes=(1, 5))
    settings = {
        "dataset": "drawn",
        "phases": tuple(tuple(f"phase {number}" for number in range(count)) for count in num_classes),
        "videos": videos,
    }
    metric = dataclasses.replace(changes.pop("metric", metric), datasets=groups)
    return RepresentationProtocol(metric=metric, **settings | changes)


def embed(video, stride=1, *, noise=0.0, seed=0):
    """float32 [T, DIM]: phase and time inside of it, so that frames of equal phases and times lie together."""
    labels = video.labels if video.labels is not None else np.zeros(video.num_frames, np.int32)
    inside = np.concatenate([np.linspace(0, 1, count, endpoint=False) for count in np.bincount(labels) if count])
    parts = [labels + inside, np.sin(labels), np.cos(labels), np.ones(len(labels))]
    drawn = np.random.default_rng([seed, *video.video_id.encode()]).normal(size=(len(labels), DIM))
    return (np.stack(parts, axis=1) + noise * drawn)[::stride].astype(np.float32)


def chunks_of(protocol, subset, embeddings, size=7):
    """[(batch of one row, outputs)]: the chunks of all videos, padded to `size` steps and with a row of padding."""
    found = []
    for number, (video, values) in enumerate(zip(protocol.videos[subset], embeddings, strict=True)):
        for start in range(0, len(values), size):
            part = values[start : start + size]
            mask = np.arange(size) < len(part)
            padded = np.full((2, size, values.shape[1]), np.nan, np.float32)
            padded[0, mask] = part
            arrays = {
                "video_mask": np.array([True, False]),
                "mask": np.stack([mask, ~mask]),
                "start": np.array([start, 0], np.int32),
                "video": np.array([number, 0], np.int32),
            }
            found.append((Batch(arrays, (video.video_id, ""), (number, -1), subset=subset), {"embeddings": padded}))
    return found


def all_chunks(protocol, size=7, **options):
    """The chunks of both subsets; `options` are those of `embed`."""
    return [
        chunk
        for subset, videos in protocol.videos.items()
        for chunk in chunks_of(protocol, subset, [embed(v, protocol.stride, **options) for v in videos], size)
    ]


def evaluate(protocol, chunks):
    """The RepresentationEvaluation of these chunks."""
    evaluation = RepresentationEvaluation(protocol)
    for chunk in chunks:
        evaluation.add(*chunk)
    return evaluation
