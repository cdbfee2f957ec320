"""The programs that read an exported folder: they are copied into it as predict.py, and import jax and NumPy alone.

An export joins `common` and the module of the kind into one file, without the lines that import one from the other.
"""
