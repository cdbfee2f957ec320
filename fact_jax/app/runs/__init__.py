"""Runs of each kind of work: from settings and data to a task with its batches, and to a prediction."""
