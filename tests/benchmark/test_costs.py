"""Multiply-adds against the published sizes."""

import dataclasses

import jax
import pytest
from flax.traverse_util import flatten_dict

from configs import carl_pouring, fact_breakfast, fact_egoprocel, fact_gtea, faformer_gtea
from fact_jax.benchmark import costs
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.fact import config as fact_config
from fact_jax.models.fact.classes import PlainClasses
from fact_jax.tasks.representation import systems

# Millions of multiply-adds per frame, per predicted segment and per video, of all blocks together.
PUBLISHED = {fact_breakfast: (91.98, 5.75, 1370), fact_gtea: (4.426, 2.48, 235), fact_egoprocel: (24.80, 8.70, 2019)}


def model_of(module):
    config = module.get_config()
    return dataclasses.asdict(fact_config.from_settings(config.model, PlainClasses(11), config.dtype))


@pytest.mark.parametrize("module", PUBLISHED, ids=lambda module: module.__name__)
def test_multiply_adds_are_the_published_ones(module):
    rows = costs.multiply_adds(model_of(module), 2048)
    found = [sum(column) / 1e6 for column in zip(*rows, strict=True)]
    assert found == pytest.approx(PUBLISHED[module], rel=0.01)


def test_multiply_adds_of_faformer():
    rows = costs.multiply_adds(model_of(faformer_gtea), 2048)
    # FAFormer as published: millions of operations per frame of a video of 1024 frames, of the blocks "i" and "u".
    found = [2 * (frame + video / 1024) / 1e6 for frame, _, video in rows[:2]]
    assert found == pytest.approx([2.10 + 2.27, 2.50], rel=0.005)


def test_flops_add_up_over_videos_blocks_and_segments():
    model = model_of(fact_breakfast)
    frames, segments, video = (sum(column) for column in zip(*costs.multiply_adds(model, 2048), strict=True))
    one = costs.forward_flops(model, 2048, [1000], [[30, 30]])
    assert one == pytest.approx(2 * (1000 * frames + 30 * segments + video))
    both = costs.forward_flops(model, 2048, [1000, 10], [[30, 30], [1, 2]])
    assert both > one + 2 * 10 * frames
    assert both - one == pytest.approx(costs.forward_flops(model, 2048, [10], [[1, 2]]))


def test_multiply_adds_of_carl_are_the_published_ones():
    task = systems.build(carl_pouring.get_config(), num_classes=1)
    shapes = jax.eval_shape(lambda key: task.init(key, {}), jax.random.key(0))["params"]
    paths = {path: leaf.shape for path, leaf in flatten_dict(shapes, sep="/").items()}
    frozen, others = costs.clip_flops(task.model, paths, 224)
    # In billions, of a frame of 224 pixels: the first three stages; the last one and the embedder of 240 frames.
    assert frozen / 2e9 == pytest.approx(3.278, abs=0.001)
    assert others / 2e9 == pytest.approx(0.809 + 0.0033, abs=0.001)


def test_multiply_adds_of_cast_are_the_published_ones():
    """The paper says 391 G for a clip. A counter that misses the attention products of CLIP finds 5.7 G less."""
    both = costs.expert_flops(CASTConfig())
    assert both / 2e9 == pytest.approx(390.5, abs=0.01)
    attention = 12 * (8 * 197) * 2 * 197 * 768
    assert both / 2e9 - attention / 1e9 == pytest.approx(384.8, abs=0.05)
    plain = costs.expert_flops(CASTConfig(experts="videomae", adapters=False))
    # VideoMAE's paper: 180 G for 16 frames of 224 pixels.
    assert plain / 2e9 == pytest.approx(180, abs=1)
