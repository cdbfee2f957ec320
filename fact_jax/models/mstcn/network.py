"""MS-TCN and MS-TCN++ as networks of their own: stages of dilated layers, each refining the one before.

Source: Abu Farha & Gall, MS-TCN, CVPR 2019 (github.com/yabufarha/ms-tcn); Li, Abu Farha, Liu, Cheng & Gall, MS-TCN++,
TPAMI 2020 (github.com/sj-li/MS-TCN2). Both are published for batches of one video. MS-TCN multiplies every layer with
the mask, MS-TCN++ with none; here frames outside of the mask are zero after every layer of both, so that a video gives
the same logits however it is padded, and those of the published code where it is not.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.frame_branches import MSTCN, MSTCNPlusPlus
from fact_jax.layers.linear import zero_padding
from fact_jax.ops.noise import fold


class MSTCNNetwork(nn.Module):
    """Stages of dilated residual layers; the first reads features, the others class probabilities.

    Attributes:
      model: fact_jax.models.mstcn.model.MSTCN.
    """

    model: "MSTCN"

    @nn.compact
    def __call__(self, features, mask, noise=None):
        """Maps [B, T, D] to logits [stages, B, T, K]; see `FrameModel.network`."""
        model, outputs, x = self.model, [], features
        for stage in range(model.num_stages):
            outputs.append(_stage(model, model.num_layers, f"stage_{stage}")(x, mask, noise).value)
            x = _probabilities(outputs[-1], mask)
        return jnp.stack(outputs)


class MSTCNPlusPlusNetwork(nn.Module):
    """A stage of dual dilated layers, then stages as those of MS-TCN.

    Attributes:
      model: fact_jax.models.mstcn.model.MSTCNPlusPlus.
    """

    model: "MSTCNPlusPlus"

    @nn.compact
    def __call__(self, features, mask, noise=None):
        """Maps [B, T, D] to logits [stages, B, T, K]; see `FrameModel.network`."""
        model = self.model
        prediction = MSTCNPlusPlus(
            model.dim,
            model.num_layers,
            model.num_classes,
            model.dropout_rate,
            map_input=True,
            last_dropout=True,
            dtype=model.dtype,
            name="prediction",
        )
        outputs = [prediction(features, mask, noise).value]
        stages = [
            _stage(model, model.num_refinement_layers, f"refinement_{number}")
            for number in range(model.num_refinement_parameters)
        ]
        for number in range(model.num_refinements):
            stage = stages[min(number, len(stages) - 1)]
            # Stages that share their parameters draw dropouts of their own.
            own = noise if noise is None or not model.share_refinements else fold(noise, number)
            outputs.append(stage(_probabilities(outputs[-1], mask), mask, own).value)
        return jnp.stack(outputs)


def _stage(model, num_layers, name):
    return MSTCN(
        model.dim, num_layers, model.num_classes, model.dropout_rate, map_input=True, dtype=model.dtype, name=name
    )


def _probabilities(logits, mask):
    return zero_padding(jax.nn.softmax(logits), mask)
