"""Datasets for temporal action localization: untrimmed videos with labelled segments that may overlap."""
