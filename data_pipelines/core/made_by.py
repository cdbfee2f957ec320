"""What made features, as VIDEO.json records it: what of it counts, and how two of them differ."""

import json
from collections.abc import Mapping
from typing import Any

_MAX_TOLD = 3


def comparable(made_by: Mapping[str, Any]) -> dict[str, Any]:
    """What features depend on, of what a record says made them: where a workdir lies is no part of it."""
    plain = json.loads(json.dumps(dict(made_by)))
    if isinstance(plain.get("run"), dict):
        plain["run"] = {name: value for name, value in plain["run"].items() if name != "workdir"}
    return plain


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any], between="now") -> str:
    """In words, how what made some features differs from what made, or is to make, others; "" where it does not.

    `between` stands before each value of `wanted`.
    """
    flat = [_flatten(comparable(made_by)) for made_by in (found, wanted)]
    names = [name for name in dict.fromkeys([*flat[0], *flat[1]]) if flat[0].get(name) != flat[1].get(name)]
    if not names:
        return ""
    told = [f"{name} {flat[0].get(name)!r}, {between} {flat[1].get(name)!r}" for name in names[:_MAX_TOLD]]
    return "; ".join(told) + (f" and {len(names) - _MAX_TOLD} more" if len(names) > _MAX_TOLD else "")


def _flatten(values, prefix=""):
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
