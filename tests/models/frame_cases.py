"""Small networks that label frames, one of every system, and what all of their tests share."""

import jax
import numpy as np

from fact_jax.models.asformer.model import ASFormerConfig
from fact_jax.models.mstcn.model import MSTCNConfig, MSTCNPlusPlusConfig
from tests.models.fact_cases import NUM_CLASSES

# Name of the test case -> model.
MODELS = {
    "mstcn": MSTCNConfig(num_classes=NUM_CLASSES, num_stages=3, num_layers=3, dim=6, dropout_rate=0.4),
    "mstcn++": MSTCNPlusPlusConfig(
        num_classes=NUM_CLASSES,
        num_layers=3,
        num_refinements=2,
        num_refinement_layers=2,
        share_refinements=False,
        dim=6,
        dropout_rate=0.4,
    ),
    "mstcn++ shared": MSTCNPlusPlusConfig(
        num_classes=NUM_CLASSES,
        num_layers=2,
        num_refinements=3,
        num_refinement_layers=2,
        share_refinements=True,
        dim=6,
        dropout_rate=0.4,
    ),
    "asformer": ASFormerConfig(
        num_classes=NUM_CLASSES,
        num_decoders=2,
        num_layers=3,
        dim=6,
        query_reduction=2,
        value_reduction=3,
        windows="released",
        channel_dropout_rate=0.3,
        dropout_rate=0.4,
    ),
}


def random_params(task, batch, seed=0):
    """Parameters of a task, drawn at random from N(0, 0.4^2)."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: task.init(jax.random.key(0), batch))["params"]
    return jax.tree.map(lambda x: rng.normal(0, 0.4, x.shape).astype(np.float32), shapes)
