"""ASFormer: an encoder over frames, and decoders that refine its prediction.

Source: Yi, Wen & Jiang, ASFormer: Transformer for Action Segmentation, BMVC 2021, arXiv:2110.08568.
Deviation: padding does not show. The published code normalises over it, and takes one video at a time.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.encoder import Encoder
from fact_jax.layers.linear import Dense, zero_padding


class Stage(Encoder):
    """One stage: class logits and the features that they are read off."""

    @nn.compact
    def __call__(self, x, mask, noise=None, source=None):
        """Maps frames to classes.

        Args:
          x: float [B, T, D].
          mask: bool [B, T]; frames outside of it influence no valid frame.
          noise: seeds of the videos, or None.
          source: float [B, T, E], what the attention takes its values from; None: the stage's own features.

        Returns:
          (logits [B, T, K], features [B, T, N]), both zero outside `mask`.
        """
        features = self.encoded(x, mask, noise, source)
        return zero_padding(Dense(self.out_dim, name="output")(features), mask), features


class AsformerNetwork(nn.Module):
    """The encoder reads features, every decoder the class probabilities of the stage before.

    The attention of a decoder mixes the last features of the stage before, the same in all its layers, and counts less
    from decoder to decoder.

    Attributes:
      model: fact_jax.models.asformer.model.Asformer.
    """

    model: "Asformer"

    @nn.compact
    def __call__(self, features, mask, noise=None):
        """Maps [B, T, D] to logits [stages, B, T, K]; see `FrameModel.network`."""
        model = self.model
        encoder = self._stage("encoder", 1.0, model.channel_dropout_rate)
        logits, last = encoder(zero_padding(features, mask), mask, noise)
        stages = [logits]
        for index in range(model.num_decoders):
            decoder = self._stage(f"decoder_{index}", model.attention_scale(index))
            logits, last = decoder(zero_padding(jax.nn.softmax(logits), mask), mask, noise, last)
            stages.append(logits)
        return jnp.stack(stages)

    def _stage(self, name, attention_scale, channel_dropout_rate=0.0):
        model = self.model
        return Stage(
            model.dim,
            model.num_layers,
            model.num_classes,
            model.query_reduction,
            attention_scale,
            channel_dropout_rate,
            model.dropout_rate,
            model.dtype,
            model.windows,
            model.value_reduction,
            name=name,
        )
