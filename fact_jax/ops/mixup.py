"""Mixup of a batch of clips, and smoothed labels: targets that share their weight among classes.

Every clip is mixed with the one at the mirrored place of its batch, all with one weight, which is drawn once per batch.
Places are those among the videos of the whole batch (of a micro-batch, where there are several), so neither devices nor
rows of padding change a number. Published batches are those of one GPU, each with a weight of its own.

Source: Zhang et al., arXiv:1710.09412; published mixup.py of CAST (KHU-VLL/CAST, revision 51eb871), mode "batch", which
is that of timm. Its cutmix, which no published recipe turns on, is not here.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Bool, Float, Int, PRNGKeyArray

from fact_jax.ops.arrays import Array
from fact_jax.types import UserError

_STREAM = 0x6D697875  # of draws, apart from those of dropout
_QUANTILES = 4097


@dataclasses.dataclass(frozen=True)
class MixupConfig:
    """How clips are mixed.

    Attributes:
      probability: share of the batches that are mixed, in [0, 1]; 0 = none.
      alpha: of the beta distribution, symmetric, that the weight is drawn from; above 0.
      smoothing: share of a target that is spread over all classes, in [0, 1); in batches that are not mixed as well.
    """

    probability: float = 0.9
    alpha: float = 0.8
    smoothing: float = 0.1

    def __post_init__(self):
        if not 0 <= self.probability <= 1 or not self.alpha > 0 or not 0 <= self.smoothing < 1:
            raise UserError(
                f"mixup: probability is {self.probability}, expected 0 to 1; alpha is {self.alpha}, expected a number "
                f"above 0; smoothing is {self.smoothing}, expected at least 0 and less than 1"
            )


def why_not_mixed(config: MixupConfig, batch_size: int, micro_batch_size: int) -> str:
    """What is wrong with these batches for mixup, "" where nothing is: the clip in the middle has no partner.

    `micro_batch_size`: most clips of a micro-batch, 0 = all of a step; the first one has what is left over.
    """
    size = min(micro_batch_size or batch_size, batch_size)
    if not config.probability or not (size % 2 or batch_size % size % 2):
        return ""
    cut = f"batches of {batch_size}" + f" in micro-batches of {size}" * (size < batch_size)
    return f"mixup mixes clips in pairs, and {cut} leave one over; expected even numbers, or no mixup (probability 0)"


def draw_weight(config: MixupConfig, key: PRNGKeyArray, first_row: Int[Array, ""]) -> Float[Array, ""]:
    """The weight of a clip itself in a batch, in [0, 1]; 1: nothing is mixed.

    `key` is that of the step, `first_row` the number of the batch's first clip in the step, which tells micro-batches
    apart. The beta distribution is inverted by a table: with jax.random.beta every program of a training step took 2.4
    seconds longer to compile.
    """
    key = jax.random.fold_in(jax.random.fold_in(key, _STREAM), first_row)
    whether, which = jax.random.uniform(key, (2,))
    shares = np.linspace(0.0, 1.0, _QUANTILES)
    weight = jnp.interp(which, shares, scipy.special.betaincinv(config.alpha, config.alpha, shares))
    return jnp.where(whether < config.probability, weight, 1.0).astype(jnp.float32)


def smoothed_targets(labels: Int[Array, " B"], num_classes: int, smoothing: float) -> Float[Array, "B K"]:
    """1 - smoothing + smoothing / K for the label, smoothing / K for every other class."""
    share = smoothing / num_classes
    return jnp.where(labels[:, None] == jnp.arange(num_classes), 1.0 - smoothing + share, share).astype(jnp.float32)


def mix(values: Float[Array, "B ..."], partners: Float[Array, "B ..."], weight: Float[Array, ""]):
    """weight * values + (1 - weight) * partners."""
    return weight * values + (1.0 - weight) * partners


def mirrored(place: Int[Array, " b"], count: Int[Array, ""]) -> Int[Array, " b"]:
    """The mirrored place of each of these places among `count`; a place behind them, of padding, is its own."""
    return jnp.where(place < count, count - 1 - place, place)


def mix_batch(
    config: MixupConfig,
    key: PRNGKeyArray,
    frames: Float[Array, "b T H W C"],
    labels: Int[Array, "b L"],
    rows: Int[Array, " b"],
    exists: Bool[Array, " b"],
    num_classes: tuple[int, ...],
    axis_name: str,
) -> tuple[Float[Array, "b T H W C"], tuple[Float[Array, "b _"], ...]]:
    """Mixed frames, and targets of every head, of the clips of one device; inside of a program over `axis_name`.

    Args:
      key: that of the step, the same on every device.
      labels: of every head.
      rows: numbers of the clips in the step, ascending over the devices; rows of padding are the last ones.
      exists: False for rows of padding.
      num_classes: of every head.
    """
    targets = tuple(
        smoothed_targets(labels[:, head], count, config.smoothing) for head, count in enumerate(num_classes)
    )
    if not config.probability:
        return frames, targets
    first = jax.lax.pmin(jnp.min(rows), axis_name)
    place = mirrored(rows - first, jax.lax.psum(jnp.sum(exists), axis_name))
    weight = draw_weight(config, key, first)

    def mixed(values):
        everyone = values
        if jax.lax.axis_size(axis_name) > 1:
            everyone = jax.lax.all_gather(values, axis_name, tiled=True)
        return mix(values, everyone[place], weight.astype(values.dtype))

    return jax.tree.map(mixed, (frames, targets))
