"""Temporal action localization: systems, tasks, evaluation."""
