"""A toy system on raw video: a small convolutional network that tells the size of a square."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.tasks.base import LossOutput
from tests.frames.squares import Squares


class Network(nn.Module):
    """uint8 frames [B, T, H, W, 3] to a number for every video, float32 [B]."""

    width: int

    @nn.compact
    def __call__(self, frames, mask):
        pixels = frames.astype(jnp.float32) / 255.0
        hidden = nn.relu(nn.Conv(self.width, (3, 3), strides=2)(pixels)).mean((2, 3))
        weights = mask[..., None] / jnp.maximum(mask.sum(1), 1)[:, None, None]
        return nn.Dense(1)((hidden * weights).sum(1))[:, 0]


class SizeEvaluation:
    """Mean errors of every set, and a score in percent of all videos together."""

    def __init__(self, subsets):
        self.sizes = {subset: {} for subset in subsets}  # {video: (true, found)}

    def add(self, batch, outputs):
        for row in np.flatnonzero(batch.arrays["video_mask"]):
            sizes = float(batch.arrays["size"][row]), float(outputs["size"][row])
            self.sizes[batch.subset][batch.video_ids[row]] = sizes

    def metrics(self):
        errors = {name: [abs(found - true) for true, found in sizes.values()] for name, sizes in self.sizes.items()}
        means = {name: float(np.mean(gaps)) if gaps else np.nan for name, gaps in errors.items()}
        by_set = {f"error_{name}": value for name, value in means.items()} if len(means) > 1 else {}
        return {"Score": 100.0 / (1.0 + sum(means.values()))} | by_set

    def means(self):
        return []


class SizeTask:
    """See `fact_jax.tasks.base.Task`."""

    predict_keys = ("frames", "mask")
    conv_channels = None

    def __init__(self, width):
        self.network = Network(width)

    def init(self, rng, batch):
        return {"params": self.network.lazy_init(rng, batch["frames"], batch["mask"])["params"], "state": {}}

    def compose(self, params, batch):
        return params

    def loss(self, params, state, batch, rng):
        keys = jax.vmap(jax.random.fold_in, (None, 0))(rng, batch["row"])
        noise = jax.vmap(lambda key: jax.random.normal(key))(keys)
        gaps = self.network.apply({"params": params}, batch["frames"], batch["mask"]) - batch["size"] + 0.1 * noise
        counted = batch["video_mask"].astype(jnp.float32)
        return LossOutput({"loss": (jnp.sum(counted * gaps**2), counted.sum())}, state)

    def predict(self, params, state, batch):
        return {"size": self.network.apply({"params": params}, batch["frames"], batch["mask"])}

    def learning_rate_scales(self, params):
        return None

    def weight_decay_mask(self, params):
        return None


def restore(config, derived):
    """The task of a recorded run; see `fact_jax.tasks.segmentation.systems`."""
    del derived
    return SizeTask(config.model.width)


def example_arrays(derived):
    """What `SizeTask.init` looks at: shapes only."""
    del derived
    shapes = {name: Squares.shapes[name] for name in SizeTask.predict_keys}
    return {name: jax.ShapeDtypeStruct((1, *shape), dtype) for name, (shape, dtype) in shapes.items()}
