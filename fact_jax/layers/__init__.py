"""Flax Linen building blocks. Inputs are [B, length, channels]; `rows` switches dropout on (see dropout.py)."""
