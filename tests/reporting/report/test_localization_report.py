"""Reports over runs of action localization: the same command, the same files."""

import dataclasses
import json

import numpy as np
import pytest

from fact_jax.ops.nms import Detections
from fact_jax.reporting.localization import detection_sets
from fact_jax.reporting.report import localization, page, statistics, threshold_chart
from fact_jax.reporting.report.groups import group_runs
from fact_jax.types import UserError
from tests.reporting import localization_workdirs as made
from tests.reporting import workdirs
from tests.reporting.elements import Elements, read

SCORES = ["mAP@0.30", "mAP@0.50", "mAP@0.70", "mAP@avg", "Recall@1x@avg", "Recall@5x@avg"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Workdirs of two systems with two seeds each."""
    return made.make_grid(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def groups(paths):
    return group_runs(workdirs.read_runs(paths))


@pytest.fixture(scope="module")
def report(paths, tmp_path_factory):
    """(folder of their report, the lines that were said)."""
    folder, lines = tmp_path_factory.mktemp("report"), []
    workdirs.write_report(paths, folder, lines.append)
    return folder, lines


@pytest.fixture(scope="module")
def truth():
    return made.make_truth(0, num_videos=3)


def test_every_file_is_written_and_named(report):
    folder, lines = report
    names = {path.name for path in folder.iterdir()}
    tables = {f"report_{name}.csv" for name in ("runs", "classes", "means", "videos", "differences", "thresholds")}
    assert names == {"report.md", "report.html", "report.csv"} | tables
    assert all(name in lines[-1] for name in names) and "note:" not in "".join(lines)
    assert lines[0] == f"| system | splits | runs | {' | '.join(SCORES)} |"


def test_tables_hold_the_means_of_the_results(report, paths):
    folder, _ = report
    results = [json.loads((path / "results.json").read_text())["metrics"]["test"]["best"] for path in paths]
    rows = read(folder, "report.csv")
    assert [(row["group"], row["score"]) for row in rows] == [(f"system{k}", name) for k in (0, 1) for name in SCORES]
    for row in rows:
        own = results[:2] if row["group"] == "system0" else results[2:]
        values = [result[row["score"]] for result in own]
        assert float(row["mean"]) == pytest.approx(np.mean(values), abs=1e-4)
        assert float(row["std"]) == pytest.approx(np.std(values, ddof=1), abs=1e-4) and row["runs"] == "2"
    found = {(row["group"], row["tIoU"], row["score"]): row for row in read(folder, "report_thresholds.csv")}
    assert len(found) == 2 * 4 * 3
    assert found["system1", "average", "mAP"]["mean"] == rows[9]["mean"]
    assert found["system0", "0.50", "mAP"]["std"] == rows[1]["std"]


def test_classes_are_those_of_the_runs(report, paths):
    rows = read(report[0], "report_classes.csv")
    assert [row["class_name"] for row in rows] == 2 * list(made.CLASS_NAMES)
    own = [read(path / "tables", "per_class.csv") for path in paths[:2]]
    for place, row in enumerate(rows[:3]):
        for name in ("AP@0.50", "AP@avg", "Recall@1x@0.70", "detections"):
            assert float(row[name]) == pytest.approx(np.mean([float(table[place][name]) for table in own]), abs=1e-4)


def test_videos_are_scored_by_the_classes_that_they_have(groups, report):
    run = groups[1].runs[0]
    metric = run.state.metric
    for video, row in zip(run.evaluated.videos, run.video_scores, strict=True):
        # Detections of classes that the video lacks count for others where it is all there is.
        known = np.isin(video.labels, video.true_labels)
        parts = (part[known] for part in (video.segments, video.scores, video.labels))
        alone = metric.from_video(video.video_id, video.true_segments, video.true_labels, *parts).compute()
        assert (row["video_id"], row["detections"]) == (video.video_id, 12)
        assert [row[name] for name in SCORES] == pytest.approx([alone[name] for name in SCORES], abs=1e-9)
    rows = read(report[0], "report_videos.csv")
    columns = ["group", "split", "seed", "video_id", "true_segments", "detections"]
    assert len(rows) == 4 * 6 and list(rows[0])[:6] == columns


def test_markdown_says_what_was_averaged_and_how_intervals_were_made(report):
    text = (report[0] / "report.md").read_text(encoding="utf-8")
    assert "4 runs of 2 systems on default, 6 videos; 3 classes, tIoU 0.3, 0.5, 0.7. Percent." in text
    assert "with 10,000 resamples" in text and "a video that is drawn twice counts as two" in text
    assert "\n## Scores at every tIoU\n" in text
    assert "| class | true segments | AP@avg system0 | Recall@1x@avg system0 |" in text


def test_a_class_without_a_true_segment_has_no_score(tmp_path, truth):
    names = {0: "pour", 1: "stir", 2: "serve", 40: "wash"}
    found = made.detect(0, truth, 1.0)
    video = next(iter(found))
    segments, scores, labels = found[video]
    found[video] = Detections(segments, scores, np.where(np.arange(len(labels)) == 7, 40, labels))
    path = made.make_run(tmp_path / "a", truth, found, class_names=names)
    workdirs.write_report([path], tmp_path / "out")
    row = read(tmp_path / "out", "report_classes.csv")[3]
    found = [row[name] for name in ("class_id", "class_name", "true_segments", "detections")]
    assert found == ["40", "wash", "0.0000", "1.0000"]
    assert row["AP@avg"] == "" and row["AP@avg_runs"] == "0"
    text = (tmp_path / "out" / "report.md").read_text()
    assert "1 of 4 classes have no true segment." in text and "Paired" not in text


OTHER = {
    "classes": ({"class_names": ("pour", "stir", "wash")}, "lists of classes differ, .*'serve'.*'wash'"),
    "numbers": ({"class_names": {0: "pour", 1: "stir", 2: "serve", 5: "rest"}}, "3 entries in the first and 4"),
    "dataset": ({"dataset": "garage"}, "the datasets differ, .*'kitchen' in the first and 'garage'"),
    "tIoU": ({"thresholds": (0.3, 0.5, 0.8)}, "tIoU of the scores differ, entry 2 is 0.7 in the first and 0.8"),
}


@pytest.mark.parametrize("case", OTHER)
def test_runs_that_cannot_be_compared_are_refused(tmp_path, truth, case):
    changes, message = OTHER[case]
    paths = [made.make_run(tmp_path / "a", truth, {}), made.make_run(tmp_path / "b", truth, {}, seed=1, **changes)]
    with pytest.raises(UserError, match=message):
        workdirs.read_runs(paths)


def test_segmentation_and_localization_are_refused_with_all_else_that_differs(tmp_path, truth):
    segmented = workdirs.make_truth(0, num_videos=2)
    moved = truth | {"video_1": (truth["video_1"][0] + 0.5, truth["video_1"][1])}
    paths = [
        made.make_run(tmp_path / "a", truth, {}),
        workdirs.make_run(tmp_path / "b", segmented, segmented, dataset="garage"),
        made.make_run(tmp_path / "c", moved, {}, thresholds=(0.5,)),
    ]
    with pytest.raises(UserError) as caught:
        workdirs.write_report(paths, tmp_path / "out")
    lines = str(caught.value).splitlines()
    expected = [
        ("b", "the tasks differ, 'temporal action localization' in the first and 'action segmentation' in the second"),
        ("b", "the datasets differ"), ("b", "lists of classes differ"), ("c", "tIoU of the scores differ"),
        ("c", "they have different true segments for the video 'video_1' of default"),
    ]  # fmt: skip
    assert len(lines) == len(expected) and not (tmp_path / "out").exists()
    for line, (name, message) in zip(lines, expected, strict=True):
        assert f"{tmp_path / name} cannot be compared" in line and message in line


def test_names_cannot_break_the_page_and_it_loads_nothing(tmp_path, truth):
    names = ("</script><script>throw 1</script>", 'a "quoted" & <b>bold</b> name', "Käse | schneiden ✂\u2028x")
    found = made.detect(0, truth, 1.0)
    paths = [
        made.make_run(tmp_path / name, truth, found, class_names=names, name=f"<i>{name}</i>", dataset="<u>&amp;")
        for name in "ab"
    ]
    workdirs.write_report(paths, tmp_path / "out")
    elements = Elements((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    kinds = [attributes.get("type") for tag, attributes in elements.tags if tag == "script"]
    assert kinds == ["application/json", None]
    assert not {"b", "i", "u"} & {tag for tag, _ in elements.tags}
    for _, attributes in elements.tags:
        assert all(attributes.get(name, "#").startswith(("#", "data:")) for name in ("src", "href"))
    labels = [attributes.get("aria-label", "") for _, attributes in elements.tags]
    told = [label for label in labels if "at 0.3" in label]
    assert len(told) == 1 and told[0].startswith("<i>a</i>: ") and "; <i>b</i>: " in told[0]


def test_the_page_holds_the_best_detections_of_every_run(groups):
    data = page.page_data(groups)
    assert data["metrics"] == SCORES and data["select"] == "mAP@avg" and data["right"] == "0.50"
    assert data["classColumns"][-1] == "AP@avg" and [entry["name"] for entry in data["classes"]] == [*made.CLASS_NAMES]
    run = groups[1].runs[1]
    video, own = data["videos"][2], run.evaluated.videos[2]
    assert video["frames"] == 100.0 and list(video["runs"]) == [0, 1, 2, 3]
    assert sorted(zip(video["true"][::2], [item[:2] for item in video["true"][1::2]], strict=True)) == sorted(
        (label, [round(start, 2), round(end, 2)])
        for label, (start, end) in zip(own.true_labels.tolist(), own.true_segments.tolist(), strict=True)
    )
    items = video["runs"][3]["segments"][1::2]
    scores = [score for *_, score, _ in items]
    assert scores == sorted(scores, reverse=True) and scores[0] == round(float(own.scores.max()), 3)
    assert min(scores) >= 0.1 * scores[0] and {right for *_, right in items} == {0, 1}


def test_a_detection_is_right_that_takes_a_true_segment(tmp_path):
    truth = {name: (np.array([[0.0, 10.0], [40.0, 50.0]]), np.array([1, 0])) for name in ("a", "b")}
    spans = np.float32([[20, 30], [0, 9], [0, 10], [40, 46], [40, 44], [0, 10]])
    found = Detections(spans, np.float32([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), np.int32([1, 1, 1, 0, 0, 0]))
    detections = {"a": found, "b": found.at(np.array([2, 0]))}
    (group,) = group_runs(workdirs.read_runs([made.make_run(tmp_path / "a", truth, detections)]))
    first, second = page.page_data([group])["videos"]
    drawn = first["runs"][0]["segments"]
    # The second on a true segment finds it taken; 4 of 10 seconds are too few; the last has another class.
    assert [(label, item[3], item[4]) for label, item in zip(drawn[::2], drawn[1::2], strict=True)] == [
        (1, 0.9, 0), (1, 0.8, 1), (1, 0.7, 0), (0, 0.6, 1), (0, 0.5, 0), (0, 0.4, 0)]  # fmt: skip
    assert [item[3:] for item in second["runs"][0]["segments"][1::2]] == [[0.9, 0], [0.7, 1]]


def test_videos_without_any_true_segment_make_a_report_without_scores(tmp_path):
    truth = {"v": (np.zeros((0, 2)), np.zeros(0, np.int64))}
    found = {"v": Detections(np.float32([[1, 2]]), np.float32([0.5]), np.int32([1]))}
    paths = [made.make_run(tmp_path / name, truth, found, name=name) for name in "ab"]
    workdirs.write_report(paths, tmp_path / "out")
    assert "3 of 3 classes have no true segment." in (tmp_path / "out" / "report.md").read_text()
    assert {row["mean"] for row in read(tmp_path / "out", "report.csv")} == {""}


def test_fewer_detections_are_drawn_where_there_are_very_many_videos(groups, monkeypatch):
    kind = groups[0].kind
    assert "at most 40" in kind.how_drawn(groups)
    monkeypatch.setattr(localization, "MAX_ON_PAGE", 24 * 11)
    assert "at most 11" in kind.how_drawn(groups)
    monkeypatch.setattr(localization, "MAX_ON_PAGE", 1)
    assert "at most 10" in kind.how_drawn(groups)


def test_a_picture_has_a_line_per_system_and_a_point_per_overlap(report):
    tags = Elements((report[0] / "report.html").read_text(encoding="utf-8")).tags
    classes = [attributes.get("class", "") for _, attributes in tags]
    assert [name for name in classes if name.startswith("line ")] == ["line c0", "line c1", "line c0", "line c1"]
    points = [attributes for tag, attributes in tags if tag == "circle" and attributes["cx"] != "50%"]
    chart = [point for point in points if point.get("class") is None]
    assert len(chart) == 2 * 3 and [point["cx"] for point in chart[:3]] == ["5.00%", "50.00%", "95.00%"]
    heights = [float(point["cy"][:-1]) for point in chart]
    assert heights == sorted(heights[:3]) + sorted(heights[3:])  # mAP falls, so the points sink


def test_one_overlap_and_undefined_scores_make_a_picture_too():
    nothing = statistics.spread([[]])
    chart = threshold_chart.chart((0.5,), ["a", "b"], [[statistics.spread([[40.0]])] * 2, [nothing] * 2])
    (point,) = chart["lines"][0]["points"]
    assert point["x"] == "50.00%" and chart["lines"][1]["points"] == [] and "b: – at 0.5" in chart["told"]


def test_published_classes_matter_where_there_are_detections_of_classes_without_truth():
    truth = {"v": (np.array([[1.0, 5.0]]), np.array([1]))}
    for label, same in ((1, True), (0, False)):
        found = {"v": Detections(np.float32([[1, 5]]), np.float32([0.9]), np.int32([label]))}
        states = [made.evaluate(truth, found).state() for _ in range(2)]
        metrics = (states[0].metric, dataclasses.replace(states[0].metric, published_classes=True))
        sets = [
            detection_sets.DetectedSet(metric, {0: "a", 1: "b"}, "kitchen", {"v": 9.0}, state.videos)
            for metric, state in zip(metrics, states, strict=True)
        ]
        first, second = map(localization.LocalizationReport().comparable, sets)
        assert (first == second) == same


def test_lines_of_the_chart_that_coincide_differ_in_width_dashes_and_size_of_points():
    looks = [threshold_chart.look(place, 4) for place in range(4)]
    widths, radii = ([float(look[name]) for look in looks] for name in ("width", "radius"))
    assert widths == sorted(widths, reverse=True) and radii == sorted(radii, reverse=True)
    assert len(set(widths)) == len(set(radii)) == len({look["dashes"] for look in looks}) == 4
    assert looks[0]["dashes"] == "none" and threshold_chart.look(0, 1)["dashes"] == "none"
