"""The report of a comparison of systems over folds: `--mode compare`."""

from fact_jax.reporting.comparison.scores import Comparison, SystemRuns
from fact_jax.reporting.comparison.write import write_comparison

__all__ = ["Comparison", "SystemRuns", "write_comparison"]
