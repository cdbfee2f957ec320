"""Means, spreads and bootstrap intervals of a report against slow, obvious versions."""

import math
import statistics as stdlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics.base import merge_states
from fact_jax.reporting.report import statistics
from fact_jax.reporting.report.groups import group_runs
from tests.reporting import workdirs


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    return group_runs(workdirs.read_runs(workdirs.make_grid(tmp_path_factory.mktemp("grid"))))


def test_a_mean_is_over_seeds_first_and_splits_then():
    found = statistics.spread([[80.0, 90.0], [60.0, math.nan], [math.nan], [70.0]])
    assert found.mean == pytest.approx((85 + 60 + 70) / 3)
    assert (found.min, found.max, found.runs) == (60.0, 90.0, 4)
    assert found.std == pytest.approx(stdlib.stdev([80, 90, 60, 70]))
    assert found.std_over_seeds == pytest.approx(stdlib.stdev([80, 90]))
    assert found.std_over_splits == pytest.approx(stdlib.stdev([85, 60, 70]))


def test_seed_deviation_is_pooled_over_splits():
    found = statistics.spread([[1.0, 3.0], [10.0, 10.0, 16.0]])
    assert found.std_over_seeds == pytest.approx(math.sqrt((2 + 24) / 3))


def test_one_run_has_no_spread_and_none_no_mean():
    one, none = statistics.spread([[5.0]]), statistics.spread([[math.nan], []])
    assert (one.mean, one.runs) == (5.0, 1)
    assert all(map(math.isnan, (one.std, one.std_over_seeds, one.std_over_splits)))
    assert none.runs == 0 and math.isnan(none.mean) and math.isnan(none.max)


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=4), min_size=1, max_size=4))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_a_mean_lies_between_the_extremes_and_ignores_order(values):
    found = statistics.spread(values)
    assert found.min - 1e-9 <= found.mean <= found.max + 1e-9
    turned = statistics.spread([row[::-1] for row in values[::-1]])
    assert turned.mean == pytest.approx(found.mean) and turned.runs == found.runs


def test_group_scores_are_those_of_the_metric(groups):
    for group in groups:
        tables = {(run.split, run.seed): run.state.compute() for run in group.runs}
        for name, found in statistics.group_scores(group).items():
            means = [np.mean([tables[split, seed][name] for seed in (0, 1)]) for split in ("split1", "split2")]
            assert found.mean == pytest.approx(np.mean(means)) and found.runs == 4


def test_classes_leave_out_the_runs_that_do_not_have_them(groups):
    table = statistics.group_classes(groups[0])
    assert list(table) == [0, 1, 2, 3]
    assert math.isnan(table[0]["F1@0.50"].mean) and table[0]["recall"].runs == 4
    values = [run.state.per_class()[1]["F1@0.10"] for run in groups[0].runs]
    assert table[1]["F1@0.10"].min == min(values)


def score_of(group, drawn):
    """Scores of resampled videos, by the metric itself: a video drawn twice is merged twice."""
    splits = []
    for split, video_ids in drawn.items():
        scores = []
        for run in group.by_split()[split]:
            videos = {video.video_id: video for video in run.state.videos}
            states = [type(run.state)(run.state.metric, (videos[video_id],)) for video_id in video_ids]
            scores.append(list(merge_states(states, run.state.metric.empty()).compute().values()))
        splits.append(np.mean(scores, axis=0))
    return np.mean(splits, axis=0)


def test_differences_and_intervals_are_those_of_the_slow_bootstrap(groups):
    resamples = 200
    found = statistics.differences(groups, resamples=resamples, seed=4)
    common = {split: [f"{split}_{index}" for index in range(5)] for split in ("split1", "split2")}
    plain = score_of(groups[1], common) - score_of(groups[0], common)
    generator = np.random.default_rng(4)
    counts = {split: generator.multinomial(5, np.full(5, 0.2), resamples) for split in common}
    rows = []
    for number in range(resamples):
        drawn = {split: np.repeat(ids, counts[split][number]).tolist() for split, ids in common.items()}
        rows.append(score_of(groups[1], drawn) - score_of(groups[0], drawn))
    low, high = np.quantile(rows, [0.025, 0.975], axis=0)
    assert [one.metric for one in found] == list(groups[0].runs[0].state.compute())
    for index, one in enumerate(found):
        assert (one.first, one.second, one.num_videos) == ("system1", "system0", 10)
        assert one.value == pytest.approx(plain[index], abs=1e-9)
        assert one.low == pytest.approx(low[index], abs=1e-9) and one.high == pytest.approx(high[index], abs=1e-9)
        assert one.low <= one.value <= one.high


def test_equal_seeds_give_equal_intervals_and_others_do_not(groups):
    first, again, other = (statistics.differences(groups, resamples=300, seed=seed) for seed in (0, 0, 1))
    assert first == again and first != other


def test_a_system_does_not_differ_from_itself(tmp_path):
    truth = workdirs.make_truth(0)
    generator = np.random.default_rng(0)
    predictions = {key: workdirs.corrupt(generator, labels, 0.3) for key, labels in truth.items()}
    paths = [workdirs.make_run(tmp_path / name, truth, predictions, name=name) for name in "ab"]
    for one in statistics.differences(group_runs(workdirs.read_runs(paths)), resamples=100):
        assert one.value == one.low == one.high == 0.0


def test_only_common_videos_are_compared(tmp_path):
    truth = workdirs.make_truth(0, num_videos=4)
    part = {key: truth[key] for key in ("video_1", "video_3")}
    paths = [
        workdirs.make_run(tmp_path / "a", truth, truth, name="a"),
        workdirs.make_run(tmp_path / "a2", truth, truth, name="a", split="split2"),
        workdirs.make_run(tmp_path / "b", part, part, name="b"),
    ]
    found = statistics.differences(group_runs(workdirs.read_runs(paths)), resamples=50)
    assert {(one.num_videos, one.splits) for one in found} == {(2, ("split1",))}


def test_without_a_common_video_there_is_no_difference_and_with_one_no_interval(tmp_path):
    truth = workdirs.make_truth(0, num_videos=3)
    one = {"video_0": truth["video_0"]}
    first = workdirs.make_run(tmp_path / "a", truth, truth, name="a")
    apart = workdirs.make_run(tmp_path / "b", truth, truth, name="b", split="split2")
    single = workdirs.make_run(tmp_path / "c", one, one, name="c")
    assert statistics.differences(group_runs(workdirs.read_runs([first, apart]))) == []
    found = statistics.differences(group_runs(workdirs.read_runs([first, single])))
    assert len(found) == 6
    for one in found:
        assert one.value == pytest.approx(0, abs=1e-2) and math.isnan(one.low) and math.isnan(one.high)
