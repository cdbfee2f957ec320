"""Figures and tables: arrays and metric states in, pictures and text out."""
