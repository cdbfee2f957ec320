"""The CARL network: ResNet, embedder, projection head and classifier."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import path_aware_map
from jaxtyping import Float, Int, PRNGKeyArray, Shaped

from fact_jax.layers.batch_norm import Batch, BatchNorm
from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import Dense
from fact_jax.models.backbones.resnet import ResNet
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.embedders import ContextEmbedder, Embeddings, TransformerEmbedder
from fact_jax.ops.arrays import Array, FrameMask, Seeds

LEAST_LENGTH = 1e-12  # of a vector that is divided by its length
# In every clip: T frames of `num_contexts` images each, oldest first. uint8 RGB, or float32 normalised by ImageNet's
# mean and deviation.
ClipFrames = Shaped[Array, "B frames H W 3"]


def unit_length(x: Float[Array, "*batch E"]) -> Float[Array, "*batch E"]:
    """Vectors by their length; 0 stays 0, with finite gradients."""
    squares = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)
    return x / jnp.maximum(length, LEAST_LENGTH)


class ProjectionHead(nn.Module):
    """Two affine maps with a normalisation between them, behind which the contrastive loss compares."""

    config: CARLConfig

    @nn.compact
    def __call__(self, x: Embeddings, batch: Batch | None) -> Embeddings:
        dim, dtype = self.config.projection_dim, self.config.dtype
        y = Dense(dim, dtype, inert_bias=batch is not None, name="hidden")(x)
        y = jax.nn.relu(BatchNorm(dim, name="norm")(y, batch))
        return Dense(self.config.embedding_dim, dtype, name="output")(y)


class Classifier(nn.Module):
    """Class logits of every embedding."""

    config: CARLConfig

    @nn.compact
    def __call__(self, x: Embeddings, dropout_rng: Seeds | None = None) -> Float[Array, "B T K"]:
        x = Dropout(self.config.dropout_rate, name="dropout")(x, dropout_rng)
        return Dense(self.config.num_classes, self.config.dtype, name="output")(x)


class CARL(nn.Module):
    """Embeddings of frames.

    The parameters lie in "params", the running statistics of the normalisations in "batch_stats".
    """

    config: CARLConfig

    def setup(self):
        config = self.config
        self.resnet = ResNet(config.stem_dim, config.stage_dims, config.stage_blocks, config.dtype)
        self.embedder = (TransformerEmbedder if config.uses_clips else ContextEmbedder)(config)
        if config.projection_dim:
            self.head = ProjectionHead(config)
        if config.num_classes:
            self.classifier = Classifier(config)

    def __call__(
        self,
        frames: ClipFrames,
        mask: FrameMask | None = None,
        *,
        lengths: Int[Array, " B"] | None = None,
        batch: Batch | None = None,
        project: bool = False,
        dropout_rng: Seeds | None = None,
    ) -> Embeddings:
        """Gives one embedding per frame, of unit length where the settings say so.

        Args:
          frames: B clips; the views of a video are clips in a row.
          mask: frames that exist; the others are attended to by none. None: all.
          lengths: frames S of every clip over which its positions are stretched; None: T, as in training. What lies
            behind them is padding and outside `mask`.
          batch: training: whose statistics normalise. None: evaluation.
          project: the output of the projection head, of unit length, for the contrastive loss.
          dropout_rng: seeds of the clips; None: no dropout.
        """
        features = self.features(frames, batch, largest=self.config.uses_clips)
        return self.embedded(features, mask, lengths=lengths, batch=batch, project=project, dropout_rng=dropout_rng)

    def features(
        self, frames: ClipFrames, batch: Batch | None = None, largest: bool = False
    ) -> Float[Array, "B frames h w C"]:
        """Feature maps: the frozen or trained backbone and, where the embedder reads them, the trained stages.

        In evaluation all of it is a constant part, with which few frames are in memory. `largest` leaves the largest
        pixel of every channel, [B, frames, 1, 1, C].
        """
        config, resnet = self.config, self.resnet
        last, stages = config.backbone_stages, len(config.stage_dims)
        read = last if config.embedder == "conv" else stages

        def constant(last):
            images = frames.reshape(-1, *frames.shape[2:])
            x = resnet.frozen(images, last, config.frames_at_once, largest and batch is None)
            return x.reshape(*frames.shape[:2], *x.shape[1:])

        if batch is None:
            return constant(read)
        x = constant(last) if config.train_backbone == "frozen" else resnet(frames, last, batch)
        return resnet.continued(x, last, read, batch, config.chunk_frames if config.uses_clips else None, largest)

    def embedded(
        self,
        features: Float[Array, "B frames h w C"],
        mask: FrameMask | None = None,
        *,
        lengths: Int[Array, " B"] | None = None,
        batch: Batch | None = None,
        project: bool = False,
        dropout_rng: Seeds | None = None,
    ) -> Embeddings:
        """Embeddings of feature maps; arguments as in a call."""
        config = self.config
        project = project and config.projection_dim > 0
        if config.uses_clips:
            shape = features.shape[:2]
            mask = jnp.ones(shape, bool) if mask is None else mask
            lengths = jnp.full(shape[0], shape[1], jnp.int32) if lengths is None else lengths
            inert = project and batch is not None
            embeddings = self.embedder(features, mask, lengths, batch, dropout_rng, inert)
        else:
            contexts = features.reshape(len(features), -1, config.num_contexts, *features.shape[2:])
            embeddings = self.embedder(contexts, batch, dropout_rng)
        if project:
            return unit_length(self.head(embeddings, batch))
        return unit_length(embeddings) if config.l2_normalize else embeddings

    def classified(self, embeddings: Embeddings, dropout_rng: Seeds | None = None) -> Float[Array, "B T K"]:
        """Class logits of embeddings."""
        return self.classifier(embeddings, dropout_rng)

    def everything(self, frames: ClipFrames):
        """Runs all parts, those too that the settings leave without use: for their parameters."""
        config, last = self.config, self.config.backbone_stages
        # As it is trained, which is quicker to trace than its constant form.
        backbone = self.resnet(frames, last, None)
        features = self.resnet.continued(backbone, last, len(config.stage_dims), None)
        embeddings = self.embedded(backbone if config.embedder == "conv" else features)
        if config.projection_dim:
            self.head(embeddings, None)
        if config.num_classes:
            self.classifier(embeddings)


def initial_variables(config: CARLConfig, key: PRNGKeyArray, frames: ClipFrames | jax.ShapeDtypeStruct):
    """Random variables {"params", "batch_stats"} as published; the layers of the transformer start alike.

    `frames`: a batch of clips, or its shape, of which the sizes count for nothing. Only the initialisers run.
    """
    variables = CARL(config).lazy_init(key, jax.ShapeDtypeStruct(frames.shape, frames.dtype), method=CARL.everything)
    embedder = variables["params"]["embedder"]
    layers = {f"layer_{index}": embedder["layer_0"] for index in range(config.num_layers)} if config.uses_clips else {}
    params = variables["params"] | {"embedder": {**embedder, **layers}}
    return {"params": params, "batch_stats": variables["batch_stats"]}


def trained(config: CARLConfig, params):
    """A tree like `params`: 1.0 for what is trained, 0.0 for what is not, for `Task.learning_rate_scales`."""

    def scale(path, _):
        if path[0] != "resnet":
            return 1.0
        stage = 0 if path[1] == "stem" else int(path[1].split("_")[1]) + 1
        if stage > config.backbone_stages:
            return float(config.embedder != "conv")  # which does not read them
        return float(config.train_backbone == "all" or (config.train_backbone == "norms" and "norm" in path))

    return path_aware_map(scale, params)
