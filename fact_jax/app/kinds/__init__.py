"""The kinds of work, and the one place where a kind is entered."""

from fact_jax.app.kinds import localization, recognition, representation, segmentation
from fact_jax.app.kinds.base import Kind
from fact_jax.types import check_choice

KINDS: tuple[Kind, ...] = (segmentation.KIND, localization.KIND, representation.KIND, recognition.KIND)


def of_system(name: str) -> Kind:
    """The kind of work of a system, config.model.name; the UserError for an unknown one names the nearest."""
    by_system = {system: kind for kind in KINDS for system in kind.systems}
    return by_system[check_choice("config.model.name", name, tuple(by_system))]
