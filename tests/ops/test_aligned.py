"""Arrays that a CPU device uses as they are."""

import jax
import numpy as np
import pytest

from fact_jax.ops import aligned
from fact_jax.runtime import devices


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2, 3, 5), np.float32), ((), bool), ((0, 4), np.int32), ((7,), np.uint8)]
)
def test_zeros_are_numpys(shape, dtype):
    found = aligned.zeros(shape, dtype)
    np.testing.assert_array_equal(found, np.zeros(shape, dtype), strict=True)
    assert found.flags.writeable and found.flags.c_contiguous
    assert found.ctypes.data % aligned.ALIGNMENT == 0 or not found.size


def test_a_cpu_device_takes_them_without_a_copy():
    batch = {"features": aligned.zeros((1, 300, 40), np.float32)}
    batch["features"][:] = 3.0
    placed = devices.place(batch, jax.local_devices(backend="cpu")[:1])["features"]
    assert placed.addressable_shards[0].data.unsafe_buffer_pointer() == batch["features"].ctypes.data
    np.testing.assert_array_equal(placed, batch["features"][None])
