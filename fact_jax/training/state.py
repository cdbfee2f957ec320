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
    ema_params: Any = None  # exponential moving average of the parameters, None unless used

    @property
    def eval_params(self):
        """The parameters to evaluate with: the moving average where there is one."""
        return self.params if self.ema_params is None else self.ema_params


def init_key(seed: int) -> jax.Array:
    """Returns the key that initialises the parameters of a run."""
    return jax.random.fold_in(jax.random.key(seed), INIT_STREAM)


def create(variables: dict, optimizer: optax.GradientTransformation, *, use_ema: bool) -> TrainState:
    """Returns the state before the first update, of what `Task.init` gave; an average starts at its parameters."""
    params, average = variables["params"], variables["params"] if use_ema else None
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params), variables["state"], average)
