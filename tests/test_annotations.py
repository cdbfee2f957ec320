"""The annotations are checked while the tests run."""

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from fact_jax.layers.linear import TemporalConv, zero_padding
from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.models.fact.config import TimeMaskConfig
from fact_jax.ops.masks import masked_mean
from fact_jax.ops.windows import cut


def test_right_shapes_pass():
    assert zero_padding(jnp.ones((2, 4, 3)), jnp.ones((2, 4), bool)).shape == (2, 4, 3)


@pytest.mark.parametrize("call", [
    lambda: zero_padding(jnp.ones((2, 4, 3)), jnp.ones((2, 5), bool)),  # another number of frames
    lambda: zero_padding(jnp.ones((2, 4, 3)), jnp.ones((2, 4))),  # no booleans
    lambda: masked_mean(jnp.ones((2, 4)), jnp.ones((2, 4), bool), axis="time"),
    lambda: jax.jit(cut, static_argnums=1)(jnp.ones(4), 2),  # an axis is missing, inside compiled code
    lambda: TemporalConv(8).init(jax.random.key(0), jnp.ones((4, 3))),
    lambda: TimeMaskConfig(count="two"),
    lambda: SegmentationMetric(num_classes="three"),
])  # fmt: skip
def test_wrong_shapes_and_types_raise(call):
    with pytest.raises(TypeCheckError):
        call()
