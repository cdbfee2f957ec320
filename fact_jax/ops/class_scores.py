"""What scores of the classes of a video have to be, whether a file or a caller gives them; NumPy alone."""

import numpy as np

MAX_CLASSES = 100_000
_MOST = float(np.finfo(np.float32).max)
EXPECTED = f"expected a finite number from 0 to {_MOST:.2g} for every class"


def read_scores(values, names=None):
    """Scores that a classifier gave to the classes of one video, 0 or more.

    Args:
      values: list of numbers, or array [C] of them; text, truth values and complex numbers are none.
      names: of the classes by number, for the message; None where they have none.

    Returns:
      (float32 [C], ""); or (None, what is wrong, in words that go with EXPECTED).
    """
    if isinstance(values, list | tuple):
        wrong = [place for place, value in enumerate(values) if not _is_number(value)]
        if not wrong:
            values = np.array([_float_of(value) for value in values], np.float64)
    else:
        if not isinstance(values, np.ndarray):
            values = np.asarray(values) if hasattr(values, "__array__") else values
        if not isinstance(values, np.ndarray):
            return None, f"no list of numbers: {values!r:.60}"
        if values.dtype.kind not in "fiu" or values.ndim != 1:
            return None, f"no list of numbers: an array of shape {values.shape} and type {values.dtype}"
        wrong = []
    if not 0 < len(values) <= MAX_CLASSES:
        return None, f"{len(values)} numbers"
    if not wrong:
        wrong = np.flatnonzero(~((values >= 0) & (values <= _MOST))).tolist()
    if wrong:
        first = wrong[0]
        name = f" ({names[first]!r})" if isinstance(names, list | tuple) and first < len(names) else ""
        more = f", and {len(wrong) - 1} more cannot be used" if len(wrong) > 1 else ""
        value = values[first].item() if isinstance(values, np.ndarray) else values[first]
        return None, f"the one of class {first}{name} is {value!r:.60}{more}"
    return values.astype(np.float32), ""


def why_other_number(number, num_known):
    """What is wrong with scores of `number` classes for a run of `num_known`; "" where they go with it.

    A run that knows one class, or none, goes with any.
    """
    if num_known < 2 or number == num_known:
        return ""
    return f"{number} scores; expected {num_known}, one per class of the run"


def _is_number(value):
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _float_of(value):
    try:
        return float(value)
    except OverflowError:
        return np.inf
