"""CAST's task around a tiny network, for tests of runs: nothing in it takes long to compile."""

import jax
import numpy as np

from fact_jax.ops.dropout_rng import random_uniform
from fact_jax.tasks.recognition import systems
from fact_jax.tasks.recognition.cast import CASTTask


class ToyNetwork:
    """Linear maps of the colours of all frames, with a little noise in training."""

    def __init__(self, heads):
        self.heads = heads

    def apply(self, variables, frames, seeds=None):
        colours = frames.mean((2, 3)).reshape(len(frames), -1)
        if seeds is not None:
            colours = colours + 0.01 * random_uniform(seeds, np.uint32(7), colours.shape)
        return {head: colours @ kernel for head, kernel in variables["params"].items()}


class ToyTask(CASTTask):
    """The task but for its network: mixing, losses and outputs are CAST's."""

    @property
    def network(self):
        return ToyNetwork(self.model.heads)

    def init(self, rng, batch):
        del batch
        keys = jax.random.split(rng, len(self.model.heads))
        shapes = {head: (3 * self.model.num_frames, count) for head, count in self.model.heads.items()}
        kernels = zip(keys, shapes.items(), strict=True)
        return {"params": {head: jax.random.normal(key, shape) for key, (head, shape) in kernels}, "state": {}}

    def learning_rate_scales(self, params):
        return None

    def weight_decay_mask(self, params):
        return None


def build(config, *, num_classes):
    """As `recognition.systems.build`."""
    return ToyTask(systems.network_config(config, num_classes), systems.loss_config(config.loss))


def restore(config, derived):
    """As `recognition.systems.restore`."""
    counts = [len(names) for names in systems.head_names(derived).values()]
    return ToyTask(systems.network_config(config, counts))
