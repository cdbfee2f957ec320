"""Which system for a dataset: `--mode compare` trains several over folds, and the best one on everything."""

from fact_jax.app.comparison.run import CompareConfig, compare

__all__ = ["CompareConfig", "compare"]
