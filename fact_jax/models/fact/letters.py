"""The letters of model.blocks, and which rows of them there are; imports no jax."""

from fact_jax.types import UserError

# Letter -> the settings of that kind of block.
KINDS = {"i": "input_block", "I": "input_block", "u": "update_block", "U": "temporal_block"}


def check_blocks(blocks: str, verb_noun: bool | None = None) -> None:
    """Raises UserError unless `blocks` is "i" and then "u" and "U", or, for verbs and nouns, "I" and then "U".

    `verb_noun`: whether classes are pairs of a verb and a noun; None: not known, either will do.
    """
    if verb_noun is None:
        verb_noun = blocks.startswith("I")
    first, others = ("I", "U") if verb_noun else ("i", "uU")
    if len(blocks) < 2 or blocks[0] != first or set(blocks[1:]) - set(others):
        example = "'I' followed by one or more 'U', such as 'IUUU' (the classes are pairs of a verb and a noun)"
        if not verb_noun:
            example = "'i' followed by one or more of 'u' and 'U', such as 'iuUU'"
        raise UserError(
            f"config.model.blocks is {blocks!r}; expected {example}. The last block must exchange information between "
            "frames and actions, or nothing can be matched or decoded."
        )
