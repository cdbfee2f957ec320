"""A classifier of single frames, to show how hard a synthetic data set is without temporal context."""

import numpy as np
from scipy import optimize, special

from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.ops.segments import frames_to_segments


def stack_videos(source, limit=None):
    """(features [sum of T, D], labels [sum of T]) of the first `limit` videos."""
    videos = [source[index] for index in range(len(source))[:limit]]
    return np.concatenate([v.features for v in videos]), np.concatenate([v.labels for v in videos])


def fit_linear(features, labels, num_classes, *, max_iterations=300):
    """Multinomial logistic regression by L-BFGS: weights [D + 1, C], the bias in the last row."""
    inputs = np.concatenate([features, np.ones((len(features), 1), features.dtype)], axis=1)
    targets = np.eye(num_classes, dtype=features.dtype)[labels]

    def objective(flat):
        log_probs = special.log_softmax(inputs @ flat.reshape(-1, num_classes).astype(inputs.dtype), axis=1)
        gradient = inputs.T @ (np.exp(log_probs) - targets) / len(inputs)
        return -np.mean(np.sum(targets * log_probs, axis=1)), gradient.ravel().astype(np.float64)

    start = np.zeros(inputs.shape[1] * num_classes)
    result = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": max_iterations})
    return result.x.reshape(-1, num_classes)


def predict_linear(weights, features):
    """int64 [T] most probable classes."""
    return np.argmax(features @ weights[:-1] + weights[-1], axis=1)


def linear_scores(train, test):
    """(frame accuracy in percent, F1@50 in percent) on `test` of a linear frame classifier fitted to `train`."""
    weights = fit_linear(*stack_videos(train), len(train.class_names))
    videos = [test[index] for index in range(len(test))]
    metric = SegmentationMetric(len(train.class_names), (0,))
    states = [metric.from_video(predict_linear(weights, video.features), video.labels) for video in videos]
    scores = metric.empty().merge(*states).compute()
    return scores["AccB"], scores["F1@0.50"]


def oracle_accuracy(source, ambiguous=()):
    """Frame accuracy in percent of the nearest prototype to each true segment's mean, without `ambiguous` classes."""
    right = total = 0
    for index in range(len(source)):
        video = source[index]
        for label, start, end in zip(*frames_to_segments(video.labels), strict=True):
            if label not in ambiguous:
                mean = video.features[start:end].mean(axis=0)
                right += (end - start) * (np.argmax(source.world.prototypes @ mean) == label)
                total += end - start
    return 100 * right / total
