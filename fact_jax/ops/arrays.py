"""The arrays that functions take: a NumPy array serves wherever one of JAX does. `fact_jax.types` has the letters."""

import jax
import numpy as np

Array = jax.Array | np.ndarray
