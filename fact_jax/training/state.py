"""The train state: everything an update changes."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

INIT_STREAM = 0xFFFFFFFF  # folded into the seed for the initialisation; no step ever has this number


@flax.struct.dataclass
class TrainState:
    """Everything an update changes."""

    step: jax.Array | np.ndarray  # int32 scalar, completed updates
    params: Any
    opt_state: Any
    state: Any  # mutable collections of the model, {} where there are none
    ema_params: Any = None  # exponential moving average of the `trained_part`; None unless used

    @property
    def eval_params(self):
        """The parameters to evaluate with: the moving average where there is one."""
        return self.params if self.ema_params is None else merged(self.params, self.ema_params)


def trained_part(params, scales):
    """The parameters that are trained: in the place of a frozen one, whose scale is 0, is optax.MaskedNode, no array.

    `scales`: what `Task.learning_rate_scales` gave.
    """
    if scales is None:
        return params
    return jax.tree.map(lambda param, scale: param if np.any(scale) else optax.MaskedNode(), params, scales)


def merged(params, part):
    """A part of the parameters, such as `trained_part` gives, and from `params` those that it leaves out."""
    return jax.tree.map(lambda own, param: param if is_masked(own) else own, part, params, is_leaf=is_masked)


def is_masked(leaf) -> bool:
    """Whether a parameter was left out of a tree."""
    return isinstance(leaf, optax.MaskedNode)


def init_key(seed: int) -> jax.Array:
    """Returns the key that initialises the parameters of a run."""
    return jax.random.fold_in(jax.random.key(seed), INIT_STREAM)


def create(variables: dict, optimizer: optax.GradientTransformation, *, use_ema: bool, scales=None) -> TrainState:
    """Returns the state before the first update, of what `Task.init` gave; an average starts at its parameters.

    `scales`: what `Task.learning_rate_scales` gave.
    """
    params = variables["params"]
    average = trained_part(params, scales) if use_ema else None
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params), variables["state"], average)
