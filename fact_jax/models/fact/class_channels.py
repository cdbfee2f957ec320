"""Which entries of FACT's parameters are of classes.

The last channels of frames and segments are a probability per class, those of tokens one more for "no action". So the
maps that write these features have an entry per class, and the maps that read them in the next block too.
"""

from collections.abc import Iterator
from typing import Any

from flax.traverse_util import flatten_dict

from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.models.fact.config import FactConfig
from fact_jax.models.weights.transfer import Axes, ClassLabels, Labels, axis_labels, labels_together

# Where the class channels of an axis are.
_END, _FIRST_HALF, _MIXED = "at its end", "at the end of its first half", "anywhere"


def axes(config: FactConfig, params: Any, labels: ClassLabels) -> Axes:
    """Axes of the parameters of a network, a tree of arrays or shapes, whose classes have these labels."""
    frames, tokens = _channels(config, labels)
    found: dict[str, dict[int, Labels | None]] = {}
    shapes = {path: array.shape for path, array in flatten_dict(params, sep="/").items()}
    for path, axis, classes, place in _maps(config, labels, frames, tokens):
        for name in (name for name in shapes if name == path or name.startswith(f"{path}/")):
            if axis >= -len(shapes[name]):
                size = shapes[name][axis]
                end = size // 2 if place == _FIRST_HALF else size
                is_mixed = place == _MIXED
                found[name] = {axis: labels_together(size, classes) if is_mixed else axis_labels(size, classes, end)}
    return found


def _channels(config, labels: ClassLabels) -> tuple[Labels | None, Labels | None]:
    """Labels of the class channels of frames and of tokens."""
    if isinstance(config.classes, VerbNounClasses):
        verbs, nouns = labels.verbs, labels.nouns
        if verbs is None or nouns is None:
            return None, None
        return (*verbs, *nouns), (*verbs, "no verb", *nouns, "no noun")
    return labels.classes, None if labels.classes is None else (*labels.classes, "no action")


def _maps(config, labels, frames, tokens) -> Iterator[tuple[str, int, Labels | None, str]]:
    """(path of a map or one of its parameters, axis, labels of its class channels, where they are)."""
    yield from (("action_embed", -2, labels.classes, _END), ("verb_embed", -2, labels.verbs, _END))
    yield "noun_embed", -2, labels.nouns, _END
    for index, (letter, block) in enumerate(zip(config.blocks, config.block_configs, strict=True)):
        ours = f"block_{index}"
        inner = f"{ours}/segment_update" if letter in "IU" else ours
        yield f"{ours}/frame_branch/output", -1, frames, _END
        if block.action_branch == "gru":
            # The units of a recurrent network are the channels themselves: none can be exchanged alone.
            yield f"{inner}/action_branch", -1, tokens, _MIXED
        else:
            yield f"{inner}/action_branch/output", -1, tokens, _END
        if letter in "IU":
            yield f"{inner}/gru/input_kernel_0", -2, frames, _END
            yield f"{inner}/combine", -1, frames, _END
        if index == 0:
            for name in ("key", "value"):
                yield f"{inner}/action_branch/layers/cross_attention/{name}/kernel", -2, frames, _END
            continue
        for name, source, query in (("f2a", frames, tokens), ("a2f", tokens, frames)):
            yield f"{inner}/{name}/key/kernel", -2, source, _END
            yield f"{inner}/{name}/value/kernel", -2, source, _END
            yield f"{inner}/{name}/query/kernel", -2, query, _END
            # It reads the queries and, behind them, what they gathered.
            yield f"{inner}/{name}/out/kernel", -2, query, _FIRST_HALF
        if letter == "U":
            yield f"{ours}/merge/kernel", -2, frames, _END
