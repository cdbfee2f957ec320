"""A linear layer trained on embeddings of frames by stochastic gradient descent: the published evaluation of FineGym.

Source: CARL's published evaluation of FineGym; the optimiser is torch.optim.SGD. NumPy, float32.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float, Int

from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class LinearProbeConfig:
    """How the layer is trained. Published keys stand in brackets."""

    learning_rate: float = 50.0  # falls as half a cosine, once per epoch; 0.1 without unit length (CLASSIFICATION_LR)
    epochs: int = 100  # (CLASSIFICATION_EPOCHS)
    videos_per_step: int = 10  # whose frames are one batch
    momentum: float = 0.9
    weight_decay: float = 1e-6  # of weights and biases

    def __post_init__(self):
        wrong = [
            f"{name} is {getattr(self, name)}, expected more than 0"
            for name in ("learning_rate", "epochs", "videos_per_step")
            if not 0 < getattr(self, name) < math.inf
        ]
        if wrong:
            raise UserError("Linear probe: " + "; ".join(wrong) + ".")


@dataclasses.dataclass(frozen=True)
class LinearProbe:
    """The layer: scores of frame x are weights @ x + biases."""

    weights: Float[np.ndarray, "C D"]
    biases: Float[np.ndarray, " C"]

    def predict(self, features: Float[np.ndarray, "N D"]) -> Int[np.ndarray, " N"]:
        """The label with the highest score of every frame."""
        return np.argmax(features @ self.weights.T + self.biases, axis=1)

    def accuracy(self, features: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"]) -> float:
        """Share of the frames whose highest score is that of their label, in [0, 1]."""
        return float(np.mean(self.predict(features) == labels))


def initial_probe(num_classes, dim, rng: np.random.Generator) -> LinearProbe:
    """Weights and biases as PyTorch draws those of a linear layer: uniform up to 1 / sqrt(dim)."""
    reach = 1 / math.sqrt(dim)
    weights = rng.uniform(-reach, reach, (num_classes, dim)).astype(np.float32)
    return LinearProbe(weights, rng.uniform(-reach, reach, num_classes).astype(np.float32))


def probe_steps(num_videos, config: LinearProbeConfig, rng: np.random.Generator):
    """Generator of (learning rate, int places of the videos) of every step.

    What does not fill the last step of an epoch is left out of it. Fewer videos than a step has make one step.
    """
    size = min(config.videos_per_step, num_videos)
    for epoch in range(config.epochs):
        rate = config.learning_rate * (1 + math.cos(math.pi * epoch / config.epochs)) / 2
        order = rng.permutation(num_videos)
        for start in range(0, num_videos - size + 1, size):
            yield rate, order[start : start + size]


def train_probe(features, labels, probe: LinearProbe, steps, config: LinearProbeConfig) -> LinearProbe:
    """Trains a layer on videos: lists of float32 [T, D] and int [T], frames with a label alone.

    `steps` are those of `probe_steps`.
    """
    layer = np.concatenate([probe.weights, probe.biases[:, None]], axis=1).astype(np.float32)
    velocity = np.zeros_like(layer)
    # A bias is the weight of a feature that is always 1.
    features = [np.concatenate([video, np.ones((len(video), 1))], axis=1).astype(np.float32) for video in features]
    for rate, places in steps:
        batch = np.concatenate([features[place] for place in places])
        truth = np.concatenate([labels[place] for place in places])
        if not len(truth):
            continue
        gradient = _gradient(layer, batch, truth) + np.float32(config.weight_decay) * layer
        velocity = np.float32(config.momentum) * velocity + gradient
        layer = layer - np.float32(rate) * velocity
    return LinearProbe(layer[:, :-1], layer[:, -1])


def _gradient(layer, batch, truth):
    """Of the mean cross-entropy over the frames of a batch."""
    scores = batch @ layer.T
    scores -= scores.max(axis=1, keepdims=True)
    shares = np.exp(scores, out=scores)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(truth)), truth] -= 1
    return (shares.T @ batch) / np.float32(len(truth))
