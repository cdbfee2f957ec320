"""Names and shapes of the published state dict, and its configuration tree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import fact_gtea, faformer_gtea
from fact_jax.models.fact import config as fact_config
from fact_jax.models.fact import published, published_config
from fact_jax.models.fact.classes import PlainClasses
from fact_jax.models.fact.network import Fact
from fact_jax.models.fact.objective import automatic_null_weight
from fact_jax.models.weights import state_dict
from tests.models import fact_cases as cases

# Some tensors of the published state dict, gtea configuration.
GTEA_SHAPES = {
    "action_query": (60, 1, 128),
    "block_list.0.frame_branch.conv_1x1.weight": (128, 2048, 1),
    "block_list.2.frame_branch.layers.9.conv_dilated.weight": (128, 128, 3),
    "block_list.1.frame_branch.conv_out.weight": (512, 128, 1),
    "block_list.0.action_branch.layers.5.self_attn.in_proj_weight": (384, 128),
    "block_list.0.action_branch.layers.0.multihead_attn.q_proj_weight": (128, 128),
    "block_list.0.action_branch.layers.0.multihead_attn.k_proj_weight": (128, 512),
    "block_list.0.action_branch.layers.3.linear1.weight": (512, 128),
    "block_list.0.action_branch.norm.weight": (128,),
    "block_list.2.action_branch.layers.0.multihead_attn.in_proj_weight": (384, 128),
    "block_list.2.f2a_layer.Y_W.weight": (128, 1024),
    "block_list.2.seg_update.weight_hh_l0_reverse": (768, 256),
    "block_list.2.sf_merge.0.weight": (128, 640),
}


# Of FAFormer, gtea configuration.
FAFORMER_GTEA_SHAPES = {
    "action_query": (60, 1, 128),
    "input_proj.weight": (512, 2048),
    "input_proj.bias": (512,),
    "block_list.0.frame_branch.encoder.conv_1x1.weight": (64, 512, 1),
    "block_list.2.frame_branch.encoder.conv_1x1.weight": (64, 128, 1),
    "block_list.1.frame_branch.encoder.layers.3.feed_forward.layer.0.weight": (64, 64, 3),
    "block_list.1.frame_branch.encoder.layers.0.att_layer.key_conv.weight": (32, 64, 1),
    "block_list.1.frame_branch.encoder.layers.0.att_layer.conv_out.weight": (64, 32, 1),
    "block_list.0.frame_branch.encoder.layers.2.conv_1x1.weight": (64, 64, 1),
    "block_list.0.frame_branch.conv_out.weight": (512, 64, 1),
    "block_list.0.action_branch.layers.5.multihead_attn.v_proj_weight": (128, 512),
    "block_list.0.action_branch.out_linear.weight": (512, 128),
    "block_list.2.sf_merge.0.weight": (128, 640),
}


@pytest.mark.parametrize(
    ("module", "expected", "count"),
    [(fact_gtea, GTEA_SHAPES, 10_418_176), (faformer_gtea, FAFORMER_GTEA_SHAPES, 9_480_384)],
    ids=["fact", "faformer"],
)
def test_gtea_has_the_published_names_and_shapes(module, expected, count):
    config = fact_config.from_settings(module.get_config().model, PlainClasses(11), "float32")
    shapes = jax.eval_shape(Fact(config).init, jax.random.key(0), jnp.zeros((1, 4, 2048)), jnp.ones((1, 4), bool))
    zeros = jax.tree.map(lambda x: np.broadcast_to(np.float32(0), x.shape), shapes["params"])
    tensors = state_dict.to_torch(published.links(config), zeros)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    assert expected.items() <= found.items()
    assert sum(tensor.size for tensor in tensors.values()) == count
    assert ("block_list.0.action_branch.norm.weight" in found) == (module is fact_gtea)


@pytest.mark.parametrize(
    "config",
    [
        cases.small_config("iuUU", "m"),
        cases.small_config("iuUU", "m2"),
        cases.small_config("iuU", action_branch="gru_om", use_transcript=True),
        cases.small_config("IUU", classes=cases.VERB_NOUN),
        cases.small_config("IU", classes=cases.VERB_NOUN, use_transcript=True),
        cases.small_config("iuU", "t", faformer=True),
        cases.small_config("iU", "t", faformer=True, use_transcript=True, update_branch="m2"),
    ],
    ids=["m", "m2", "gru", "verb_noun", "verb_noun_transcript", "faformer", "faformer_transcript"],
)
def test_state_dict_and_back_is_the_identity(config):
    params = cases.init_params(config)
    tensors = state_dict.to_torch(published.links(config), params)
    back = state_dict.to_flax(published.links(config), tensors, params)
    jax.tree.map(np.testing.assert_array_equal, params, back)


def test_automatic_null_weights_are_the_published_ones():
    for dataset, num_classes, expected in (("breakfast", 48, 0.023541), ("gtea", 11, 0.201275)):
        weight = automatic_null_weight(60, published_config.transcript_length(dataset, "o2o"), num_classes)
        assert weight == pytest.approx(expected, abs=1e-6)
