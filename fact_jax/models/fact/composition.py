"""The parameters of FACT in the form in which it multiplies with them."""

from fact_jax.layers.frame_branches import compose_layers
from fact_jax.models.fact.config import FactConfig


def compose(config: FactConfig, params, num_frames=None):
    """Composes the layers of the MS-TCN++ branches where that saves more products than it takes.

    A layer of f channels saves 3 f^2 products per frame and takes 6 f^3 to compose; with groups, its composition would
    have more taps than its parts.

    Args:
      config: of the network.
      params: its parameters.
      num_frames: padded frames that one composition serves; None: many.

    Returns:
      Parameters for the same network, see `fact_jax.layers.frame_branches.compose_layers`.
    """
    composed = dict(params)
    for index, block in enumerate(config.block_configs):
        pays = num_frames is None or num_frames > 2 * block.frame_dim
        if block.frame_branch == "m2" and block.frame_groups == 1 and pays:
            layers = compose_layers(params[f"block_{index}"]["frame_branch"], block.frame_layers)
            composed[f"block_{index}"] = {**params[f"block_{index}"], "frame_branch": layers}
    return composed
