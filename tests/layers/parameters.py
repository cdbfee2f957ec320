"""Parameters for tests."""

import jax
import numpy as np


def random_params(module, *args, seed=0, **kwargs):
    """Variables of `module` with all parameters, also biases and scales, from N(0, 0.4^2); compiles nothing."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), *args, **kwargs))
    return jax.tree.map(lambda x: rng.normal(0, 0.4, x.shape).astype(np.float32), shapes)


def numpy_tree(params):
    return jax.tree.map(lambda x: np.asarray(x, np.float64), params)
