"""RandAugment of clips: which operations are drawn, and how far each of them goes.

A recipe is written as in timm, such as "rand-m7-n4-mstd0.5-inc1": n operations are drawn out of OPERATIONS, with
repeats, and each of them is done in every second clip. Its level is drawn around m with a standard deviation of mstd.
With inc1 a higher level always changes a picture more.

Source: Cubuk et al., RandAugment, arXiv 1909.13719; timm/data/auto_augment.py, which CAST's published code has as
util_tools/rand_augment.py (KHU-VLL/CAST, 51eb871) and applies to all frames of a clip alike.
"""

import dataclasses
import re

import numpy as np

from fact_jax.types import UserError, nearest

OPERATIONS = (
    *("AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color", "Contrast"),
    *("Brightness", "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"),
)
_PROBABILITY = 0.5  # of an operation that was drawn
_HIGHEST = 10.0  # level
# The weights "w0" of OPERATIONS; with weights an operation is drawn once at most.
_WEIGHTS = np.array(
    [0.025, 0.005, 0, 0.3, 0, 0.005, 0.005, 0.025, 0.005, 0.005, 0.025, 0.1, 0.1, 0.1, 0.1]  # in the order above
)
_PARTS = {
    "m": "a level of 0 to 10",
    "n": "a number of operations, 1 or more",
    "mstd": "a standard deviation of 0 or more",
    "inc": "1",
    "w": "0, the only set of weights",
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a recipe says; the defaults are those of timm."""

    level: float = _HIGHEST
    num_operations: int = 2
    deviation: float = 0.0  # standard deviation of the level
    increasing: bool = False  # a higher level always changes more
    weighted: bool = False


@dataclasses.dataclass(frozen=True)
class Change:
    """An operation of OPERATIONS with what was drawn for it.

    `value` is, by operation: Rotate degrees against the clock; Posterize the bits that stay, 0 to 4; Solarize the
    threshold from which on values are inverted, 0 to 256; SolarizeAdd what is added to values below 128, 0 to 110;
    Color, Contrast, Brightness and Sharpness a factor, 1 changes nothing; ShearX and ShearY a slope; TranslateXRel and
    TranslateYRel a share of width and height; 0 for the other operations.
    """

    name: str
    value: float = 0


def parse(text: str, where: str) -> Recipe:
    """The Recipe that `text` describes; a UserError that begins with `where` names all parts that cannot be."""
    kind, *parts = text.split("-")
    wrong = [] if kind == "rand" else [f"it begins with {kind!r}, expected 'rand'"]
    found: dict[str, float] = {}
    for part in parts:
        name = re.split("[0-9.]", part)[0]
        if name not in _PARTS:
            guess = nearest(name, _PARTS)
            wrong.append(f"part {part!r} is unknown" + (f", did you mean {guess!r}?" if guess else ""))
        elif name in found:
            wrong.append(f"part {name!r} is there twice")
        elif (value := _number(name, part[len(name) :])) is None:
            wrong.append(f"part {part!r}: expected {_PARTS[name]}, behind {name!r}")
        else:
            found[name] = value
    if "w" in found and "inc" in found:
        wrong.append("'w0' has no weights for operations that increase: leave out 'w0' or 'inc1'")
    if "w" in found and found.get("n", 0) > np.count_nonzero(_WEIGHTS):
        wrong.append(f"'w0' draws an operation once, so that there are {np.count_nonzero(_WEIGHTS)} at most")
    if wrong:
        known = ", ".join(f"{name} ({meaning})" for name, meaning in _PARTS.items())
        raise UserError(f"{where} is {text!r}: {'; '.join(wrong)}. Parts: {known}, as in 'rand-m7-n4-mstd0.5-inc1'.")
    return Recipe(
        found.get("m", _HIGHEST), int(found.get("n", 2)), found.get("mstd", 0.0), "inc" in found, "w" in found
    )


def _number(name, text):
    """The value of a part, None if it cannot be. "inc0" cannot be: timm takes it for "inc1"."""
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+" if name in ("m", "mstd") else r"\d+", text):
        return None
    value = float(text)
    low, high = {"m": (0, _HIGHEST), "n": (1, np.inf), "mstd": (0, np.inf), "inc": (1, 1), "w": (0, 0)}[name]
    return value if low <= value <= high else None


def draw_changes(recipe: Recipe, rng: np.random.Generator) -> tuple[Change, ...]:
    """The changes of a clip, in the order in which they are done."""
    weights = _WEIGHTS / _WEIGHTS.sum() if recipe.weighted else None
    chosen = rng.choice(len(OPERATIONS), recipe.num_operations, replace=not recipe.weighted, p=weights)
    done = (OPERATIONS[number] for number in chosen if rng.random() <= _PROBABILITY)
    return tuple(_draw_change(name, recipe, rng) for name in done)


def _draw_change(name, recipe, rng):
    level = min(_HIGHEST, max(0.0, rng.normal(recipe.level, recipe.deviation)))
    return Change(name, _value(name, level / _HIGHEST, recipe.increasing, lambda: -1.0 if rng.random() > 0.5 else 1.0))


def _value(name, share, increasing, sign):
    """What `share` of the highest level means for an operation; `sign()` draws 1 or -1."""
    if name in _REACHES:
        return sign() * share * _REACHES[name]
    if name in ("Color", "Contrast", "Brightness", "Sharpness"):
        return 1.0 + sign() * share * 0.9 if increasing else share * 1.8 + 0.1
    if name == "Posterize":
        return 4 - int(share * 4) if increasing else int(share * 4)
    if name == "Solarize":
        return 256 - int(share * 256) if increasing else int(share * 256)
    return int(share * 110) if name == "SolarizeAdd" else 0


_REACHES = {"Rotate": 30.0, "ShearX": 0.3, "ShearY": 0.3, "TranslateXRel": 0.45, "TranslateYRel": 0.45}
