"""Labels of clips and of windows of long videos; `load` takes runs of this kind alone."""

import functools

from fact_jax.inference import predictor

load = functools.partial(predictor.load, kind="recognition")
