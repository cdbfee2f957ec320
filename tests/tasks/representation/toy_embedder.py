"""A tiny task for tests of representation runs: nothing in it takes long to compile."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.ops.dropout_rng import random_uniform
from fact_jax.tasks.base import BATCH_AXIS, LossOutput
from fact_jax.tasks.representation.carl import clip_seeds

DIM = 4


@dataclasses.dataclass(frozen=True)
class ToySettings:
    """Stands for the settings of the network and of the loss."""

    num_contexts: int = 1


class ToyEmbedder:
    """A linear map of the mean colours of a frame; state: how many frames it has been trained on."""

    predict_keys = ("frames", "mask")
    conv_channels = None

    def __init__(self, model=ToySettings()):
        self.model = self.loss_config = model

    def init(self, rng, batch):
        return {"params": {"kernel": jax.random.normal(rng, (3, DIM))}, "state": {"seen": jnp.zeros(())}}

    def compose(self, params, batch):
        return params

    def embed(self, params, frames):
        """[B, T, DIM] of frames [B, T * contexts, H, W, 3]."""
        frames = frames.reshape(len(frames), -1, self.model.num_contexts, *frames.shape[2:])
        return frames.mean((2, 3, 4)) @ params["kernel"]

    def loss(self, params, state, batch, rng):
        """How far noisy embeddings of the first view are from the time, over the frames that exist."""
        noise = random_uniform(clip_seeds(rng, batch["row"], 1), np.uint32(7), (len(batch["row"]), 1, 1))
        length = batch["mask"].shape[-1] * self.model.num_contexts
        found = self.embed(params, batch["frames"][:, :length]) + 0.1 * noise
        time = batch["steps"][:, 0] / jnp.maximum(batch["length"], 1)[:, None]
        exists = batch["mask"][:, 0] & batch["video_mask"][:, None]
        errors = jnp.where(exists, jnp.sum((found - time[..., None]) ** 2, axis=-1), 0.0)
        count = exists.sum().astype(jnp.float32)
        return LossOutput({"loss": (errors.sum(), count)}, {"seen": state["seen"] + jax.lax.psum(count, BATCH_AXIS)})

    def predict(self, params, state, batch):
        return {"embeddings": self.embed(params, batch["frames"])}

    def learning_rate_scales(self, params):
        return None

    def weight_decay_mask(self, params):
        return None


def build(config, *, num_classes):
    """As `representation_systems.build`."""
    del num_classes
    return ToyEmbedder(ToySettings(config.data.clip.num_contexts))


def restore(config, derived):
    """As `representation_systems.restore`."""
    del derived
    return ToyEmbedder(ToySettings(config["data"]["clip"]["num_contexts"]))
