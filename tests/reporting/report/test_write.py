"""The files of a report: tables, Markdown, and a page that stands alone."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fact_jax.reporting.report import page
from fact_jax.reporting.report.groups import group_runs
from fact_jax.types import UserError
from tests.reporting import workdirs
from tests.reporting.elements import Elements, read

NASTY = ("</script><script>throw 1</script>", 'a "quoted" & <b>bold</b> name', "Käse | schneiden ✂\u2028x", "serve")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """(folder of a report over two systems, two splits and two seeds, the lines that were said)."""
    folder = tmp_path_factory.mktemp("report")
    lines = []
    (folder / "out").mkdir()
    (folder / "out" / "report_thresholds.csv").write_text("of runs of localization")
    workdirs.write_report(workdirs.make_grid(folder / "runs"), folder / "out", lines.append)
    return folder / "out", lines


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """Folder of the report on a run whose names are chosen to break it."""
    folder = tmp_path_factory.mktemp("nasty")
    truth = {f"{name} video": labels for name, labels in zip(NASTY, workdirs.make_truth(0, 4).values(), strict=True)}
    path = workdirs.make_run(folder / "a", truth, truth, class_names=NASTY, name="<i>x</i>", dataset="<u>&amp;")
    workdirs.write_report([path], folder / "out")
    return folder / "out"


def test_every_file_is_written_and_named(report):
    folder, lines = report
    names = {path.name for path in folder.iterdir()}
    tables = {f"report_{name}.csv" for name in ("runs", "classes", "means", "videos", "differences")}
    assert names == {"report.md", "report.html", "report.csv"} | tables
    assert all(name in lines[-1] for name in names) and lines[0].startswith("| system")


def test_tables_hold_every_run_video_class_and_difference(report):
    folder, _ = report
    scores = ["Edit", "AccB", "Acc", "F1@0.10", "F1@0.25", "F1@0.50"]
    rows = read(folder, "report.csv")
    assert [(row["group"], row["score"]) for row in rows] == [(f"system{k}", name) for k in (0, 1) for name in scores]
    run_rows = read(folder, "report_runs.csv")
    assert len(run_rows) == 8 and {row["best_step"] for row in run_rows} == {"10"}
    for row in rows:
        values = [float(run[row["score"]]) for run in run_rows if run["group"] == row["group"]]
        assert float(row["mean"]) == pytest.approx(np.mean(values), abs=1e-3)
        assert float(row["std"]) == pytest.approx(np.std(values, ddof=1), abs=1e-3)
        assert (float(row["min"]), float(row["max"]), row["runs"]) == (min(values), max(values), "4")
    assert len(read(folder, "report_classes.csv")) == 2 * 4
    videos = read(folder, "report_videos.csv")
    assert len(videos) == 8 * 5 and {row["video_id"] for row in videos if row["split"] == "split2"} == {
        f"split2_{index}" for index in range(5)
    }
    differences = read(folder, "report_differences.csv")
    assert [row["score"] for row in differences] == scores
    for row in differences:
        assert (row["group"], row["minus"], row["level"], row["videos"]) == ("system1", "system0", "0.9500", "10")
        assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])


def test_means_over_videos_and_classes_are_those_of_the_runs(report):
    folder, _ = report
    folders = [Path(run["workdir"]) for run in read(folder, "report_runs.csv") if run["group"] == "system0"]
    own = [read(path / "tables", "means.csv") for path in folders]
    for place, row in enumerate(read(folder, "report_means.csv")[: len(own[0])]):
        assert all(means[place][name] == row[name] for means in own for name in ("score", "over"))
        values, stds = ([float(means[place][name]) for means in own] for name in ("mean", "std"))
        assert float(row["mean"]) == pytest.approx(np.mean(values), abs=1e-3)
        assert float(row[f"std_over_{row['over']}"]) == pytest.approx(np.mean(stds), abs=1e-3)
    assert "## Means over videos and classes" in (folder / "report.md").read_text()
    assert 'id="means"' in (folder / "report.html").read_text()


def test_markdown_says_what_was_averaged_and_how_intervals_were_made(report):
    text = (report[0] / "report.md").read_text(encoding="utf-8")
    assert "8 runs of 2 systems on split1, split2, 10 videos; background not counted" in text
    assert "95% percentile bootstrap with 10,000 resamples" in text and "random seed 0" in text
    assert "seeds of a split first and over splits then" in text
    assert re.search(r"\| system0 \| 2 \| 4 \| \d+\.\d\d ± \d+\.\d\d \|", text)
    assert re.search(r"\| system1 \| system0 \| 10 \| −\d+\.\d\d \[−\d+\.\d\d, [−+]\d+\.\d\d\] \|", text)
    for heading in ("Scores", "Paired differences", "Classes", "Runs"):
        assert f"\n## {heading}\n" in text


def test_uneven_coverage_is_noted(tmp_path):
    truth = workdirs.make_truth(0, 2)
    paths = [
        workdirs.make_run(tmp_path / "a", truth, truth, name="a"),
        workdirs.make_run(tmp_path / "a2", truth, truth, name="a", split="split2", seed=1),
        workdirs.make_run(tmp_path / "b", truth, truth, name="b"),
    ]
    lines = []
    workdirs.write_report(paths, tmp_path / "out", lines.append)
    assert "note: b has no run of split2: its mean is over other videos." in lines
    assert "note: a has other seeds in some splits (split1: 0, split2: 1)." in lines
    for name in ("report.md", "report.html"):
        assert "b has no run of split2" in (tmp_path / "out" / name).read_text()


def test_one_run_makes_a_report_and_what_is_not_counted_is_a_dash(tmp_path):
    truth = {"video": np.repeat([0, 1, 2, 1], 10)}
    path = workdirs.make_run(tmp_path / "a", truth, truth, class_names=(*workdirs.CLASS_NAMES, "unseen"))
    workdirs.write_report([path], tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "Paired" not in text and "| fact | 1 | 1 | 100.00 | 100.00 |" in text
    assert (tmp_path / "out" / "report_differences.csv").read_text() == ""
    assert 'id="differences"' not in (tmp_path / "out" / "report.html").read_text()
    # "serve" and "unseen" are listed in the table only.
    assert "2 of 5 classes are never true and never predicted." in text and "| unseen |" not in text
    assert "| background | – | – | 100.00 |" in text and "| pour | 2 |" in text and "| stir | 1 |" in text
    rows = read(tmp_path / "out", "report_classes.csv")
    assert [row["true_segments"] for row in rows] == ["", "2.0000", "1.0000", "0.0000", "0.0000"]


def test_an_output_that_is_a_file_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="--output .* is a file, expected a folder"):
        workdirs.write_report([tmp_path / "nothing"], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_the_page_loads_nothing(report):
    text = (report[0] / "report.html").read_text(encoding="utf-8")
    for tag, attributes in Elements(text).tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert "@import" not in text and "url(http" not in text and "fetch(" not in text
    assert "default-src 'none'" in text


def test_names_cannot_break_the_page_or_the_markdown(nasty):
    found = Elements((nasty / "report.html").read_text(encoding="utf-8"))
    assert [attributes.get("type") for tag, attributes in found.tags if tag == "script"] == ["application/json", None]
    data = json.loads(found.scripts[0])
    assert [entry["name"] for entry in data["classes"]] == list(NASTY)
    assert sorted(video["id"] for video in data["videos"]) == sorted(f"{name} video" for name in NASTY)
    assert not {"b", "i", "u"} & {tag for tag, _ in found.tags}
    text = (nasty / "report.md").read_text(encoding="utf-8")
    assert "<script" not in text and "Käse \\| schneiden" in text


def test_embedded_json_is_json_without_tags():
    value = {"a": ["</script>", "<!--", "&", "\u2028", 'q"', "ü"], "b": None}
    text = page.embedded_json(value)
    assert json.loads(text) == value and not set("<>&\u2028ü") & set(text)
    with pytest.raises(ValueError):
        page.embedded_json(float("nan"))


def test_the_page_holds_the_segments_of_every_run(tmp_path):
    paths = workdirs.make_grid(tmp_path)
    groups = group_runs(workdirs.read_runs(paths))
    data = page.page_data(groups)
    assert data["series"] == [{"group": group, "seed": seed} for group in (0, 1) for seed in (0, 1)]
    assert len(data["videos"]) == 10 and data["longest"] == max(video["frames"] for video in data["videos"])
    for video in data["videos"]:
        assert list(video["runs"]) == [0, 1, 2, 3]
        for flat in (video["true"], *(run["segments"] for run in video["runs"].values())):
            assert sum(flat[1::2]) == video["frames"]
    run = groups[1].runs[0]
    scores = {row["video_id"]: row for row in run.state.per_video()}
    found = next(video for video in data["videos"] if video["id"] == "split1_0")["runs"][2]["scores"]
    assert found == [round(scores["split1_0"][name], 3) for name in data["metrics"]]


def test_the_page_leads_to_those_on_which_runs_are_looked_at(tmp_path):
    paths = workdirs.make_grid(tmp_path)
    (paths[0] / "review.html").write_text("")
    workdirs.write_report(paths, tmp_path / "out")
    links = [
        found["href"] for tag, found in Elements((tmp_path / "out" / "report.html").read_text()).tags if tag == "a"
    ]
    assert f"../{paths[0].relative_to(tmp_path)}/review.html" in links
    assert sum(link.endswith("review.html") for link in links) == 1
