"""Temporal action understanding in JAX/Flax: FACT and the systems around it."""
