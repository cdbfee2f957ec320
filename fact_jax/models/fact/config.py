"""Settings of FACT and FAFormer, and the one place where blocks inherit from each other."""

import dataclasses
from typing import Any

from fact_jax.models.fact.classes import Classes, PlainClasses, VerbNounClasses
from fact_jax.models.fact.letters import KINDS, check_blocks
from fact_jax.types import UserError, check_choice

FRAME_BRANCHES = ("m", "m2", "t")
RECURRENT_BRANCHES = ("gru", "gru_om")
ACTION_BRANCHES = ("sca", "sa", *RECURRENT_BRANCHES)
DTYPES = ("float32", "bfloat16")
# No value of its own: taken from the block before.
INHERITED: Any = None


@dataclasses.dataclass(frozen=True)
class BlockConfig:
    """Settings of one kind of block (published `Bi`, `Bu`, `BU`); None means inherited.

    Attributes:
      hidden_dim: h, channels of the features that blocks exchange.
      dropout_rate: of every dropout in the block.
      frame_branch: "m" (MS-TCN), "m2" (MS-TCN++) or, in FAFormer, "t" (encoder).
      frame_dim, frame_layers, frame_norm, frame_groups: width, depth, LayerNorm and convolution groups of it; of "t",
        frame_dim is the width of what an update block hands to it, and the others mean nothing.
      encoder_layers, encoder_dim, encoder_reduction, encoder_attention, encoder_channel_dropout_rate: of "t" alone, see
        `fact_jax.layers.encoder.Encoder`; None with the other branches.
      action_branch: "sca" (self- and cross-attention), "sa" (self-attention), or a GRU over the transcript: "gru"
        (action_dim channels, equal to hidden_dim) or "gru_om" (with an output map to hidden_dim).
      action_dim, action_layers, action_heads, action_ff_dim: width, depth, heads, feed-forward width of it.
      segment_layers: layers of the GRU over segments; temporal blocks only (an "I" block always has two).
    """

    hidden_dim: int | Any = INHERITED
    dropout_rate: float | Any = INHERITED
    frame_branch: str | Any = INHERITED
    frame_dim: int | Any = INHERITED
    frame_layers: int | Any = INHERITED
    frame_norm: bool | Any = INHERITED
    frame_groups: int | Any = INHERITED
    action_branch: str | Any = INHERITED
    action_dim: int | Any = INHERITED
    action_layers: int | Any = INHERITED
    action_heads: int | Any = INHERITED
    action_ff_dim: int | Any = INHERITED
    segment_layers: int = 1
    encoder_layers: int | Any = INHERITED
    encoder_dim: int | Any = INHERITED
    encoder_reduction: int | Any = INHERITED
    encoder_attention: float | Any = INHERITED
    encoder_channel_dropout_rate: float | Any = INHERITED

    @property
    def open_settings(self):
        """Names of the settings that are None and may not be."""
        names = [f.name for f in dataclasses.fields(self) if getattr(self, f.name) is None]
        return [name for name in names if self.frame_branch == "t" or not name.startswith("encoder_")]


@dataclasses.dataclass(frozen=True)
class TimeMaskConfig:
    """Published `TM`: number of stretches, exclusive bound on their frames, bound as a fraction of the video."""

    count: int = 0
    max_frames: int = 30
    max_fraction: float = 0.05


@dataclasses.dataclass(frozen=True)
class FactConfig:
    """Everything that shapes the network.

    Attributes:
      blocks: one letter per block: "i" input, "I" input over segments (verbs and nouns), "u" update, "U" update over
        segments.
      block_configs: resolved settings, one per letter.
      classes: PlainClasses or VerbNounClasses.
      num_tokens: M, learned action queries; not used with transcripts.
      use_transcript: tokens are the actions of the video's transcript instead of learned queries.
      frame_positions: add sinusoidal positions to frames used as attention keys.
      channel_dropout_rate: published `cmr`, on the input features in training.
      frame_weight: published `mwt`, weight of the frame branch when the two branches vote.
      soft_vote: all tokens vote on a frame, by its attention to them, instead of the one it attends to most.
      segment_buckets: padded sizes tried for the predicted segments before falling back to T.
      time_mask: stretches of the input zeroed in training.
      remat: keep the inputs and outputs of the blocks only for the gradient and compute their insides again.
      dtype: "float32" or "bfloat16", of the products that do not lead straight to class probabilities.
      faformer: FAFormer instead of FACT: the input is projected to hidden_dim before anything else, the decoder of the
        first block has no last norm and an attention dropout of its own, and frame branch "t" is there.
      ignore_positions: nothing is added to queries and keys, as in published FAFormer, where all learned tokens are
        equal for it.
    """

    blocks: str
    block_configs: tuple[BlockConfig, ...]
    classes: Classes
    num_tokens: int
    use_transcript: bool = False
    frame_positions: bool = False
    channel_dropout_rate: float = 0.0
    frame_weight: float = 0.1
    segment_buckets: tuple[int, ...] = (128, 1024)
    time_mask: TimeMaskConfig = TimeMaskConfig()
    remat: bool = False
    dtype: str = "float32"
    faformer: bool = False
    ignore_positions: bool = False
    soft_vote: bool = False

    def __post_init__(self):
        check_blocks(self.blocks, isinstance(self.classes, VerbNounClasses))
        if self.num_tokens < 1 and not self.use_transcript:
            raise UserError(f"model.num_tokens is {self.num_tokens}; expected at least 1 without a transcript.")
        if len(self.block_configs) != len(self.blocks):
            raise ValueError(f"{len(self.block_configs)} block settings for the blocks {self.blocks!r}")
        first = self.block_configs[0]
        problems = [
            problem
            for letter, block in zip(self.blocks, self.block_configs, strict=True)
            for problem in _block_problems(KINDS[letter], block, first, self)
        ]
        if problems:
            raise UserError("\n".join(dict.fromkeys(problems)))

    @property
    def widths(self):
        """Channels of the features that blocks exchange, and of the tokens of the first block."""
        return self.block_configs[0].hidden_dim, self.block_configs[0].action_dim

    @property
    def num_classes(self) -> int:
        return self.classes.num_classes


def resolve_blocks(
    blocks: str, input_block: BlockConfig, update_block: BlockConfig, temporal_block: BlockConfig
) -> tuple[BlockConfig, ...]:
    """Fills inherited settings and returns one BlockConfig per letter of `blocks`.

    As published: walking through the letters, the first "u" takes every setting it leaves open (None) from the kind
    of block that came before it, and so does the first "U". All "u" have one BlockConfig, and so do all "U":
    "iuUU" gives input -> update -> temporal, "iUUU" gives input -> temporal.
    """
    check_blocks(blocks)
    settings = {"i": input_block, "I": input_block, "u": update_block, "U": temporal_block}
    reference = input_block
    for letter in blocks[1:]:
        own = {name: value for name, value in vars(settings[letter]).items() if value is not INHERITED}
        settings[letter] = reference = dataclasses.replace(reference, **own)
    for letter, names in KINDS.items():
        missing = settings[letter].open_settings
        if letter in blocks and missing:
            message = f"model.{names} leaves {', '.join(missing)} open and no block before it sets them."
            if any(name.startswith("encoder_") for name in missing):
                message += " configs/faformer_gtea.py has the published values of the encoder."
            raise UserError(message)
    return tuple(settings[letter] for letter in blocks)


def _block_problems(kind, block, first, config):
    """What is wrong with the settings of a block."""
    yield from _frame_branch_problems(f"model.{kind}", block, config.faformer)
    yield from _action_branch_problems(kind, block, config.use_transcript)
    channels = sum(config.classes.token_parts)
    if block.hidden_dim < channels or block.hidden_dim % 2:
        yield (
            f"model.{kind}.hidden_dim is {block.hidden_dim}; it must be even and at least {channels}, the class "
            "channels of a token: the number of classes (or of verbs and of nouns) plus one for no action."
        )
    if block.action_dim > block.hidden_dim:
        yield f"model.{kind}.action_dim {block.action_dim} exceeds hidden_dim {block.hidden_dim}."
    if block.action_branch not in RECURRENT_BRANCHES and block.action_dim % block.action_heads:
        yield f"model.{kind}.action_dim {block.action_dim} is no multiple of action_heads {block.action_heads}."
    if block.hidden_dim != first.hidden_dim:
        yield (
            f"model.{kind}.hidden_dim is {block.hidden_dim}, model.input_block.hidden_dim is {first.hidden_dim}: all "
            "blocks exchange features of one width."
        )
    if config.use_transcript and first.action_dim % 2:
        yield (
            f"model.input_block.action_dim is {first.action_dim}; with a transcript it must be even, for the positions "
            "of its actions."
        )
    if block.action_dim < first.action_dim:
        yield (
            f"model.{kind}.action_dim is {block.action_dim}; it must be at least model.input_block.action_dim "
            f"({first.action_dim}), the width of the token positions."
        )


def _frame_branch_problems(where, block, faformer):
    branch = check_choice(f"{where}.frame_branch", block.frame_branch, FRAME_BRANCHES)
    if branch == "t":
        if not faformer:
            needed = "set model.name='faformer', or take 'm' or 'm2'"
            yield f"{where}.frame_branch 't' is the encoder of FAFormer: {needed}."
        if block.encoder_reduction > block.encoder_dim:
            yield (
                f"{where}.encoder_reduction {block.encoder_reduction} exceeds encoder_dim {block.encoder_dim}: no "
                "channel is left for the attention."
            )
        return
    if branch == "m2" and block.frame_norm:
        yield f"{where}: frame_branch 'm2' has no LayerNorm; set frame_norm=False or frame_branch='m'."
    if block.frame_dim % block.frame_groups:
        yield f"{where}.frame_dim {block.frame_dim} is no multiple of frame_groups {block.frame_groups}."


def _action_branch_problems(kind, block, use_transcript):
    branch = check_choice(f"model.{kind}.action_branch", block.action_branch, ACTION_BRANCHES)
    expected = "sca" if kind == "input_block" else "sa"
    if branch not in (expected, *RECURRENT_BRANCHES):
        others = f"{expected!r}, or with transcripts 'gru' and 'gru_om'"
        yield f"model.{kind}.action_branch is {branch!r}; {kind} takes {others} only."
    if branch in RECURRENT_BRANCHES and not use_transcript:
        yield (
            f"model.{kind}.action_branch is {branch!r}, which reads a transcript in order: set "
            "model.use_transcript=True, or another branch."
        )
    if branch in RECURRENT_BRANCHES and block.action_dim % 2:
        yield f"model.{kind}.action_dim is {block.action_dim}; a GRU in two directions needs it even."
    if branch == "gru" and block.action_dim != block.hidden_dim:
        yield (
            f"model.{kind}: branch 'gru' has no output map, so action_dim ({block.action_dim}) must equal hidden_dim "
            f"({block.hidden_dim}); 'gru_om' has one."
        )


def from_settings(model: Any, classes: Classes, dtype: str) -> FactConfig:
    """Builds a FactConfig from the `model` part of a run's config and its `dtype`.

    UserError: settings are missing, or contradict each other.
    """
    _check_names(model)
    kinds = [BlockConfig(**dict(model[name])) for name in dict.fromkeys(KINDS.values())]
    names = "num_tokens", "use_transcript", "frame_positions", "channel_dropout_rate", "frame_weight"
    return FactConfig(
        blocks=model["blocks"],
        block_configs=resolve_blocks(model["blocks"], *kinds),
        classes=classes,
        **{name: model[name] for name in names},
        segment_buckets=tuple(model["segment_buckets"]),
        time_mask=TimeMaskConfig(**dict(model["time_mask"])),
        remat=model.get("remat", False),  # younger than some recorded runs
        dtype=check_choice("config.dtype", dtype, DTYPES),
        faformer=model["name"] == "faformer",
        ignore_positions=model.get("ignore_positions", False),
        soft_vote=model.get("soft_vote", False),
    )


def check_settings(model: Any, dtype: str) -> None:
    """Raises UserError as `from_settings`, as far as it can be told without the classes of a dataset."""
    _check_names(model)
    pairs = str(model["blocks"]).startswith("I")
    from_settings(model, VerbNounClasses(1, 1, (0,), (0,)) if pairs else PlainClasses(1), dtype)


def _check_names(model):
    """Raises UserError where `model` has not the settings of FACT."""
    wanted = {"blocks", "num_tokens", "use_transcript", "frame_positions", "channel_dropout_rate", "frame_weight"}
    wanted |= {"segment_buckets", "time_mask", *KINDS.values()}
    lacking = sorted(wanted - set(model))
    if lacking:
        others = sorted(set(model) - wanted - {"name", "remat", "ignore_positions", "soft_vote"})
        problems = [f"config.model lacks {name}" for name in lacking] + [f"config.model has {name}" for name in others]
        raise UserError(
            f"These settings are not those of FACT and FAFormer: {', '.join(problems)}. They have "
            f"{', '.join(sorted(wanted))}; take one of their own configs."
        )
