"""Videos are computed at fewer frames than they are padded to as published: the numbers inside are the same."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fact_jax.models.actionformer.candidates import candidates
from fact_jax.models.actionformer.config import LEAST_STEP, LENGTHS, ActionFormerConfig
from tests.models.actionformer_cases import make_batch, tiny_config, tiny_params, tiny_task

# What a network sees behind a video hangs on each of these.
NETWORKS = {
    "positions and attention to all": {"head_layers": 3, "stem_layers": 2},
    "levels added up, wide kernels": {
        "neck": "fpn",
        "embedding_kernel": 5,
        "head_kernel": 7,
        "relative_positions": True,
        "window_sizes": (5, 5, 5),
    },
}
OTHERS = {
    "convolutions alone": {"backbone": "conv", "embedding_norm": False, "neck_norm": False, "head_norm": False},
    "levels added up, the finest left out": {"neck": "fpn", "first_level": 1, "regression_ranges": ((0, 6), (5, 99))},
    "steps of four": {"scale_factor": 4, "window_sizes": (5, -1, -1), "embedding_layers": 2},
    "no blocks": {"stem_layers": 0, "branch_layers": 0, "window_sizes": (5,), "regression_ranges": ((0, 99),)},
}
FRAMES = 64  # of the published length


@functools.cache
def network(name):
    """(task, parameters, compiled outputs and candidates of a batch)."""
    task = tiny_task(**(NETWORKS | OTHERS)[name], max_frames=FRAMES)

    def both(params, batch):
        outputs = task.outputs(params, batch)
        return outputs, candidates(task.model, task.candidate_config, outputs, batch["features"].shape[1])

    return task, tiny_params(task), jax.jit(both)


def found_in(name, lengths, padded):
    """For each video: (logits, offsets) of its own points, and its candidates."""
    task, params, both = network(name)
    batch = make_batch(lengths, frames=padded)
    outputs, chosen = jax.device_get(both(params, {key: batch[key] for key in task.predict_keys}))
    return [
        (
            (outputs.logits[row][outputs.mask[row]], outputs.offsets[row][outputs.mask[row]]),
            {part: values[row][chosen["valid"][row]] for part, values in chosen.items()},
        )
        for row in range(len(lengths))
    ]


def assert_same(first, second):
    for (one, chosen), (other, others) in zip(first, second, strict=True):
        for ours, theirs in zip(one, other, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(chosen["labels"], others["labels"])
        for part in ("segments", "scores"):
            np.testing.assert_allclose(chosen[part], others[part], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_numbers_inside_are_those_of_the_published_length(name):
    model = network(name)[0].model
    length = model.exact_length(13)
    full = found_in(name, (13, 9, 3), FRAMES)
    assert length < FRAMES and len(full[0][0][0]) > 4
    assert_same(found_in(name, (13, 9, 3), length), full)
    assert {model.exact_length(FRAMES - less) for less in range(model.strides[-1])} == {FRAMES}


def test_what_lies_behind_a_video_is_seen():
    name = "positions and attention to all"
    length = network(name)[0].model.exact_length(13)
    shorter, longer = (found_in(name, (length, 9, 3), padded)[0] for padded in (length, FRAMES))
    assert np.abs(shorter[0][0] - longer[0][0]).max() > 1e-3


on_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="other devices compute the published lengths")


@on_cpu
@given(
    num_frames=st.integers(1, 6000),
    max_frames=st.sampled_from((64, 192, 1024, 2304, 2880)),
    levels=st.integers(1, 5),
    kernel=st.sampled_from((3, 5)),
)
@example(num_frames=2304, max_frames=2304, levels=5, kernel=3)
@example(num_frames=2273, max_frames=2304, levels=5, kernel=3)
@example(num_frames=256, max_frames=2304, levels=5, kernel=3)
@example(num_frames=257, max_frames=2304, levels=5, kernel=3)
def test_lengths_are_few_and_long_enough(num_frames, max_frames, levels, kernel):
    config = ActionFormerConfig(
        3,
        max_frames,
        branch_layers=levels,
        window_sizes=(-1,) * (levels + 1),
        regression_ranges=((0, 9),) * (levels + 1),
        head_kernel=kernel,
    )
    length = config.computed_length(num_frames)
    assert num_frames <= config.exact_length(num_frames) <= length <= config.padded_length(num_frames)
    assert length % config.strides[-1] == 0
    if length < config.padded_length(num_frames):
        assert length >= num_frames + (kernel // 2) * config.strides[-1]
    if num_frames <= max_frames:
        known = {config.computed_length(frames) for frames in range(1, max_frames + 1, 29)} | {length}
        assert len(known) <= min(LENGTHS, max(1, max_frames // LEAST_STEP))


@on_cpu
def test_lengths_of_the_published_networks():
    thumos = ActionFormerConfig(20, 2304, window_sizes=(19,) * 6)
    lengths = [thumos.computed_length(frames) for frames in (1, 256, 257, 2000, 2304, 2305, 3000)]
    assert lengths == [288, 288, 576, 2304, 2304, 2880, 3456]
    assert {tiny_config(max_frames=192).computed_length(frames) for frames in (1, 100, 192)} == {192}


def test_an_accelerator_computes_the_published_lengths(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    thumos = ActionFormerConfig(20, 2304, window_sizes=(19,) * 6)
    assert [thumos.computed_length(frames) for frames in (1, 2304, 2305)] == [2304, 2304, 2880]
