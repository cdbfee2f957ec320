"""Whether memory stays flat over thousands of videos: `python -m fact_jax.benchmark.load`."""
