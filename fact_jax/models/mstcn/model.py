"""Settings of MS-TCN and MS-TCN++."""

import dataclasses
from typing import ClassVar

from fact_jax.layers.frame_branches import compose_layers
from fact_jax.models.frame_model import FrameModel
from fact_jax.models.mstcn import published
from fact_jax.models.mstcn.network import MSTCNNetwork, MSTCNPlusPlusNetwork


@dataclasses.dataclass(frozen=True, kw_only=True)
class MSTCN(FrameModel):
    """MS-TCN.

    Attributes:
      num_stages: S.
      num_layers: of every stage; layer l has dilation 2^l.
      dim: channels of the layers.
      dropout_rate: of every layer.
    """

    title: ClassVar[str] = "MS-TCN"

    num_stages: int
    num_layers: int
    dim: int
    dropout_rate: float

    @property
    def network(self):
        """See `FrameModel.network`."""
        return MSTCNNetwork(self)

    def links(self):
        """See `FrameModel.links`."""
        return published.links(self)

    @classmethod
    def infer(cls, tensors, path):
        """See `FrameModel.infer`."""
        return published.infer(tensors, path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MSTCNPlusPlus(FrameModel):
    """MS-TCN++.

    Attributes:
      num_layers: of the first stage, the prediction; layer l joins the dilations 2^l and 2^(num_layers-1-l).
      num_refinements: stages after it.
      num_refinement_layers: of each of them; layer l has dilation 2^l.
      share_refinements: these stages have one set of parameters.
      dim: channels of the layers.
      dropout_rate: of every layer.
    """

    title: ClassVar[str] = "MS-TCN++"

    num_layers: int
    num_refinements: int
    num_refinement_layers: int
    share_refinements: bool
    dim: int
    dropout_rate: float

    @property
    def network(self):
        """See `FrameModel.network`."""
        return MSTCNPlusPlusNetwork(self)

    @property
    def num_refinement_parameters(self):
        """Refinements with parameters of their own."""
        return min(self.num_refinements, 1) if self.share_refinements else self.num_refinements

    def compose(self, params, num_frames):
        """The dual layers as one convolution each, where that saves more products than it takes; see the base."""
        if num_frames is not None and num_frames <= 2 * self.dim:
            return params
        return {**params, "prediction": compose_layers(params["prediction"], self.num_layers)}

    def links(self):
        """See `FrameModel.links`."""
        return published.links_plus_plus(self)

    @classmethod
    def infer(cls, tensors, path):
        """See `FrameModel.infer`."""
        return published.infer_plus_plus(tensors, path)
