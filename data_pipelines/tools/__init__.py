"""Innards of the commands."""
