"""What a representation run lacks is told: weights that its frozen parts need, and scores that can have no number."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import carl_conv_pouring, carl_custom, carl_k400, carl_pouring, carl_synthetic
from data_pipelines.representation.opening import PhasedVideo, RepresentationSources
from fact_jax.app.runs.representation_warnings import drawn_backbone, lacking_scores
from fact_jax.metrics.base import merge_states
from fact_jax.tasks.representation.evaluation import metric_of
from tests.overrides import override

TASKS = {"classification": "Classification@1", "tau": "Tau", "retrieval": "AP@5"}


@dataclasses.dataclass(frozen=True)
class Frames:
    """A video of so many frames."""

    count: int

    def __len__(self):
        return self.count


def changed(source, **overrides):
    config = source.get_config().copy_and_resolve_references()
    with config.unlocked():
        override(config, overrides)
    return config


def sources_of(train, test, num_phases=2):
    """Labels of every video, or its number of frames."""

    def entries(subset, videos):
        return tuple(
            PhasedVideo(f"{subset}{place}", Frames(v), None)
            if isinstance(v, int)
            else PhasedVideo(f"{subset}{place}", Frames(len(v)), np.array(v, np.int32))
            for place, v in enumerate(videos)
        )

    phases = tuple(f"phase {number}" for number in range(num_phases))
    train = entries("train", train)
    return RepresentationSources(train, entries("test", test), train, ("mine",), (phases,))


@pytest.mark.parametrize("source", [carl_pouring, carl_k400, carl_custom])
def test_a_frozen_resnet_that_has_learned_nothing_is_told(source):
    told = drawn_backbone(changed(source))
    assert "without --init_from: the stem and the first 3 stages of the ResNet stay as they are drawn, and" in told
    assert "resnet50-0676ba61.pth" in told and "BYOL" in told


def test_what_is_trained_or_small_needs_no_file():
    assert drawn_backbone(changed(carl_conv_pouring)) == drawn_backbone(changed(carl_synthetic)) == ""
    assert "drawn but for the normalisations" in drawn_backbone(
        changed(carl_conv_pouring, model__train_backbone="norms")
    )
    small = drawn_backbone(changed(carl_pouring, model__stage_blocks=(0, 0, 1, 1), model__backbone_stages=2))
    assert "the stem of the ResNet stay" in small and "No ResNet-50 of others is of this size" in small
    assert "--init_from FILE" not in small


LABELS = st.one_of(st.integers(1, 4), st.lists(st.integers(-1, 1), min_size=1, max_size=5))


@settings(max_examples=12, deadline=None)
@given(st.lists(LABELS, min_size=1, max_size=3), st.lists(LABELS, min_size=1, max_size=3), st.integers(1, 3))
def test_scores_are_told_to_have_no_number_where_they_have_none(train, test, stride):
    config = changed(carl_custom, eval__stride=stride, eval__tasks=tuple(TASKS), eval__retrieval_sizes=(5,))
    sources = sources_of(train, test)
    metric, rng = metric_of(config, sources.groups, sources.phases), np.random.default_rng(0)
    states = [
        metric.from_video(v.video_id, subset, place, rng.normal(size=(len(v.video), 3)), v.labels)
        for subset in ("train", "test")
        for place, v in enumerate(getattr(sources, subset))
    ]
    scores = merge_states(states, metric.empty()).compute()
    lines = "\n".join(lacking_scores(config, sources))
    for task, name in TASKS.items():
        told, is_lacking = f"so {task} has no number" in lines, math.isnan(scores[name])
        # The nearest frames of all frames may be one, which the videos do not tell.
        assert told == is_lacking or (task == "tau" and is_lacking), (name, scores[name], lines)
    assert ("select_metric is 'Tau', which has no number here" in lines) == ("so tau has no number" in lines)


def test_one_phase_tells_nothing_apart():
    config = changed(carl_custom)
    assert lacking_scores(config, sources_of([[0, 0]], [[0, 0], [0, 0]], 1)) == [
        "mine: there is one phase, so progress has no number",
        "mine: there is one phase, so every classification is right",
    ]
    assert lacking_scores(config, sources_of([[0, 1]], [[0, 1], [0, 1]])) == []


def test_what_frames_leave_out_counts():
    config = changed(carl_custom, eval__frame_stride=100)
    lines = lacking_scores(config, sources_of([[0, 1]], [[0, 1], [0, 1]]))
    assert "mine: 0 evaluated videos with two frames that count, and two are needed, so tau has no number" in lines
