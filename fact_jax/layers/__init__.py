"""Flax Linen building blocks. Inputs are [B, length, channels]; `noise` switches dropout on (see dropout.py)."""
