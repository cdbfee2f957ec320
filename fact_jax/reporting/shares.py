"""Scores that are not percentages, and how they are shown: Kendall's tau and R^2, which reach up to 1."""

_NAMES = ("Tau", "Progress")
_PERCENT = " (%)"


def is_share(name) -> bool:
    """Whether a score, or a mean of one, has this name: "test/Tau" and "Tau of lift" are Tau, "Tau (%)" is not."""
    return str(name).rpartition("/")[2].startswith(_NAMES) and not str(name).endswith(_PERCENT)


def decimals(name) -> int:
    """Decimals that a score of this name is written with."""
    return 4 if is_share(name) else 2


def in_percent(name, value):
    """(name, value) of a score beside percentages; `value` may be an array."""
    return (f"{name}{_PERCENT}", 100.0 * value) if is_share(name) else (name, value)
