"""Config files: one per system and dataset, built from common.py, datasets.py and the base of the system."""
