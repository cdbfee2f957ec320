"""A trained network as a folder that predicts with jax and NumPy alone: `--mode export --format jax`."""

from fact_jax.inference.export.folder import write_export
from fact_jax.inference.export.plan import ExportPlan

__all__ = ["ExportPlan", "write_export"]
