"""Scores of the pixels of frames in the place of their embeddings: what a representation has to be better than."""

import dataclasses

import numpy as np

from fact_jax.training.evaluator import Evaluator
from fact_jax.types import UserError


def check_pixel_size(config) -> None:
    """Raises UserError where frames cannot be averaged to `config.eval.pixel_size`."""
    size, frames = config.eval.pixel_size, config.data.augmentation.size
    if size and frames % size:
        raise UserError(f"config.eval.pixel_size is {size}, expected a part of data.augmentation.size, {frames}; or 0.")


def pixel_scores(evaluator: Evaluator, size: int, data) -> dict[str, float]:
    """{name: score} of what an Evaluator scores, with normalised frames averaged to size x size pixels as embeddings.

    `data` is the config.data of the run; of several images of a frame the last one counts, which is the frame itself.
    """
    evaluation, contexts = evaluator.start(), data.clip.num_contexts
    for subset, batches in evaluator.sets.items():
        for batch in batches:
            frames = batch.arrays["frames"][:, contexts - 1 :: contexts]
            pixels = frames.reshape(*frames.shape[:2], size, frames.shape[2] // size, size, -1, 3).mean((3, 5))
            outputs = {"embeddings": pixels.reshape(*frames.shape[:2], -1).astype(np.float32)}
            evaluation.add(dataclasses.replace(batch, subset=subset), outputs)
    return evaluation.metrics()
