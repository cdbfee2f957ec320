"""Scores of embeddings: definitions by loops, invariances, and videos that lack something."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from fact_jax.metrics import alignment, linear_probe, phase_probes
from fact_jax.metrics.base import merge_states
from fact_jax.metrics.linear_probe import LinearProbeConfig
from fact_jax.metrics.representation import TASKS, RepresentationMetric
from fact_jax.types import UserError

METRIC = RepresentationMetric((3, 2), tasks=TASKS, stride=2, probe=LinearProbeConfig(epochs=3, learning_rate=5.0))


def make_video(seed, num_classes=3, length=30, noise=0.1):
    """(embeddings [T, 4], labels) of phases at a speed of their own."""
    rng = np.random.default_rng(seed)
    labels = np.sort(np.append(np.arange(num_classes), rng.integers(0, num_classes, length - num_classes)))
    time = np.linspace(0, 1, length) ** rng.uniform(0.7, 1.4)
    embeddings = np.stack([time, time**2, labels / num_classes, np.ones(length)], axis=1)
    return embeddings + noise * rng.normal(size=embeddings.shape), labels


def states(metric=METRIC, **options):
    found = []
    for dataset, num_classes in enumerate(metric.num_classes):
        for subset, count in (("train", 6), ("test", 4)):
            for position in range(count):
                seed = position + 100 * dataset + 1000 * (subset == "test")
                parts = make_video(seed, num_classes, **options)
                found.append(metric.from_video(f"{subset}{dataset}{position}", subset, position, *parts, dataset))
    return found


def test_the_order_of_the_videos_changes_no_score():
    one, other = states(), states()[::-1]
    scores = merge_states(one, METRIC.empty()).compute()
    assert merge_states([merge_states(other[:5], METRIC.empty()), *other[5:]], METRIC.empty()).compute() == scores
    assert tuple(scores) == METRIC.names()
    assert set(METRIC.main_names()) == {"Classification@1", "Progress@1", "Tau", "AP@5", "Linear@1"}
    assert 60 < scores["Classification@1"] <= 100 and 0.5 < scores["Progress@1"] <= 1
    assert 0.5 < scores["Tau"] <= 1 and 50 < scores["AP@5"] <= 100 and 30 < scores["Linear@1"] <= 100


def test_a_result_is_the_mean_over_datasets():
    state = merge_states(states(), METRIC.empty())
    parts = state.per_dataset()
    for name, value in state.compute().items():
        assert value == pytest.approx(np.mean([part[name] for part in parts]))
    assert {row["number"] for row in state.means() if row["over"] == "datasets"} == {2}


def test_embeddings_without_noise_are_perfect():
    metric = RepresentationMetric((3,))
    scores = merge_states(states(metric, noise=0.0), metric.empty()).compute()
    assert scores["Classification@1"] == 100.0
    assert math.isnan(metric.empty().compute()["Tau"])


def test_videos_without_labels_count_for_tau_alone():
    metric = RepresentationMetric((3,))
    found = [
        metric.from_video(f"{subset}{seed}", subset, seed, make_video(seed)[0])
        for subset in ("train", "test")
        for seed in range(3)
    ]
    scores = merge_states(found, metric.empty()).compute()
    assert scores.pop("Tau") > 0.5
    assert all(math.isnan(value) for value in scores.values())


def test_frames_without_a_phase_are_left_out():
    metric = RepresentationMetric((3,), tasks=("tau",))
    embeddings, labels = make_video(0)
    labels[5:9] = -1
    state = metric.from_video("a", "test", 0, embeddings, labels)
    assert state.videos[0].embeddings.shape == (26, 4) and (state.videos[0].labels >= 0).all()


def test_videos_that_lack_a_phase_have_no_progress():
    metric = RepresentationMetric((3,), tasks=("progress",))
    whole = [s for s in states(metric)]
    embeddings, labels = make_video(50)
    lacking = metric.from_video("lacking", "test", 9, embeddings, np.where(labels == 1, 0, labels))
    without_last = metric.from_video("without_last", "test", 8, embeddings, np.minimum(labels, 1))
    state = merge_states([*whole, lacking], metric.empty())
    assert state.without_progress() == {"lacking": (1,)}
    assert state.compute() == merge_states(whole, metric.empty()).compute()
    assert merge_states([*whole, without_last], metric.empty()).without_progress() == {}
    assert phase_probes.progress_targets(np.array([0, 0, 1, 1, 2]), 3)[:, 0] == pytest.approx([-0.2, 0, 0.2, 0.4, 0.6])


@pytest.mark.parametrize("places", [[0, 1, 2], [3, 1, 1, 0], [2, 2, 2], [5], [0, 4, 4, 2, 9, 9, 1]])
def test_order_agreement_is_that_of_scipy(places):
    found = alignment.order_agreement(np.array(places))
    np.testing.assert_allclose(
        found, kendalltau(np.arange(len(places)), places).statistic if len(places) > 1 else np.nan
    )


def test_order_agreement_of_a_long_video(monkeypatch):
    places = np.random.default_rng(0).integers(0, 90, 300)
    whole = alignment.order_agreement(places)
    monkeypatch.setattr(alignment, "_ROWS", 64)
    assert alignment.order_agreement(places) == whole
    assert whole == pytest.approx(kendalltau(np.arange(300), places).statistic)


def test_retrieval_by_its_definition():
    parts = [make_video(seed, length=20) for seed in range(3)]
    embeddings, labels = zip(*parts, strict=True)
    means = []
    for number in range(3):
        others = [i for i in range(3) if i != number]
        pool = np.concatenate([embeddings[i] for i in others])
        theirs = np.concatenate([labels[i] for i in others])
        hits = [
            np.mean(theirs[np.argsort(np.sum((pool - frame) ** 2, axis=1), kind="stable")[:5]] == label)
            for frame, label in zip(embeddings[number], labels[number], strict=True)
        ]
        means.append(np.mean(hits))
    assert alignment.retrieval_precision(embeddings, labels, (5,))[5] == pytest.approx(np.mean(means))
    # Fewer frames than are looked for: those that there are.
    assert alignment.retrieval_precision(embeddings, labels, (5, 999))[999] < 1
    assert math.isnan(alignment.retrieval_precision(embeddings[:1], labels[:1], (5,))[5])
    np.testing.assert_array_equal(alignment._smallest(np.array([[1.0, 0.0, 1.0, 1.0]]), 3), [[1, 0, 2]])


def test_warping_finds_the_cheapest_path():
    costs = np.random.default_rng(0).integers(0, 4, (4, 5)).astype(float)
    total, path = alignment.warp(costs)
    cheapest = math.inf
    for steps in itertools.product([(1, 1), (1, 0), (0, 1)], repeat=7):
        places = np.vstack([[0, 0], np.cumsum(steps, axis=0)])
        ends = np.flatnonzero((places == [3, 4]).all(axis=1))
        if len(ends):
            walked = places[: ends[0] + 1]
            cheapest = min(cheapest, costs[walked[:, 0], walked[:, 1]].sum())
    assert total[-1, -1] == cheapest == costs[path[:, 0], path[:, 1]].sum()
    assert path[0].tolist() == [0, 0] and path[-1].tolist() == [3, 4] and (np.diff(path, axis=0) >= 0).all()
    # Of equal ways the diagonal one.
    assert alignment.warp(np.zeros((3, 3)))[1].tolist() == [[0, 0], [1, 1], [2, 2]]
    frames = np.arange(4.0)[:, None]
    assert alignment.aligned_frames(frames, np.repeat(frames, 2, axis=0)).tolist() == [0, 2, 4, 6]
    assert alignment.aligned_frames(frames, frames[::-1], by_warping=False).tolist() == [3, 2, 1, 0]


def test_phases_are_fitted_to_the_optimum():
    features, labels = make_video(3, length=60, noise=0.5)
    fitted = phase_probes.fit_phases(features, labels, tolerance=1e-9)
    errors = fitted.probabilities(features) - (labels[:, None] == fitted.classes)
    np.testing.assert_allclose(errors.T @ features + fitted.weights, 0, atol=1e-5)
    np.testing.assert_allclose(errors.sum(axis=0), 0, atol=1e-5)
    usual = phase_probes.fit_phases(features, labels)
    np.testing.assert_allclose(usual.probabilities(features), fitted.probabilities(features), atol=2e-3)
    assert phase_probes.fit_phases(features, np.full(60, 2)).accuracy(features, np.full(60, 2)) == 1.0


def test_progress_of_columns_that_do_not_vary():
    features, targets = np.random.default_rng(0).random((9, 2)), np.stack([np.arange(9.0), np.full(9, 2.0)], axis=1)
    regression = phase_probes.ProgressRegression(np.zeros((2, 2)), np.array([4.0, 2.0]))
    assert regression.score(features, targets) == 0.5
    assert phase_probes.ProgressRegression(np.zeros((2, 2)), np.array([4.0, 1.0])).score(features, targets) == 0.0


def test_the_linear_probe_is_that_of_torch():
    torch = pytest.importorskip("torch")
    config = LinearProbeConfig(learning_rate=2.0, epochs=4, videos_per_step=2)
    rng = np.random.default_rng(0)
    features, labels = zip(*[make_video(seed) for seed in range(5)], strict=True)
    features = [video.astype(np.float32) for video in features]
    start = linear_probe.initial_probe(3, 4, rng)
    steps = list(linear_probe.probe_steps(5, config, rng))
    layer = torch.nn.Linear(4, 3)
    layer.load_state_dict({"weight": torch.from_numpy(start.weights), "bias": torch.from_numpy(start.biases)})
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0, momentum=0.9, weight_decay=1e-6)
    for rate, places in steps:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        batch, truth = (torch.from_numpy(np.concatenate([part[p] for p in places])) for part in (features, labels))
        torch.nn.functional.cross_entropy(layer(batch), truth).backward()
        optimizer.step()
    found = linear_probe.train_probe(features, labels, start, steps, config)
    np.testing.assert_allclose(found.weights, layer.weight.detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.biases, layer.bias.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_steps_of_the_linear_probe():
    config = LinearProbeConfig(epochs=2, videos_per_step=2)
    steps = list(linear_probe.probe_steps(5, config, np.random.default_rng(0)))
    assert [rate for rate, _ in steps] == pytest.approx([50, 50, 25, 25])
    assert all(len(set(np.concatenate([places for _, places in steps[i : i + 2]]))) == 4 for i in (0, 2))
    assert len(list(linear_probe.probe_steps(1, config, np.random.default_rng(0)))) == 2


@pytest.mark.parametrize(
    "wrong", [{"tasks": ("taus",)}, {"fractions": (0.0,)}, {"stride": 0}, {"retrieval_sizes": ()}, {"distance": "l2"}]
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UserError):
        RepresentationMetric((3,), **wrong)
    with pytest.raises(UserError, match="epochs"):
        LinearProbeConfig(epochs=0)
