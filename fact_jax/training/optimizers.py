"""Optimisers of the published runs as optax chains.

Order of one update: clip the global norm, add the weight decay to the gradient (coupled, L2), Adam or SGD with
momentum, learning rate. With AdamW the decay comes after Adam (decoupled): it is scaled by the learning rate alone.
The learning rate may fall as well when the training loss no longer does (`fact_jax.training.plateau`).

Source: published train.py of FACT and libs/utils/train_utils.py of ActionFormer; `torch.optim.Adam`,
`torch.optim.AdamW`, `torch.optim.SGD`, `torch.nn.utils.clip_grad_norm_`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fact_jax.ops.fusion import computed_once
from fact_jax.runtime import devices as device_layout
from fact_jax.training import plateau, schedules
from fact_jax.training.choices import OPTIMIZERS, SCHEDULES
from fact_jax.training.state import is_masked
from fact_jax.types import check_choice

TRAINED, FROZEN = "trained", "frozen"


def clip_by_global_norm(limit: float) -> optax.GradientTransformation:
    """Scales gradients by min(1, limit / (norm + 1e-6)).

    Deviation from `optax.clip_by_global_norm`: the 1e-6, which makes it the published clipping.
    """

    def clip(updates, params):
        del params
        scale = computed_once(jnp.minimum(1.0, limit / (optax.tree.norm(updates) + 1e-6)))
        return jax.tree.map(lambda update: update * scale, updates)

    return optax.stateless(clip)


def learning_rate_schedule(config, steps_per_epoch: int) -> optax.Schedule:
    """Returns update index (from 0) -> learning rate, as `config.optimizer` says; raises UserError if it cannot be.

    A drop comes once `decay_epoch` epochs have ended; never if it is <= 0. With `per_epoch` the rate changes between
    epochs alone, and a warm-up starts at `warmup_rate`, as CARL has it.
    """
    if config.get("per_epoch", False):
        return schedules.by_epoch(_schedule(config, 1), steps_per_epoch)
    return _schedule(config, steps_per_epoch)


def _schedule(config, steps_per_epoch):
    rate = config.learning_rate
    name = check_choice("config.optimizer.schedule", config.get("schedule", "drop"), SCHEDULES)
    if name == "cosine":
        then = schedules.cosine(rate, config.lowest_rate, config.cosine_epochs * steps_per_epoch)
    elif name == "multistep":
        places = tuple(epoch * steps_per_epoch for epoch in config.milestones)
        then = schedules.multistep(rate, config.decay_factor, places)
    else:
        then = schedules.drop(rate, config.decay_factor, config.decay_epoch * steps_per_epoch)
    updates = config.get("warmup_epochs", 0) * steps_per_epoch
    return schedules.warm_up(rate, updates, then, config.get("warmup_rate", 0.0))


def last_learning_rate(schedule: optax.Schedule, update: int, opt_state) -> float:
    """Returns the learning rate of the update of this index, from 0, given the replicated optimiser state after it."""
    rate, state = schedule(update), plateau.find_state(opt_state)
    if state is not None:
        rate = np.float32(rate) * device_layout.unreplicate(state.used)
    return float(rate)


def make_optimizer(config, steps_per_epoch: int, scales=None, decay_mask=None) -> optax.GradientTransformationExtraArgs:
    """Returns the optimiser of a run; its update takes the mean loss of the batch as `value`.

    Args:
      config: `config.optimizer`; UserError is raised for an unknown optimiser or schedule.
      steps_per_epoch: updates of one epoch.
      scales: tree like the parameters, factors on the learning rate: floats, or arrays that spread over a parameter;
        0.0 freezes a parameter. None: all 1.
      decay_mask: tree of bools like the parameters, which of them decay; None: all.
    """
    check_choice("config.optimizer.name", config.name, OPTIMIZERS)
    stages = [clip_by_global_norm(config.clip_norm)] if config.clip_norm > 0 else []
    decay = [_add_decay(config.weight_decay, decay_mask)] if config.weight_decay else []
    adam = [optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)]
    momentum = [optax.trace(decay=config.momentum)] if config.name == "sgd" and config.momentum else []
    stages += {"adam": decay + adam, "adamw": adam + decay, "sgd": decay + momentum}[config.name]
    schedule = learning_rate_schedule(config, steps_per_epoch)
    stages.append(optax.scale_by_schedule(lambda update: computed_once(-jnp.asarray(schedule(update), jnp.float32))))
    if factor := config.get("plateau_factor", 0.0):
        scale = plateau.scale_on_plateau(config.learning_rate, factor, config.plateau_patience, steps_per_epoch)
        stages.append(scale)
    if scales is None:
        return optax.chain(*stages)
    stages.append(_scale_leaves(scales))
    labels = jax.tree.map(lambda scale: TRAINED if np.any(scale) else FROZEN, scales)
    return optax.partition({TRAINED: optax.chain(*stages), FROZEN: optax.set_to_zero()}, labels)


def _add_decay(decay, mask) -> optax.GradientTransformation:
    """Adds decay * parameter to the updates where `mask` says so."""
    if mask is None:
        return optax.add_decayed_weights(decay)

    def add(decays, update, param):
        return update + decay * param if decays and not is_masked(update) else update

    return optax.stateless(lambda updates, params: jax.tree.map(add, mask, updates, params, is_leaf=is_masked))


def _scale_leaves(scales) -> optax.GradientTransformation:
    """Multiplies every update by its scale; leaves that `optax.partition` masked out stay so."""

    def scaled(update, scale):
        return update if is_masked(update) else update * scale

    return optax.stateless(lambda updates, params: jax.tree.map(scaled, updates, scales, is_leaf=is_masked))


def update_ema(ema_params, params, decay: float):
    """Returns decay * ema_params + (1 - decay) * params, without those that it leaves out; None where there is none."""
    if ema_params is None:
        return None

    def moved(ema, param):
        return ema if is_masked(ema) else decay * ema + (1.0 - decay) * param

    return jax.tree.map(moved, ema_params, params, is_leaf=is_masked)
