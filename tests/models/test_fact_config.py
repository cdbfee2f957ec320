"""Settings of FACT: inheritance between blocks, and what is refused."""

import dataclasses

import pytest

from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.models.fact.config import BlockConfig, resolve_blocks
from fact_jax.types import UserError
from tests.models.fact_cases import VERB_NOUN, small_config

INPUT = BlockConfig(8, 0.1, "m", 6, 3, False, 1, "sca", 4, 2, 2, 6)


def test_update_blocks_inherit_from_the_input_block():
    resolved = resolve_blocks("iuU", INPUT, BlockConfig(frame_layers=5, action_branch="sa"), BlockConfig(frame_dim=7))
    assert resolved[1] == dataclasses.replace(INPUT, frame_layers=5, action_branch="sa")
    # The temporal block follows the update block, so it takes what that one has changed.
    assert resolved[2] == dataclasses.replace(resolved[1], frame_dim=7)


def test_temporal_block_inherits_from_the_input_block_when_no_update_block_comes_first():
    resolved = resolve_blocks("iUUu", INPUT, BlockConfig(), BlockConfig(frame_layers=9, segment_layers=2))
    assert resolved[1] == resolved[2] == dataclasses.replace(INPUT, frame_layers=9, segment_layers=2)
    # "u" comes after "U" and takes its depth; the layers of the GRU are a setting of their own kind.
    assert resolved[3] == dataclasses.replace(INPUT, frame_layers=9)


def test_blocks_of_one_kind_share_their_settings():
    resolved = resolve_blocks("iuUuU", INPUT, BlockConfig(frame_layers=1), BlockConfig(frame_layers=2))
    assert [block.frame_layers for block in resolved] == [3, 1, 2, 1, 2]


@pytest.mark.parametrize("blocks", ["", "i", "uU", "iuX", "iui", "IuU", "I", "U"])
def test_malformed_blocks_are_refused(blocks):
    with pytest.raises(UserError, match="model.blocks"):
        resolve_blocks(blocks, INPUT, BlockConfig(), BlockConfig())


def test_settings_that_nobody_gives_are_listed():
    with pytest.raises(UserError, match="input_block leaves hidden_dim, frame_branch open"):
        resolve_blocks("iu", dataclasses.replace(INPUT, hidden_dim=None, frame_branch=None), INPUT, INPUT)


@pytest.mark.parametrize(
    ("use_transcript", "change", "message"),
    [
        (False, {"frame_branch": "m3"}, "Did you mean 'm"),
        (False, {"frame_branch": "t"}, "'t' is the encoder of FAFormer: set model.name='faformer'"),
        (False, {"frame_branch": "m2", "frame_norm": True}, "no LayerNorm"),
        (False, {"hidden_dim": 4}, "at least 5"),
        (False, {"hidden_dim": 9}, "even"),
        (False, {"action_dim": 10}, "exceeds hidden_dim"),
        (False, {"action_heads": 3}, "no multiple of action_heads"),
        (False, {"frame_groups": 4}, "no multiple of frame_groups"),
        (False, {"action_branch": "sa"}, "takes 'sca', or with transcripts"),
        (False, {"action_branch": "gru_om"}, "use_transcript=True"),
        (False, {"hidden_dim": 10}, "exchange features of one width"),
        (False, {"action_dim": 6, "action_heads": 3}, "update_block.action_dim is 4; it must be at least"),
        (True, {"action_branch": "gru"}, "action_dim .4. must equal hidden_dim .8."),
        (True, {"action_branch": "gru_om", "action_dim": 5}, "needs it even"),
        (True, {"action_dim": 3, "action_heads": 1}, "with a transcript it must be even"),
    ],
)
def test_settings_that_cannot_work_are_refused(use_transcript, change, message):
    config = small_config(use_transcript=use_transcript)
    blocks = (dataclasses.replace(config.block_configs[0], **change), *config.block_configs[1:])
    with pytest.raises(UserError, match=message):
        dataclasses.replace(config, block_configs=blocks)


def test_encoders_that_cannot_work_are_refused():
    config = small_config("iu", "t", faformer=True)
    narrow = dataclasses.replace(config.block_configs[0], encoder_reduction=6)
    with pytest.raises(UserError, match="encoder_reduction 6 exceeds encoder_dim 5: no channel is left"):
        dataclasses.replace(config, block_configs=(narrow, *config.block_configs[1:]))
    with pytest.raises(UserError, match="input_block leaves encoder_dim open.*faformer_gtea.py has the published"):
        resolve_blocks("iu", dataclasses.replace(config.block_configs[0], encoder_dim=None), INPUT, INPUT)
    # What an encoder does not use is not looked at.
    odd = dataclasses.replace(config.block_configs[0], frame_groups=5, frame_norm=True)
    assert dataclasses.replace(config, block_configs=(odd, *config.block_configs[1:])).block_configs[0] == odd


def test_blocks_go_with_the_classes():
    with pytest.raises(UserError, match="'I' followed by one or more 'U'"):
        small_config("iuU", classes=VERB_NOUN)
    with pytest.raises(UserError, match="'i' followed by"):
        small_config("IU")
    with pytest.raises(UserError, match="hidden_dim is 8; it must be even and at least 10"):
        small_config("IU", classes=VerbNounClasses(4, 4, (0,), (1,)))


def test_learned_tokens_are_needed_without_a_transcript():
    with pytest.raises(UserError, match="num_tokens is 0"):
        dataclasses.replace(small_config(), num_tokens=0)
    assert dataclasses.replace(small_config(use_transcript=True), num_tokens=0).num_tokens == 0
