"""What a published state dict tells about the network it belongs to, from the names and shapes of its tensors.

The names are those of spec section 9 of FACT, and section 7 of FAFormer. Some settings leave no trace in a state dict:
attention heads, the weight of the attention in an encoder, dropout, the share of the frame branch in the prediction,
everything about the loss, and the names and, without transcripts, the number of classes.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fact_jax.models.fact import other_systems
from fact_jax.models.fact.config import KINDS
from fact_jax.types import UserError

FRAME_POSITIONS = "frame_pe.pe"
# Only FAFormer has these.
PROJECTION, ENCODER = "input_proj.weight", ".frame_branch.encoder."


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What could be inferred.

    Attributes:
      blocks: one letter per block: "i", "u", "U", or "I" for the input block of the verb/noun variant.
      block_settings: name of a kind of block in config.model -> {setting: value}, in the order in which the kinds
        first appear.
      model_settings: the other keys of config.model -> value; `frame_positions` only where the file tells.
      feature_dim: D.
      num_classes: C in transcript mode, where every class has an embedding; otherwise None.
      num_verbs, num_nouns: of the verb/noun variant in transcript mode; otherwise None.
    """

    blocks: str
    block_settings: dict[str, dict[str, Any]]
    model_settings: dict[str, Any]
    feature_dim: int
    num_classes: int | None = None
    num_verbs: int | None = None
    num_nouns: int | None = None

    @property
    def use_transcript(self):
        """Whether tokens come from the video's transcript."""
        return self.model_settings["use_transcript"]


def infer(tensors: Mapping[str, np.ndarray], path) -> Architecture:
    """Infers the architecture of a state dict of FACT or FAFormer.

    Args:
      tensors: name -> array.
      path: of the file, for messages.

    Raises:
      UserError: the tensors are of neither; says which system they belong to, or shows some names. Or a tensor that
        each of these networks has is missing or of a strange shape, or blocks of one kind differ.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    _check_system(shapes, path)
    reader = _Reader(shapes, path)
    count = reader.count("block_list.{}.")
    letters = "".join(_letter(reader, index) for index in range(count))
    settings: dict[str, dict[str, Any]] = {}
    for index, letter in enumerate(letters):
        found = _block(reader, index, letter)
        known = settings.setdefault(KINDS[letter], found)
        if known != found:
            names = ", ".join(name for name in known | found if known.get(name) != found.get(name))
            raise UserError(
                f"{path}: block {index} differs from an earlier block of the letter {letter!r} in {names}; expected "
                "one set of settings per letter."
            )
    model: dict[str, Any] = {"name": "faformer" if reader.faformer else "fact", "blocks": letters}
    classes: dict[str, int] = {}
    if "action_query" in shapes:
        model |= {"use_transcript": False, "num_tokens": reader.shape("action_query", 3)[0]}
    else:
        model["use_transcript"] = True
        classes = _embedded(reader, letters)
    if FRAME_POSITIONS in tensors:
        model["frame_positions"] = bool(np.any(tensors[FRAME_POSITIONS]))
    return Architecture(letters, settings, model, _feature_dim(reader), **classes)


def _check_system(shapes, path):
    if any(re.match(r"block_list\.\d+\.", name) for name in shapes):
        return
    size = sum(int(np.prod(shape)) for shape in shapes.values())
    held = f"It holds {len(shapes)} tensors with {size:,} numbers:\n" + "\n".join(
        f"  {name} {shape}" for name, shape in list(shapes.items())[:4]
    )
    held += "\n  ..." if len(shapes) > 4 else ""
    found = other_systems.describe(shapes)
    verdict = "This is not FACT or FAFormer"
    verdict += f": it is {found}" if found else ", nor another system known here"
    raise UserError(
        f"{path}: {verdict}.\n{held}\nA state dict of FACT has names such as action_query and "
        "block_list.0.frame_branch.conv_out.weight."
    )


class _Reader:
    """Shapes by name, with a clear message for what is missing."""

    def __init__(self, shapes, path):
        self._shapes, self._path = shapes, path
        self.faformer = PROJECTION in shapes or any(ENCODER in name for name in shapes)

    def has(self, name):
        return name in self._shapes

    def shape(self, name, rank):
        """Shape of a tensor that has to be there, with `rank` axes."""
        if name not in self._shapes:
            system = "FAFormer" if self.faformer else "FACT"
            raise UserError(f"{self._path}: {name} is missing, which every state dict of {system} has.")
        shape = self._shapes[name]
        if len(shape) != rank or 0 in shape:
            raise UserError(f"{self._path}: {name} has the shape {shape}; expected {rank} axes, none empty.")
        return shape

    def count(self, pattern):
        """How many numbers 0, 1, 2, ... in the place of {} begin a name."""
        before, after = map(re.escape, pattern.split("{}"))
        matches = (re.match(rf"{before}(\d+){after}", name) for name in self._shapes)
        numbers = {int(match[1]) for match in matches if match}
        if numbers != set(range(len(numbers))):
            raise UserError(f"{self._path}: {pattern} has the numbers {sorted(numbers)}; expected 0, 1, 2, ...")
        return len(numbers)


def _letter(reader, index):
    temporal = reader.has(f"block_list.{index}.seg_update.weight_ih_l0")
    if index == 0:
        return "I" if temporal else "i"
    return "U" if temporal else "u"


def _block(reader, index, letter):
    """All settings of a block that its tensors tell."""
    prefix = f"block_list.{index}."
    settings = _frame_branch(reader, index, f"{prefix}frame_branch.")
    settings |= _action_branch(reader, f"{prefix}action_branch.")
    if letter == "U":
        settings["segment_layers"] = reader.count(f"{prefix}seg_update.weight_ih_l{{}}")
    return settings


def _encoder(reader, index, prefix):
    first = f"{prefix}encoder.layers.0."
    dim, inputs, _ = reader.shape(f"{prefix}encoder.conv_1x1.weight", 3)
    settings = {
        "hidden_dim": reader.shape(f"{prefix}conv_out.weight", 3)[0],
        "frame_branch": "t",
        "encoder_layers": reader.count(f"{prefix}encoder.layers.{{}}.conv_1x1.weight"),
        "encoder_dim": dim,
        # Published as a divisor, rounded down: of several that give this width, the largest.
        "encoder_reduction": max(1, dim // reader.shape(f"{first}att_layer.query_conv.weight", 3)[0]),
    }
    # The first block reads the projected input, the others frame_dim channels.
    return settings | ({"frame_dim": inputs} if index else {})


def _frame_branch(reader, index, prefix):
    if reader.has(f"{prefix}encoder.conv_1x1.weight"):
        return _encoder(reader, index, prefix)
    hidden_dim, frame_dim, _ = reader.shape(f"{prefix}conv_out.weight", 3)
    plain = reader.count(f"{prefix}layers.{{}}.conv_dilated.weight")
    layers = plain or reader.count(f"{prefix}conv_dilated_1.{{}}.weight")
    first = f"{prefix}layers.0.conv_dilated.weight" if plain else f"{prefix}conv_dilated_1.0.weight"
    return {
        "hidden_dim": hidden_dim,
        "frame_branch": "m" if plain else "m2",
        "frame_dim": frame_dim,
        "frame_layers": layers,
        "frame_norm": reader.has(f"{prefix}layers.0.norm.weight"),
        "frame_groups": max(1, frame_dim // reader.shape(first, 3)[1]),
    }


def _action_branch(reader, prefix):
    if reader.has(f"{prefix}gru.weight_ih_l0"):
        return {
            "action_branch": "gru_om" if reader.has(f"{prefix}out_map.weight") else "gru",
            "action_dim": 2 * reader.shape(f"{prefix}gru.weight_hh_l0", 2)[1],
            "action_layers": reader.count(f"{prefix}gru.weight_ih_l{{}}"),
        }
    feed_forward_dim, action_dim = reader.shape(f"{prefix}layers.0.linear1.weight", 2)
    return {
        "action_branch": "sca" if reader.has(f"{prefix}layers.0.self_attn.in_proj_weight") else "sa",
        "action_dim": action_dim,
        "action_layers": reader.count(f"{prefix}layers.{{}}.linear1.weight"),
        "action_ff_dim": feed_forward_dim,
    }


def _embedded(reader, letters):
    """How many classes, or verbs and nouns, have an embedding."""
    if letters[0] == "I":
        names = {"num_verbs": "verb_embed.weight", "num_nouns": "noun_embed.weight"}
        return {key: reader.shape(name, 2)[0] for key, name in names.items()}
    return {"num_classes": reader.shape("action_embed.weight", 2)[0]}


def _feature_dim(reader):
    if reader.faformer:
        return reader.shape(PROJECTION, 2)[1]
    names = ["block_list.0.frame_branch.conv_1x1.weight", "block_list.0.frame_branch.conv_1x1_in.weight"]
    return reader.shape(next(filter(reader.has, names), names[0]), 3)[1]
