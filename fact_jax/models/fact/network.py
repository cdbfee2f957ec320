"""The FACT network: a chain of blocks over frames and action tokens."""

import flax.linen as nn
import jax.numpy as jnp

from fact_jax.layers.dropout import ChannelDropout, TimeMask
from fact_jax.layers.positions import sinusoidal_positions
from fact_jax.models.fact.blocks import InputBlock, TemporalBlock, UpdateBlock
from fact_jax.models.fact.config import FactConfig


class Fact(nn.Module):
    """FACT without transcripts: learned action tokens (spec section 3).

    Source: Lu & Elhamifar, FACT: Frame-Action Cross-Attention Temporal Modeling for Efficient Action Segmentation,
    CVPR 2024.
    """

    config: FactConfig

    @nn.compact
    def __call__(self, features, mask, noise=None):
        """Runs all blocks.

        Args:
          features: float [B, T, D]; values outside `mask` are ignored, whatever they are.
          mask: bool [B, T], True on a prefix of at least one frame per video.
          noise: uint32 [B, 2], seeds of the videos (`fact_jax.ops.noise.video_seeds`); switches dropout and masking
            on. None for evaluation.

        Returns:
          tuple of BlockOutput, one per block.
        """
        config = self.config
        features = jnp.where(mask[..., None], features, 0.0)
        features = ChannelDropout(config.channel_dropout_rate)(features, noise)
        time_mask = config.time_mask
        features = TimeMask(time_mask.count, time_mask.max_frames, time_mask.max_fraction)(features, mask, noise)

        frame_positions = None
        if config.frame_positions:
            frame_positions = jnp.asarray(
                sinusoidal_positions(features.shape[1], config.block_configs[0].hidden_dim)
            )
        token_dim = config.block_configs[0].action_dim
        queries = self.param("action_query", nn.initializers.normal(1.0), (config.num_tokens, token_dim))
        positions = queries[None]
        actions = jnp.zeros((features.shape[0], config.num_tokens, token_dim), features.dtype)
        token_mask = jnp.ones(actions.shape[:2], bool)

        frames, outputs = features, []
        for index, (letter, block_config) in enumerate(zip(config.blocks, config.block_configs, strict=True)):
            name = f"block_{index}"
            if letter == "i":
                block = InputBlock(block_config, config.num_classes, name=name)
            elif letter == "u":
                block = UpdateBlock(block_config, config.num_classes, name=name)
            else:
                block = TemporalBlock(block_config, config.num_classes, config.segment_buckets, name=name)
            output = block(frames, mask, actions, token_mask, positions, frame_positions, noise)
            frames, actions = output.frame_features, output.action_features
            outputs.append(output)
        return tuple(outputs)
