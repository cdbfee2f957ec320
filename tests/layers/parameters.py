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


def assert_uniform(values, bound):
    """Samples fill U(-bound, bound): the extremes are near the ends, mean and variance fit."""
    values = np.ravel(values).astype(np.float64)
    assert np.max(np.abs(values)) <= bound
    assert np.max(np.abs(values)) > 0.9 * bound
    assert abs(np.mean(values)) < 5 * bound / np.sqrt(3 * values.size)
    assert abs(np.var(values) / (bound**2 / 3) - 1) < 5 * np.sqrt(0.8 / values.size)
