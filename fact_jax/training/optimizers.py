"""Optimisers of the published runs as optax chains.

Order of one update: clip the global norm, add the weight decay to the gradient (coupled, L2), Adam or SGD with
momentum, learning rate.

Source: spec of FACT, section 7; `torch.optim.Adam`, `torch.optim.SGD`, `torch.nn.utils.clip_grad_norm_`.
"""

import jax
import jax.numpy as jnp
import optax

from fact_jax.types import check_choice

TRAINED, FROZEN = "trained", "frozen"


def clip_by_global_norm(limit: float) -> optax.GradientTransformation:
    """Scales gradients by min(1, limit / (norm + 1e-6)).

    Deviation from `optax.clip_by_global_norm`: the 1e-6, which makes it the published clipping.
    """

    def update(updates, state, params=None):
        del params
        scale = jnp.minimum(1.0, limit / (optax.tree.norm(updates) + 1e-6))
        return jax.tree.map(lambda update: update * scale, updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def learning_rate_schedule(config, steps_per_epoch: int) -> optax.Schedule:
    """Returns update index (from 0) -> learning rate: one absolute drop, never a second one.

    Args:
      config: `config.optimizer`; reads learning_rate, decay_epoch and decay_factor.
      steps_per_epoch: updates of one epoch. The drop comes once `decay_epoch` epochs have ended; never if it is <= 0.
    """
    rate = config.learning_rate
    if config.decay_epoch <= 0:
        return lambda count: jnp.asarray(rate, jnp.float32)
    drop = steps_per_epoch * config.decay_epoch
    return lambda count: jnp.where(count < drop, jnp.float32(rate), jnp.float32(rate * config.decay_factor))


def make_optimizer(config, steps_per_epoch: int, scales=None) -> optax.GradientTransformation:
    """Returns the optimiser of a run.

    Args:
      config: `config.optimizer`.
      steps_per_epoch: updates of one epoch.
      scales: tree of floats like the parameters, factors on the learning rate; 0.0 freezes a parameter. None: all 1.

    Raises:
      UserError: unknown optimiser name.
    """
    check_choice("config.optimizer.name", config.name, ("adam", "sgd"))
    stages = [clip_by_global_norm(config.clip_norm)] if config.clip_norm > 0 else []
    if config.weight_decay:
        stages.append(optax.add_decayed_weights(config.weight_decay))
    if config.name == "adam":
        stages.append(optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8))
    elif config.momentum:
        stages.append(optax.trace(decay=config.momentum))
    stages.append(optax.scale_by_learning_rate(learning_rate_schedule(config, steps_per_epoch)))
    if scales is None:
        return optax.chain(*stages)
    stages.append(_scale_leaves(scales))
    labels = jax.tree.map(lambda scale: TRAINED if scale else FROZEN, scales)
    return optax.partition({TRAINED: optax.chain(*stages), FROZEN: optax.set_to_zero()}, labels)


def _scale_leaves(scales) -> optax.GradientTransformation:
    """Multiplies every update by its scale; leaves that `optax.partition` masked out stay so."""

    def update(updates, state, params=None):
        del params
        masked = lambda leaf: isinstance(leaf, optax.MaskedNode)
        scaled = jax.tree.map(lambda u, scale: u if masked(u) else u * scale, updates, scales, is_leaf=masked)
        return scaled, state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def update_ema(ema_params, params, decay: float):
    """Returns decay * ema_params + (1 - decay) * params, or None where no average is kept."""
    if ema_params is None:
        return None
    return jax.tree.map(lambda ema, param: decay * ema + (1.0 - decay) * param, ema_params, params)
