"""The segmentation task: padded rows, devices, refusals, and what an evaluation writes."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from configs import fact_gtea
from data_pipelines.segmentation.statistics import DatasetStatistics
from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.models.fact.objective import FactLossConfig
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.segmentation import fact as segmentation
from fact_jax.tasks.segmentation.evaluation import SegmentationEvaluation, SegmentationProtocol
from fact_jax.training import optimizers, state
from fact_jax.training.steps import TrainStep
from fact_jax.types import Batch, UserError
from tests.models import fact_cases as cases
from tests.overrides import override

CLASS_NAMES = ("background", "pour", "stir", "serve")


def make_protocol(truth=None):
    return SegmentationProtocol(
        metric=SegmentationMetric(cases.NUM_CLASSES, (0,)),
        class_names=CLASS_NAMES,
        background_ids=(0,),
        dataset="kitchen",
        split="split1",
        fps=2.0,
        full_labels=lambda video_id: truth[video_id],
    )


def make_task(dropout_rate=0.2):
    config = cases.small_config("iuU", update_branch="m2", dropout_rate=dropout_rate, channel_dropout_rate=0.2)
    return segmentation.FactTask(config, FactLossConfig(null_weight=0.2, smoothing_weight=1.0), make_protocol())


def make_batch(lengths, num_rows):
    """A batch whose last rows are padded: no frames, video_mask False."""
    arrays = cases.ragged_batch([*lengths, *[0] * (num_rows - len(lengths))], 8, garbage=0.0)
    arrays["video_mask"][len(lengths) :] = False
    return Batch(arrays, [f"v{row}" for row in range(num_rows)], list(range(num_rows)))


def without_row(arrays, row):
    """The arrays with padding in the place of a row."""
    padded = {name: array.copy() for name, array in arrays.items()}
    for name in padded.keys() - {"row"}:
        padded[name][row] = 0
    return padded


@pytest.fixture(scope="module")
def task():
    return make_task()


def test_padded_rows_count_nowhere(task):
    params = cases.init_params(task.model)

    @jax.jit
    def gradients(params, arrays):
        def total(params):
            terms = task.loss(params, {}, arrays, jax.random.key(1)).terms
            return terms["loss"][0], terms

        return jax.grad(total, has_aux=True)(params)

    whole = make_batch((5, 8), 2).arrays
    full, terms = gradients(params, whole)
    # Each video beside a padded row in the place of the other: two such rows in all, and one program.
    (first, first_terms), (second, second_terms) = (gradients(params, without_row(whole, row)) for row in (1, 0))
    assert {name: float(pair[1]) for name, pair in terms.items()} == {
        name: 13.0 if name == "accuracy" else 2.0 for name in terms
    }
    sums = jax.tree.map(np.add, (first, first_terms), (second, second_terms))
    for found, expected in zip(jax.tree.leaves(sums[1]), jax.tree.leaves(terms), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    for found, expected in zip(jax.tree.leaves(sums[0]), jax.tree.leaves(full), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("dropout_rate", "device_counts"), [(0.2, (1, 2, 4, 8)), (0.0, (1, 8))])
def test_any_number_of_devices_trains_alike(dropout_rate, device_counts):
    task = make_task(dropout_rate)
    batch = make_batch((5, 8, 3, 7, 8, 2, 6), 8)
    variables = jax.tree.map(np.asarray, task.init(jax.random.key(0), batch.arrays))
    settings = fact_gtea.get_config().optimizer
    results = []
    for num_devices in device_counts:
        devices = jax.local_devices()[:num_devices]
        optimizer = optimizers.make_optimizer(settings, 1)
        train_state = device_layout.replicate(state.create(variables, optimizer, use_ema=False), devices)
        step = TrainStep(task, optimizer, devices, seed=0, say=lambda text: None)
        for _ in range(3):
            train_state, _ = step(train_state, (batch,))
        results.append(jax.tree.map(np.asarray, device_layout.unreplicate(train_state).params))
    for other in results[1:]:
        for found, expected in zip(jax.tree.leaves(other), jax.tree.leaves(results[0]), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def statistics_with(num_segments):
    return DatasetStatistics(
        CLASS_NAMES,
        ("short", "long"),
        np.array([9, 9]),
        np.ones(4),
        np.ones(4),
        np.array([2, num_segments]),
        np.array([2, 3]),
    )


def build(num_segments=5, **changes):
    config = fact_gtea.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        override(config, changes)
    return segmentation.build(
        config, class_names=CLASS_NAMES, statistics=statistics_with(num_segments), full_labels=lambda video_id: None
    )


def test_more_segments_than_tokens_names_the_video_and_the_number_that_works():
    with pytest.raises(UserError, match="'long' has 25 segments.*num_tokens to at least 25.*o2m"):
        build(num_segments=25)
    build(num_segments=25, loss__match="o2m")


def test_null_weight_is_measured_unless_it_is_given():
    measured = build(num_segments=6).loss_config.null_weight
    assert measured == pytest.approx(24 / ((24 - 4) * 4))
    assert build(data__average_transcript_length=12.0).loss_config.null_weight == pytest.approx(24 / (12 * 4))
    assert build(loss__null_weight=0.7).loss_config.null_weight == 0.7
    with pytest.raises(UserError, match="automatic"):
        build(data__average_transcript_length=30.0)


def test_background_is_excluded_unless_it_is_evaluated():
    assert build().protocol.metric.background_ids == (0,)
    assert build(data__evaluate_background=True).protocol.metric.background_ids == ()


def test_nothing_to_match_by_is_refused():
    with pytest.raises(UserError, match="nothing is left to match"):
        build(loss__prob_cost=0.0, loss__overlap_cost=0.0)


def test_an_evaluation_stretches_and_scores():
    truth = {"v0": np.repeat([0, 1, 2], 4), "v1": np.repeat([3, 0], [5, 2])}
    batch = make_batch((6, 7), 3)
    outputs = {name: np.zeros((3, 8), np.int64) for name in ("labels", "frame_labels", "action_labels")}
    outputs["labels"][0, :6] = [0, 0, 1, 1, 2, 2]  # every second frame of the truth
    outputs["labels"][1, :7] = truth["v1"]
    evaluation = SegmentationEvaluation(dataclasses.replace(make_protocol(truth)))
    evaluation.add(batch, outputs)
    metrics = evaluation.metrics()
    assert metrics["Acc"] == metrics["AccB"] == metrics["Edit"] == 100.0
    assert metrics["F1@0.50"] == pytest.approx(99.999, abs=1e-3)
    names = [CLASS_NAMES[label] for label in evaluation.predictions["v0"]["labels"]]
    assert names == ["background"] * 4 + ["pour"] * 4 + ["stir"] * 4


def test_an_evaluation_of_nothing_has_the_same_names():
    empty = SegmentationEvaluation(make_protocol()).metrics()
    assert isinstance(empty, dict) and set(empty) >= {"Edit", "AccB", "Acc", "F1@0.50"}
    assert np.isnan(empty["Acc"])


@pytest.mark.parametrize("part", ["frame_logits", "action_logits", "a2f_attention"])
def test_scores_of_frames_and_of_tokens_have_to_be_numbers(task, part):
    """Of the valid frames of a video: what stands behind them is never looked at."""
    shapes = {"frame_logits": (3, 8, 4), "action_logits": (3, 5, 5), "a2f_attention": (3, 8, 5)}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays[part][1, 2, 3] = np.nan
    if part != "action_logits":
        arrays[part][2, 7] = np.inf
    batch = make_batch((5, 4, 6), 3).arrays
    assert task._finite(SimpleNamespace(**arrays), batch).tolist() == [True, False, True]
