"""What a published state dict tells about the network it belongs to, from the names and shapes of its tensors.

The names are those of `fact_jax.models.fact.published`. Some settings leave no trace in a state dict:
attention heads, the weight of the attention in an encoder, dropout, the share of the frame branch in the prediction,
everything about the loss, and the names and, without transcripts, the number of classes.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fact_jax.models.fact.letters import KINDS
from fact_jax.models.fact.published import BUFFERS
from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.shape_reader import ShapeReader, check_count
from fact_jax.types import UserError, VerbNouns

FRAME_POSITIONS = "frame_pe.pe"
# Settings that shape predictions and leave no trace in a state dict.
UNTOLD = {
    "model.input_block.action_heads": "attention heads",
    "model.update_block.action_heads": "attention heads",
    "model.temporal_block.action_heads": "attention heads",
    "model.input_block.encoder_attention": "weight of the attention",
    "model.update_block.encoder_attention": "weight of the attention",
    "model.temporal_block.encoder_attention": "weight of the attention",
    "model.ignore_positions": "whether positions are added to queries and keys",
    "model.frame_positions": "positions of the frames",
    "model.frame_weight": "share of the frame branch in the prediction",
    "model.soft_vote": "whether all tokens vote",
}
# Only FAFormer has these.
PROJECTION, ENCODER = "input_proj.weight", ".frame_branch.encoder."


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferredFact(InferredNetwork):
    """The same of FACT or FAFormer.

    `num_classes` is known in transcript mode alone, where every class has an embedding; `model_settings` has
    `frame_positions` only where the file tells.

    Attributes:
      blocks: one letter per block: "i", "u", "U", or "I" for the input block of the verb/noun variant.
      block_settings: name of a kind of block in config.model -> {setting: value}, in the order in which the kinds
        first appear.
      num_verbs, num_nouns: of the verb/noun variant in transcript mode; otherwise None.
    """

    blocks: str
    block_settings: Mapping[str, Mapping[str, Any]]
    num_verbs: int | None = None
    num_nouns: int | None = None

    @property
    def systems(self):
        """Both: the file says which of the two it is."""
        return ("fact", "faformer")

    @property
    def use_transcript(self):
        """Whether tokens come from the video's transcript."""
        return self.model_settings["use_transcript"]

    @property
    def buffers(self):
        return [name for name in BUFFERS if name in self.tensors]

    def check_classes(self, class_names, verb_nouns, path):
        """See the base; pairs of verbs and nouns need blocks of their own."""
        if (self.blocks[0] == "I") != (verb_nouns is not None):
            kinds = ("plain classes", "classes that are pairs of a verb and a noun")
            theirs, ours = kinds[::-1] if verb_nouns is None else kinds
            raise UserError(
                f"{path} is of a network with {theirs} (blocks {self.blocks}), the dataset has {ours}. See "
                "config.data.verb_mapping_file and noun_mapping_file."
            )
        check_count(path, "classes", self.num_classes, class_names)
        if verb_nouns is not None:
            check_count(path, "verbs", self.num_verbs, verb_nouns.verbs)
            check_count(path, "nouns", self.num_nouns, verb_nouns.nouns)

    def example_verb_nouns(self):
        """See the base: for the blocks that need them."""
        if self.blocks[0] != "I":
            return None
        return VerbNouns(("",) * (self.num_verbs or 1), ("",) * (self.num_nouns or 1), (0,), (0,))

    def lines(self):
        """Lines about the network, for people."""
        tokens = "tokens from transcripts" if self.use_transcript else f"{self.model_settings['num_tokens']} tokens"
        yield f"inferred: {self.title}, blocks {self.blocks}, {tokens}, {self.feature_dim} input channels"
        before: dict[str, Any] = {}
        for kind, settings in self.block_settings.items():
            own = [f"{name} {value}" for name, value in settings.items() if before.get(name) != value]
            yield f"  {kind}: {', '.join(own) or 'nothing'}" + (", the rest as in the block before" if before else "")
            before = settings

    def untold(self):
        """Those of the open settings that mean something in this network."""
        return {key: what for key, what in UNTOLD.items() if self._means_something(*key.rpartition(".")[::2])}

    def wanted(self, model):
        """See the base. A block leaves open what it takes from the block before it; where that is right it stays so."""
        yield from super().wanted(model)
        inherited: dict[str, Any] = {}
        for kind, settings in self.block_settings.items():
            for name, value in settings.items():
                own = model[kind][name]
                yield f"model.{kind}.{name}", value, inherited.get(name) if own is None else own
            given = {name: value for name, value in model[kind].items() if value is not None}
            inherited = {**inherited, **given, **settings}

    def consequences(self):
        """Tokens of transcripts are matched in their order."""
        return {"loss.match": "seq"} if self.use_transcript else {}

    def _means_something(self, group, name):
        kind = group.removeprefix("model.")
        if name == "encoder_attention":
            return self.block_settings.get(kind, {}).get("frame_branch") == "t"
        if name == "ignore_positions":
            return self.model_settings["name"] == "faformer"
        if name == "frame_positions":
            return name not in self.model_settings
        return not kind.endswith("_block") or kind in self.block_settings


def infer(tensors: Mapping[str, np.ndarray], path) -> InferredFact | None:
    """What a state dict tells; None for one of another system than FACT and FAFormer.

    Errors are those of `ShapeReader`, and a UserError where blocks of one kind differ.
    """
    if not any(re.match(r"block_list\.\d+\.", name) for name in tensors):
        return None
    faformer = PROJECTION in tensors or any(ENCODER in name for name in tensors)
    reader = ShapeReader(tensors, path, "FAFormer" if faformer else "FACT")
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
    model: dict[str, Any] = {"name": "faformer" if faformer else "fact", "blocks": letters}
    classes: dict[str, Any] = {}
    if "action_query" in tensors:
        model |= {"use_transcript": False, "num_tokens": reader.shape("action_query", 3)[0]}
    else:
        model["use_transcript"] = True
        classes = _embedded(reader, letters)
    if FRAME_POSITIONS in tensors:
        model["frame_positions"] = bool(np.any(tensors[FRAME_POSITIONS]))
    return InferredFact(
        title=reader.system,
        model_settings=model,
        feature_dim=_feature_dim(reader),
        tensors=tensors,
        blocks=letters,
        block_settings=settings,
        **classes,
    )


def _letter(reader, index):
    letter = "u" if index else "i"
    return letter.upper() if reader.has(f"block_list.{index}.seg_update.weight_ih_l0") else letter


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
    if reader.system == "FAFormer":
        return reader.shape(PROJECTION, 2)[1]
    names = ["block_list.0.frame_branch.conv_1x1.weight", "block_list.0.frame_branch.conv_1x1_in.weight"]
    return reader.shape(next(filter(reader.has, names), names[0]), 3)[1]
