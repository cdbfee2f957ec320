"""Flax Linen building blocks. Inputs are [B, length, channels]; `dropout_rng` switches dropout on (see dropout.py)."""
