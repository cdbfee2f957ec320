"""Which entries of FACT's parameters are of classes; that they are all of them is a slow test of app."""

import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from configs import fact_gtea, fact_gtea_transcript, fact_synthetic_verb_noun
from fact_jax.models.fact import class_channels
from fact_jax.models.weights.transfer import ClassLabels, transfer
from fact_jax.tasks.segmentation import systems
from fact_jax.types import VerbNouns
from tests.app.conversions import config_of

PAIRS = VerbNouns(("take", "put"), ("cup", "jar"), (0, 1), (0, 1))


def axes_of(module, shapes, labels, verb_nouns=None, **changes):
    small = {"hidden_dim": 10, "action_dim": 8} | changes
    config = config_of(module, **{f"model.input_block.{name}": value for name, value in small.items()})
    derived = {"class_names": ["pour", "stir"], "verb_nouns": None if verb_nouns is None else vars(verb_nouns)}
    tree = unflatten_dict({path: np.zeros(shape) for path, shape in shapes.items()}, sep="/")
    return class_channels.axes(systems.restore(config, derived).model, tree, labels)


def test_outputs_end_in_classes_and_inputs_of_later_blocks_read_them():
    labels = ClassLabels.of(("pour", "stir"))
    shapes = {
        "block_0/frame_branch/output/bias": (10,),
        "block_1/action_branch/output/kernel": (8, 10),
        "block_1/f2a/query/kernel": (10, 10),
        "block_1/f2a/out/kernel": (20, 8),
        "block_0/frame_branch/input/kernel": (7, 8),
        "block_1/f2a/query/bias": (10,),
    }
    found = axes_of(fact_gtea, shapes, labels)
    plain = [("channel", k) for k in range(20)]
    frames, tokens = list(labels.classes), [*labels.classes, "no action"]
    assert {path: {axis: list(names) for axis, names in axes.items()} for path, axes in found.items()} == {
        "block_0/frame_branch/output/bias": {-1: plain[:8] + frames},
        "block_1/action_branch/output/kernel": {-1: plain[:7] + tokens},
        "block_1/f2a/query/kernel": {-2: plain[:7] + tokens},
        # The queries, and behind them what they gathered.
        "block_1/f2a/out/kernel": {-2: plain[:7] + tokens + plain[10:]},
    }


def test_verbs_and_nouns_have_channels_of_their_own():
    labels = ClassLabels.of(("take,cup", "put,jar"), verb_nouns=PAIRS)
    shapes = {"block_0/segment_update/action_branch/output/bias": (10,), "block_1/merge/kernel": (18, 8)}
    found = axes_of(fact_synthetic_verb_noun, shapes, labels, PAIRS)
    verbs, nouns = [("verb", "take"), ("verb", "put")], [("noun", "cup"), ("noun", "jar")]
    tokens = found["block_0/segment_update/action_branch/output/bias"][-1]
    assert list(tokens[4:]) == [*verbs, "no verb", *nouns, "no noun"]
    assert list(found["block_1/merge/kernel"][-2][14:]) == verbs + nouns
    unknown = axes_of(fact_synthetic_verb_noun, shapes, ClassLabels.of(None), PAIRS)
    assert set(map(str, unknown.values())) == {"{-1: None}", "{-2: None}"}


@pytest.mark.parametrize("names", [("pour", "stir"), ("stir", "pour")])
def test_a_recurrent_branch_is_taken_for_the_same_classes_only(names):
    shapes = {"block_0/action_branch/norm/scale": (12,), "action_embed": (2, 8)}
    recurrent = {"hidden_dim": 12, "action_dim": 12, "action_branch": "gru"}
    config = {"module": fact_gtea_transcript, "shapes": shapes, **recurrent}
    found = [axes_of(labels=ClassLabels.of(own), **config) for own in (("pour", "stir"), names)]
    tree = {
        "block_0": {"action_branch": {"norm": {"scale": np.ones(12)}}},
        "action_embed": np.arange(16.0).reshape(2, 8),
    }
    done = transfer(tree, tree, *found)
    assert np.array_equal(done.tree["action_embed"], tree["action_embed"][[names.index("pour"), names.index("stir")]])
    assert ("block_0/action_branch/norm/scale" in done.whole) == (names == ("pour", "stir"))
