"""The configuration tree inside a FACT fixture as our settings."""

from collections.abc import Mapping
from typing import Any

from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses
from fact_jax.models.fact.config import BlockConfig, FactConfig, TimeMaskConfig, resolve_blocks
from fact_jax.models.fact.objective import FactLossConfig, automatic_null_weight
from fact_jax.models.fact.published_config import BLOCK_FIELDS, transcript_length
from fact_jax.models.fact.published_yaml import flatten


def model_config(published: Mapping[str, Any], classes: PlainClasses | VerbNounClasses) -> FactConfig:
    """Translates a published configuration tree (nested mapping) into a FactConfig for a dataset's classes."""
    fact, mask = published["FACT"], published["TM"]
    kinds = [_block_config(published[name]) for name in ("Bi", "Bu", "BU")]
    return FactConfig(
        blocks=fact["block"],
        block_configs=resolve_blocks(fact["block"], *kinds),
        classes=classes,
        num_tokens=fact["ntoken"],
        use_transcript=fact["trans"],
        frame_positions=fact["fpos"],
        channel_dropout_rate=fact["cmr"],
        frame_weight=fact["mwt"],
        time_mask=TimeMaskConfig(mask["m"] if mask["use"] else 0, mask["t"], mask["p"]),
        faformer="hid_dim" in published,
    )


def loss_config(
    published: Mapping[str, Any], background_ids, classes: PlainClasses | VerbNounClasses
) -> FactLossConfig:
    """Translates the published `Loss` node and resolves an automatic null weight (-1) as the published code does."""
    loss = published["Loss"]
    null_weight = loss["nullw"]
    if null_weight == -1:
        average = transcript_length(published.get("dataset", ""), loss["match"]) or published["average_transcript_len"]
        null_weight = automatic_null_weight(published["FACT"]["ntoken"], average, classes.null_weight_classes)
    return FactLossConfig(
        match=loss["match"],
        prob_cost=loss["pc"],
        overlap_cost=loss["a2fc"],
        background_weight=loss["bgw"],
        null_weight=null_weight,
        smoothing_weight=loss["sw"],
        background_ids=tuple(background_ids),
    )


def _block_config(node):
    node = flatten(node)
    return BlockConfig(**{ours: node[key] for key, ours in BLOCK_FIELDS.items() if node.get(key) is not None})
