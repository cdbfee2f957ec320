"""Checks the annotations of shapes and types at every call, in tests alone: `tests/conftest.py` installs it."""

from beartype import BeartypeConf, beartype

PACKAGES = tuple(f"fact_jax.{name}" for name in ("ops", "layers", "losses", "metrics", "models"))
# As type checkers do, takes an int where a float is expected.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
