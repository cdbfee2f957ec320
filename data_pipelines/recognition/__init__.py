"""Labelled clips of raw video: lists, sampling of frames, checks, drawn clips; no jax."""
