"""Temporal action segmentation: systems, tasks, evaluation."""
