"""Checkpoints: written whole, verified, restored, kept or dropped."""
