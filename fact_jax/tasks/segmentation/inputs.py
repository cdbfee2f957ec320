"""What the tasks of segmentation have in common: shapes that a network is initialised with, and the accuracy."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

# Any number will do: no parameter's shape depends on T.
INIT_FRAMES = 8


def example_arrays(feature_dim: int) -> dict[str, jax.ShapeDtypeStruct]:
    """What `Task.init` of the segmentation tasks looks at of a batch: shapes only."""
    return {"features": jax.ShapeDtypeStruct((1, INIT_FRAMES, feature_dim), jnp.float32)}


def network_inputs(batch: Mapping[str, Any]):
    """Abstract (features, mask) of one video with the channels of a batch: only the initialisers run on them."""
    features = example_arrays(batch["features"].shape[-1])["features"]
    return features, jax.ShapeDtypeStruct(features.shape[:2], bool)


def video_terms(batch: Mapping[str, Any], values: Mapping[str, jax.Array]) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Terms of a LossOutput: values of every video, [B], summed over those of a batch, and how many these are."""
    video_mask = batch["video_mask"].astype(jnp.float32)
    num_videos = jnp.sum(video_mask)
    return {name: (jnp.sum(value * video_mask), num_videos) for name, value in values.items()}


def correct_frames(labels, batch: Mapping[str, Any]):
    """(correct frames, frames) of the videos of a batch, for predicted `labels` [B, T]."""
    counted = batch["mask"] & batch["video_mask"][:, None]
    correct = jnp.sum((labels == batch["labels"]) & counted, dtype=jnp.float32)
    return correct, jnp.sum(counted, dtype=jnp.float32)
