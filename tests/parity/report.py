"""Rows of a parity report: one compared quantity each."""

import math
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """A compared quantity: its largest absolute and relative error, and whether it is within its tolerance."""

    name: str
    max_abs: float
    max_rel: float
    ok: bool


def compare(name, found, wanted, *, atol=0.0, rtol=0.0, same_nan=False):
    """Compares two arrays elementwise: |found - wanted| <= atol + rtol * |wanted|.

    NaN is a failure; with `same_nan`, only where the other array has none in the same place.
    """
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        return Row(f"{name} (shape {found.shape}, expected {wanted.shape})", math.inf, math.inf, False)
    if same_nan:
        nan = np.isnan(found) & np.isnan(wanted)
        found, wanted = np.where(nan, 0.0, found), np.where(nan, 0.0, wanted)
    difference = np.abs(found - wanted)
    relative = difference / np.maximum(np.abs(wanted), np.finfo(np.float32).tiny)
    # NaN compares false, so it fails.
    ok = bool(np.all(difference <= atol + rtol * np.abs(wanted)))
    return Row(name, float(np.max(difference, initial=0.0)), float(np.max(relative, initial=0.0)), ok)


def identical(name, found, wanted):
    """Compares two integer arrays for equality."""
    return compare(name, found, wanted)


def format_row(row):
    """One line of the report."""
    verdict = "PASS" if row.ok else "FAIL"
    return f"{row.name:<64} abs {row.max_abs:9.2e}  rel {row.max_rel:9.2e}  {verdict}"
