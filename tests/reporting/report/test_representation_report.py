"""Reports over runs that embed frames: the same command, the same files."""

import json

import numpy as np
import pytest

from fact_jax.metrics.representation import RepresentationMetric
from fact_jax.reporting.report import page, runs, statistics
from fact_jax.reporting.report.groups import group_runs
from fact_jax.types import UserError
from tests.reporting import representation_workdirs as made
from tests.reporting import workdirs
from tests.reporting.elements import Elements, read
from tests.tasks.representation import drawn

METRIC = RepresentationMetric((3, 2), fractions=(1.0,), retrieval_sizes=(2,))
SCORES = ["Classification@1", "Progress@1 (%)", "Tau (%)", "AP@2"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Workdirs of two systems with two seeds each, on two actions."""
    protocol = drawn.make_protocol((3, 2), 2, 3, length=12, metric=METRIC)
    return made.make_grid(tmp_path_factory.mktemp("runs"), protocol)


@pytest.fixture(scope="module")
def groups(paths):
    return group_runs(workdirs.read_runs(paths))


@pytest.fixture(scope="module")
def report(paths, tmp_path_factory):
    """(folder of their report, the lines that were said)."""
    folder, lines = tmp_path_factory.mktemp("report"), []
    workdirs.write_report(paths, folder, lines.append)
    return folder, lines


def test_scores_are_those_of_the_results(report, paths, groups):
    folder, lines = report
    assert lines[0] == f"| system | splits | runs | {' | '.join(SCORES)} |" and "note:" not in "".join(lines)
    results = [json.loads((path / "results.json").read_text())["metrics"]["test"]["best"] for path in paths]
    for row in read(folder, "report.csv"):
        own = results[:2] if row["group"] == "system0" else results[2:]
        factor = 100 if row["score"].endswith(" (%)") else 1
        values = [factor * result[row["score"].removesuffix(" (%)")] for result in own]
        assert float(row["mean"]) == pytest.approx(np.mean(values), abs=2e-4)
    assert not runs.notes([run for group in groups for run in group.runs])


def test_every_action_has_its_row(report, paths):
    rows = {(row["group"], row["score"], row["over"]): row for row in read(report[0], "report_means.csv")}
    tables = [read(path / "tables", "per_dataset.csv") for path in paths[:2]]
    for number, name in enumerate(("action 0", "action 1")):
        values = [100 * float(table[number]["Tau"]) for table in tables]
        assert float(rows["system0", f"Tau of {name} (%)", "videos"]["mean"]) == pytest.approx(np.mean(values), abs=0.1)


def test_phases_are_the_classes(report, groups):
    rows = read(report[0], "report_classes.csv")
    names = ["action 0: phase 0", "action 0: phase 1", "action 0: phase 2", "action 1: phase 0", "action 1: phase 1"]
    assert [row["class_name"] for row in rows] == 2 * names
    recalls = [run.evaluated.scored.scores.per_phase()[1]["recall"] for run in groups[0].runs]
    assert float(rows[1]["recall"]) == pytest.approx(np.mean(recalls), abs=1e-4)
    assert [float(row["true_segments"]) for row in rows] == [3.0] * 10


def test_a_system_without_noise_is_surely_better(groups):
    found = {one.metric: one for one in statistics.differences(groups, resamples=300)}
    for name in SCORES:
        one = found[name]
        assert (one.first, one.second, one.num_videos) == ("system1", "system0", 6)
        own = [np.mean([run.scores[name] for run in group.runs]) for group in groups]
        assert one.value == pytest.approx(own[1] - own[0])
        assert one.low <= one.high
    assert found["Tau (%)"].high < 0 and found["AP@2"].high < 0


def test_a_sample_of_all_videos_is_the_score(groups):
    run = groups[1].runs[0]
    videos = [video.video_id for video in run.evaluated.videos]
    (values,) = run.kind.sample(run.state, videos)(np.ones((1, len(videos))))
    assert dict(zip(SCORES, values, strict=True)) == pytest.approx(run.scores)
    few = [video for video in videos if not video.endswith("-1")]
    weights = np.ones((1, len(videos))) * [video in few for video in videos]
    np.testing.assert_allclose(
        run.kind.sample(run.state, few)(np.ones((1, 4))), run.kind.sample(run.state, videos)(weights)
    )


def test_the_page_draws_phases_and_what_was_found(report, groups):
    data = json.loads(Elements((report[0] / "report.html").read_text()).scripts[0])
    assert data["metrics"] == SCORES and data["select"] == "Classification@1" and len(data["videos"]) == 6
    run = groups[0].runs[0]
    for entry, video in zip(data["videos"], run.evaluated.videos, strict=True):
        first = 3 * video.dataset
        for flat, labels in ((entry["true"], video.true), (entry["runs"]["0"]["segments"], video.predicted)):
            np.testing.assert_array_equal(np.repeat(flat[::2], flat[1::2]), labels + first)
        assert entry["frames"] == len(video.true)


def test_runs_that_were_scored_in_other_ways_are_not_compared(tmp_path):
    protocol = drawn.make_protocol(length=8, metric=RepresentationMetric((3,), ("tau",)))
    other = drawn.make_protocol(length=8, metric=RepresentationMetric((3,), ("tau",), stride=2))
    paths = [made.make_run(tmp_path / str(number), one) for number, one in enumerate((protocol, other))]
    with pytest.raises(UserError, match="frames that tau and retrieval look at differ, 1 in the first and 2"):
        workdirs.read_runs(paths)


def test_videos_without_labels_have_a_report(tmp_path):
    protocol = drawn.make_protocol(length=8, labelled=False)
    paths = made.make_grid(tmp_path, protocol, noises=(0.0, 1.0), seeds=(0,))
    workdirs.write_report(paths, tmp_path / "out")
    data = page.page_data(group_runs(workdirs.read_runs(paths)))
    assert [entry["name"] for entry in data["classes"]][-1] == "no phase"
    assert data["videos"][0]["true"] == [3, 8]
    row, *_ = read(tmp_path / "out", "report_videos.csv")
    assert row["Classification@1"] == "" and float(row["Tau (%)"]) > 95
    found = {row["score"]: row for row in read(tmp_path / "out", "report_differences.csv")}
    assert float(found["Tau (%)"]["high"]) < 0 and found["AP@5"]["difference"] == ""
