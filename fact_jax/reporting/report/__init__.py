"""Reports over several runs: tables as Markdown and CSV, and one HTML page to browse."""

from fact_jax.reporting.report.write import write_report

__all__ = ["write_report"]
