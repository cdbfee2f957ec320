"""Representation of frames: systems, task, evaluation."""
