"""Checks the annotations of shapes and types at every call, in tests alone: `tests/conftest.py` installs it."""

import inspect

import jaxtyping
from beartype import BeartypeConf, beartype

PACKAGES = tuple(f"fact_jax.{name}" for name in ("ops", "layers", "losses", "metrics", "models"))
# As type checkers do, takes an int where a float is expected.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def install():
    """From now on, modules of `PACKAGES` are imported with checks around whatever has annotations."""
    # The hook wraps every function by this name, when it is defined.
    jaxtyping.jaxtyped = _only_with_annotations(jaxtyping.jaxtyped)
    jaxtyping.install_import_hook(PACKAGES, f"{__name__}.check")


def _only_with_annotations(jaxtyped):
    """`jaxtyped` without the functions that it would check nothing of.

    Functions inside of others are defined again at every call: wrapping them took a quarter of the time of tracing.
    """

    def decorator(*, typechecker):
        wrap = jaxtyped(typechecker=typechecker)
        return lambda thing: thing if inspect.isfunction(thing) and not thing.__annotations__ else wrap(thing)

    return decorator
