"""Bases of the configs: systems, datasets, fields common to all."""
