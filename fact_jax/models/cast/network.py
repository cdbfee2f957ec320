"""The CAST network: embeddings of frames, blocks, pooling and classifiers."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import path_aware_map
from jax.lax import dynamic_index_in_dim
from jaxtyping import Float, PRNGKeyArray, Shaped

from fact_jax.layers.blocked_attention import KEPT
from fact_jax.models.backbones import vit
from fact_jax.models.backbones.vit import NormWeights, affine, float32_of, normalized
from fact_jax.models.cast.blocks import Adapters, BlockWeights, Space, Time, adapted, block
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.parts import AdapterWeights, AddedAdapters, Classifier, Clip, ExchangeWeights, VideoMAE
from fact_jax.models.cast.paths import Paths, block_seeds, draw_paths, dropped
from fact_jax.ops.arrays import Array, Seeds
from fact_jax.ops.images import network_pixels

# T frames of every clip: uint8 RGB, or float32 normalised by ImageNet's mean and deviation. Both experts see the same.
Clips = Shaped[Array, "B T H W 3"]
Logits = dict[str, Float[Array, "B K"]]
FUSED = ("space_adapter", "time_adapter")  # before the one classifier of both experts


class CAST(nn.Module):
    """Logits of clips. All weights lie in "params"; those of the blocks [blocks, ...]."""

    config: CASTConfig

    def setup(self):
        config = self.config
        if config.has_clip:
            self.clip = Clip(config)
        if config.has_videomae:
            self.videomae = VideoMAE(config)
            self.norm_time = NormWeights((config.dim,))
        if config.adapters:
            self.adapters = AddedAdapters(config)
        if config.has_both:
            self.exchange = ExchangeWeights(config)
        if config.experts == "clip" and config.adapters:
            self.frame_positions = self.param("frame_positions", nn.initializers.zeros, (config.num_frames, config.dim))
        if config.fuses:
            # Published ones start as nothing, for experts that were trained before.
            silent = not config.train_experts
            self.space_adapter, self.time_adapter = (AdapterWeights(config, None, silent) for _ in FUSED)
        self.classifiers = {name: Classifier(config, count) for name, count in config.heads.items()}

    def __call__(self, frames: Clips, seeds: Seeds | None = None, paths: Paths | None = None) -> Logits:
        """Gives the logits of every classifier by its name, see `CASTConfig.heads`.

        Args:
          frames: B clips.
          seeds: of the clips, in training: for dropped paths and dropout; None: evaluation.
          paths: the factors of dropped paths instead of those that the seeds give.
        """
        paths = draw_paths(self.config, seeds) if paths is None else paths
        space, time = self.pooled(*self.through(*self.embedded(frames, seeds), paths, seeds))
        return self.classified(space, time, seeds)

    def embedded(self, frames: Clips, seeds: Seeds | None = None) -> tuple[Space | None, Time | None]:
        """Tokens of both experts; the spatial one sees the second frame of every tubelet, alone all frames."""
        config, space, time = self.config, None, None
        frames = network_pixels(frames)
        if config.has_clip:
            seen = frames[:, 1::2] if config.has_both else frames
            weights = float32_of(self.clip()._replace(blocks=None))
            patches = vit.patches(seen, weights.patch_kernel[None], config.dtype)
            first = jnp.broadcast_to(weights.class_embedding, (*patches.shape[:2], 1, config.dim))
            space = jnp.concatenate([first, patches], axis=2) + weights.positions
            if config.experts == "clip" and config.adapters:
                space = space + self.frame_positions[:, None]
            space = normalized(space, weights.norm_pre, vit.CLIP.epsilon)
        if config.has_videomae:
            weights = float32_of(self.videomae().patches)
            time = vit.patches(frames, weights.kernel, config.dtype) + weights.bias
            positions = vit.sinusoids(time.shape[1] * time.shape[2], config.dim)
            time = dropped(time + positions.reshape(time.shape[1:]), config.dropout_rate, seeds, "positions")
        return space, time

    def weights(self) -> BlockWeights:
        """Those of all blocks, [blocks, ...]."""
        config = self.config
        return BlockWeights(
            self.clip().blocks if config.has_clip else None,
            self.videomae().blocks if config.has_videomae else None,
            self.adapters() if config.adapters else Adapters(),
            self.exchange() if config.has_both else None,
        )

    def through(
        self, space: Space | None, time: Time | None, paths: Paths | None = None, seeds: Seeds | None = None
    ) -> tuple[Space | None, Time | None]:
        """Runs all blocks on the tokens.

        Frozen weights stay where they are and every block takes its own, so that neither a copy nor a gradient of them
        is made.
        """
        config, weights = self.config, self.weights()
        held = weights._replace(adapters=None, exchange=None)
        scanned = weights._replace(clip=None, videomae=None)
        if config.train_experts:
            held, scanned = BlockWeights(), weights

        def run(tokens, given):
            index, scanned, paths = given
            own = float32_of(jax.tree.map(lambda array: dynamic_index_in_dim(array, index, keepdims=False), held))
            merged = BlockWeights(*(one if other is None else other for one, other in zip(own, scanned, strict=True)))
            return block(*tokens, merged, config, paths, block_seeds(seeds, index)), None

        names = () if config.remat else (KEPT,)
        policy = jax.checkpoint_policies.save_only_these_names(*names)
        run = jax.checkpoint(run, policy=policy, prevent_cse=False)
        given = (jnp.arange(config.num_layers), scanned, paths)
        return jax.lax.scan(run, (space, time), given)[0]

    def pooled(
        self, space: Space | None, time: Time | None
    ) -> tuple[Float[Array, "B D"] | None, Float[Array, "B D"] | None]:
        """The normalised means of class tokens over frames, and of all tokens of time."""
        if space is not None:
            space = normalized(jnp.mean(space[:, :, 0], axis=1), self.clip().norm_post, vit.CLIP.epsilon)
        if time is not None:
            time = normalized(jnp.mean(time, axis=(1, 2)), self.norm_time(), vit.VIDEOMAE.epsilon)
        return space, time

    def features(self, frames: Clips) -> Float[Array, "B rows E"]:
        """What the classifiers see of clips: one row a clip, of both experts those of space first.

        Of the spatial expert alone a row for every frame: its class token, normalised as the mean over frames is.
        """
        space, time = self.through(*self.embedded(frames))
        if space is not None and time is None:
            return normalized(space[:, :, 0], self.clip().norm_post, vit.CLIP.epsilon)
        pooled = [part for part in self.pooled(space, time) if part is not None]
        return jnp.concatenate(pooled, axis=-1)[:, None]

    def classified(self, space, time, seeds: Seeds | None = None) -> Logits:
        """Logits of what was pooled: one classifier sees both experts, of two the noun's space and the verb's time."""
        config = self.config
        if config.fuses:
            parts = ((self.space_adapter, space), (self.time_adapter, time))
            space, time = (adapted(x, adapter(), config.dtype) for adapter, x in parts)
            seen = {"label": space + time}
        elif config.has_both:
            seen = {"noun": space, "verb": time}
        else:
            seen = dict.fromkeys(config.heads, space if time is None else time)
        if len(seen) == 1:
            seen = {name: dropped(x, config.head_dropout_rate, seeds, "head") for name, x in seen.items()}
        return {name: affine(x, self.classifiers[name](), config.dtype) for name, x in seen.items()}


def initial_variables(config: CASTConfig, key: PRNGKeyArray):
    """Random variables {"params"} as published: at the start both experts run as if the other one were not there.

    `CASTConfig.start_scale` is no part of the publication.
    """
    params = CAST(config).lazy_init(key, clip_shape(config))["params"]

    def started(path, leaf):
        drawn_alike = path[-1] in ("kernel", "qkv_kernel") and not {"patches", "output"} & set(path)
        is_xavier = path[0] == "clip" and "qkv" in path
        return config.start_scale * leaf if drawn_alike and not is_xavier else leaf

    return {"params": params if config.start_scale == 1.0 else path_aware_map(started, params)}


def clip_shape(config: CASTConfig, batch: int = 1) -> jax.ShapeDtypeStruct:
    """The shape of clips that the network takes."""
    size = config.image_size
    return jax.ShapeDtypeStruct((batch, config.num_frames, size, size, 3), jnp.float32)
