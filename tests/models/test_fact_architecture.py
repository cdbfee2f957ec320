"""The architecture of a state dict, and which system a state dict belongs to."""

import dataclasses

import jax
import numpy as np
import pytest

from fact_jax.models.fact import architecture, published
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses
from fact_jax.models.fact.config import BlockConfig, FactConfig, resolve_blocks
from fact_jax.models.fact.letters import KINDS
from fact_jax.models.weights import state_dict
from fact_jax.types import UserError
from tests.models import fact_cases as cases

COMMON = ("hidden_dim", "frame_branch", "action_branch", "action_dim", "action_layers", "action_ff_dim")
PLAIN = (*COMMON, "frame_dim", "frame_layers", "frame_norm", "frame_groups")
ENCODER = (*COMMON, "encoder_layers", "encoder_dim", "encoder_reduction")


def zeros_of(config, feature_dim=cases.FEATURE_DIM):
    """A state dict of the network's names and shapes that takes no memory."""
    shapes = cases.parameter_shapes(config, feature_dim)
    zeros = jax.tree.map(lambda x: np.broadcast_to(np.float32(0), x.shape), shapes)
    return state_dict.to_torch(published.links(config), zeros)


def make_config(blocks, update=None, use_transcript=False, faformer=False, **first):
    """A FactConfig whose input block has the given settings, with two layers of GRU over segments."""
    classes = VerbNounClasses(5, 7, (0, 4, 2), (6, 0, 0)) if blocks[0] == "I" else PlainClasses(4)
    sizes = dict(hidden_dim=16, frame_dim=12, frame_layers=3, action_dim=8, encoder_layers=3, encoder_dim=10)
    block = dataclasses.replace(cases.BLOCK, **(sizes | first))
    later = BlockConfig(action_branch="sa", action_layers=1, frame_layers=2, segment_layers=2)
    kinds = (block, dataclasses.replace(later, **(update or {})), later)
    blocks_given, num_tokens = resolve_blocks(blocks, *kinds), 0 if use_transcript else 9
    return FactConfig(blocks, blocks_given, classes, num_tokens, use_transcript=use_transcript, faformer=faformer)


def check(found, config, feature_dim):
    assert (found.blocks, found.feature_dim) == (config.blocks, feature_dim)
    name = "faformer" if config.faformer else "fact"
    expected = {"name": name, "blocks": config.blocks, "use_transcript": False, "num_tokens": config.num_tokens}
    assert found.model_settings == expected and found.num_classes is None
    for letter, block in zip(config.blocks, config.block_configs, strict=True):
        names = PLAIN
        if block.frame_branch == "t":
            names = ENCODER if letter == "i" else (*ENCODER, "frame_dim")
        names = (*names, "segment_layers") if letter == "U" else names
        assert found.block_settings[KINDS[letter]] == {name: getattr(block, name) for name in names}


@pytest.mark.parametrize(
    "config",
    [
        make_config("iuU"),
        make_config("iuUU", frame_branch="m2"),
        make_config("iUUU", frame_branch="m2", frame_groups=3, frame_dim=6),
        make_config("iuuU", frame_norm=True, frame_groups=4, action_dim=16),
        make_config("iu", update={"frame_layers": 5, "frame_branch": "m2", "action_layers": 3, "frame_dim": 8}),
        make_config("iuUU", faformer=True, frame_branch="t"),
        make_config(
            "iu",
            faformer=True,
            frame_branch="t",
            encoder_reduction=10,
            update={"encoder_dim": 7, "encoder_reduction": 7},
        ),
        make_config("iuU", faformer=True, frame_branch="m2", update={"frame_branch": "t", "encoder_layers": 1}),
    ],
    ids=lambda config: config.blocks,
)
def test_every_setting_with_a_trace_is_found(config):
    found = architecture.infer(zeros_of(config, feature_dim=7), "weights.pth")
    check(found, config, feature_dim=7)
    assert list(found.block_settings) == list(dict.fromkeys(KINDS[letter] for letter in config.blocks))


def test_frame_positions_are_known_where_the_buffer_is_there():
    tensors = zeros_of(make_config("iu"))
    for value in (0.0, 0.5):
        buffer = {architecture.FRAME_POSITIONS: np.full((10, 1, 16), value, np.float32)}
        found = architecture.infer(tensors | buffer, "weights.pth")
        assert found.model_settings["frame_positions"] == bool(value)


def test_divisors_that_give_one_width_are_the_same_network():
    # 11 // 4 and 11 // 5 are both 2.
    found = architecture.infer(
        zeros_of(make_config("iu", faformer=True, frame_branch="t", encoder_dim=11, encoder_reduction=4)), "weights.pth"
    )
    assert 11 // found.block_settings["input_block"]["encoder_reduction"] == 11 // 4


@pytest.mark.parametrize("kind", ["gru", "gru_om"])
def test_transcripts_and_recurrent_branches(kind):
    config = make_config("iu", use_transcript=True, action_branch=kind, action_dim=16 if kind == "gru" else 8)
    found = architecture.infer(zeros_of(config), "weights.pth")
    assert found.use_transcript and found.num_classes == 4 and "num_tokens" not in found.model_settings
    block = found.block_settings["input_block"]
    expected = config.block_configs[0]
    assert (block["action_branch"], block["action_dim"]) == (kind, expected.action_dim)
    assert block["action_layers"] == expected.action_layers
    assert "action_ff_dim" not in block and found.block_settings["update_block"]["action_branch"] == "sa"


@pytest.mark.parametrize("use_transcript", [False, True])
def test_verbs_and_nouns(use_transcript):
    found = architecture.infer(zeros_of(make_config("IU", use_transcript=use_transcript)), "weights.pth")
    assert found.blocks == "IU" and found.use_transcript == use_transcript and found.num_classes is None
    assert (found.num_verbs, found.num_nouns) == ((5, 7) if use_transcript else (None, None))
    assert "segment_layers" not in found.block_settings["input_block"]
    assert found.block_settings["temporal_block"]["segment_layers"] == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("input_proj.weight", "input_proj.weight is missing, which every state dict of FAFormer has"),
        ("block_list.0.frame_branch.encoder.layers.0.att_layer.query_conv.weight", "query_conv.weight is missing"),
        ("block_list.1.frame_branch.encoder.layers.0.conv_1x1.weight", r"has the numbers \[1, 2\]"),
    ],
)
def test_encoders_without_a_part(name, words):
    tensors = zeros_of(make_config("iuU", faformer=True, frame_branch="t"))
    del tensors[name]
    with pytest.raises(UserError, match=f"weights.pth: .*{words}"):
        architecture.infer(tensors, "weights.pth")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("block_list.0.frame_branch.conv_out.weight"), "conv_out.weight is missing"),
        (lambda t: t.pop("action_query"), "action_embed.weight is missing"),
        (lambda t: t.update({"action_query": np.zeros(3)}), r"action_query has the shape \(3,\); expected 3 axes"),
        (lambda t: t.update({"block_list.5.x": np.zeros(3)}), r"has the numbers \[0, 1, 2, 3, 5\]"),
        (
            lambda t: t.pop("block_list.3.frame_branch.layers.1.conv_dilated.weight"),
            "block 3 differs from an earlier block of the letter 'U' in frame_layers",
        ),
    ],
)
def test_state_dicts_of_no_network(change, words):
    tensors = zeros_of(make_config("iuUU"))
    change(tensors)
    with pytest.raises(UserError, match=f"weights.pth: .*{words}"):
        architecture.infer(tensors, "weights.pth")


def test_state_dicts_of_other_systems_are_not_taken_for_it():
    assert architecture.infer({"stage1.conv_1x1.weight": np.zeros((8, 20, 1))}, "weights.pth") is None
