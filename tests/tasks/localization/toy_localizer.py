"""A tiny task for tests of localization runs: nothing in it takes long to compile."""

import dataclasses

import jax
import jax.numpy as jnp

from fact_jax.tasks.base import LossOutput

PIECE = 8  # frames of a candidate


@dataclasses.dataclass(frozen=True)
class ToyModel:
    """Stands for the settings of a network."""

    max_frames: int
    strides = (1,)
    regression_ranges = ((0.0, 10_000.0),)

    def padded_length(self, num_frames):
        """`max_frames`, or the next multiple of 16."""
        return self.max_frames if num_frames <= self.max_frames else -(-num_frames // 16) * 16

    computed_length = padded_length


@dataclasses.dataclass(frozen=True)
class NoLoss:
    """Stands for the settings of a loss."""

    first_normalizer: float = 1.0
    center_radius = None


class ToyLocalizer:
    """Scores every eight frames with a linear map; a candidate for each and each class, half a piece longer."""

    predict_keys = ("features", "mask")
    conv_channels = None
    loss_config = NoLoss()
    point_levels = None

    def __init__(self, num_classes, max_frames, new_evaluation=None):
        self.num_classes, self.model, self.new_evaluation = num_classes, ToyModel(max_frames), new_evaluation

    def init(self, rng, batch):
        shape = batch["features"].shape[-1], self.num_classes
        return {"params": {"kernel": 0.1 * jax.random.normal(rng, shape)}, "state": {}}

    def compose(self, params, batch):
        return params

    def loss(self, params, state, batch, rng):
        """How far the scores of frames are from whether a segment lies over them."""
        time = jnp.arange(batch["mask"].shape[1])[None, None]
        segments = batch["segments"][..., None]
        inside = (segments[:, :, 0] <= time) & (time < segments[:, :, 1]) & batch["segment_mask"][..., None]
        classes = jax.nn.one_hot(batch["segment_labels"], self.num_classes)
        wanted = jnp.clip(jnp.einsum("bnt,bnc->btc", inside.astype(jnp.float32), classes), 0, 1)
        counted = (batch["mask"] & batch["video_mask"][:, None])[..., None]
        wrong = jnp.where(counted, (jax.nn.sigmoid(batch["features"] @ params["kernel"]) - wanted) ** 2, 0)
        return LossOutput({"loss": (wrong.sum(), counted.sum().astype(jnp.float32))}, state)

    def predict(self, params, state, batch):
        length = batch["features"].shape[1]
        pieces = batch["features"].reshape(len(batch["features"]), length // PIECE, PIECE, -1).mean(axis=2)
        scores = jax.nn.sigmoid(pieces @ params["kernel"])
        starts = jnp.arange(length // PIECE)[:, None] * float(PIECE)
        ends = jnp.stack([starts - 2, starts + PIECE + 2], axis=-1)
        segments = jnp.broadcast_to(ends[None], (*scores.shape, 2))
        valid = jnp.broadcast_to(batch["mask"][:, ::PIECE, None], scores.shape)
        labels = jnp.broadcast_to(jnp.arange(self.num_classes), scores.shape)
        flat = {"segments": segments.reshape(len(scores), -1, 2)}
        pairs = (("scores", scores), ("labels", labels), ("valid", valid))
        return flat | {name: values.reshape(len(scores), -1) for name, values in pairs}

    def learning_rate_scales(self, params):
        return None

    def weight_decay_mask(self, params):
        return None

    def evaluation(self):
        return self.new_evaluation()


def build(config, *, num_classes, empty_classes, new_evaluation):
    """As `localization_systems.build`."""
    del empty_classes
    return ToyLocalizer(num_classes, config.data.max_frames, new_evaluation)


def restore(config, derived):
    """As `localization_systems.restore`."""
    return ToyLocalizer(len(derived["class_names"]), config["data"]["max_frames"])
