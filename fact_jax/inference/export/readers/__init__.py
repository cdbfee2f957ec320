"""The programs that read an exported folder: they are copied into it, and import jax and NumPy alone.

predict.py is `exported` with the module of the kind behind it, in one file; predict_command.py and predict_rows.py are
copied as they are.
"""
