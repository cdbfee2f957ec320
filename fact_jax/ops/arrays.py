"""The arrays that functions take: a NumPy array serves wherever one of JAX does. `fact_jax.types` has the letters."""

import jax
import numpy as np
from jaxtyping import Bool, Float, UInt32

Array = jax.Array | np.ndarray
Frames = Float[Array, "B T D"]
FrameMask = Bool[Array, "B T"]  # True where a frame exists: a prefix of every video
Seeds = UInt32[Array, "B 2"]  # of the videos, for dropout; None switches it off
