"""Reports over runs that recognise clips: the same command, the same files, and a gallery of errors."""

import base64
import json
import re

import numpy as np
import pytest

from configs import fact_synthetic
from fact_jax.reporting.recognition import tables, writer
from fact_jax.reporting.report import page, statistics
from fact_jax.reporting.report.groups import group_runs
from fact_jax.types import UserError
from tests.reporting import workdirs
from tests.reporting.elements import Elements, read
from tests.reporting.recognition import made


def make_run(workdir, heads, *, name, seed, noise):
    """Writes what a finished run leaves for a report; its config is that of another system under this name."""
    evaluation = made.evaluate(heads, noise=noise, seed=seed)
    config = fact_synthetic.get_config("quick").copy_and_resolve_references()
    first = evaluation.protocol.metric.names()[0]
    overrides = {"name": name, "seed": seed, "model__name": "cast"}
    how_scored = ("2 views of a clip", *tables.how_scored(evaluation.protocol.metric))
    workdirs.finish(workdir, config, overrides, evaluation, writer, select_metric=first, how_scored=how_scored)
    for clip in evaluation.state().scores.videos:
        if not clip.is_right and int(clip.video_id[-2:]) % 2 == 0:  # some were not drawn
            path = writer.error_picture(workdir, clip.video_id)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(f"picture of {clip.video_id}".encode())
    return workdir


@pytest.fixture(scope="module", params=["single", "pairs"])
def paths(request, tmp_path_factory):
    """Workdirs of two systems with two seeds each, and the heads."""
    heads, folder = {"single": made.SINGLE, "pairs": made.PAIRS}[request.param], tmp_path_factory.mktemp("runs")
    found = [
        make_run(folder / f"{system}{seed}", heads, name=system, seed=seed, noise=noise)
        for system, noise in (("sure", 1.0), ("unsure", 6.0))
        for seed in (0, 1)
    ]
    return found, heads


@pytest.fixture(scope="module")
def groups(paths):
    return group_runs(workdirs.read_runs(paths[0]))


@pytest.fixture(scope="module")
def report(paths, tmp_path_factory):
    """(folder of their report, the lines that were said)."""
    folder, lines = tmp_path_factory.mktemp("report"), []
    workdirs.write_report(paths[0], folder, lines.append)
    return folder, lines


def test_scores_are_those_of_the_results(report, paths):
    folder, lines = report
    assert "note:" not in "".join(lines)
    results = [json.loads((path / "results.json").read_text())["metrics"]["test"]["best"] for path in paths[0]]
    for row in read(folder, "report.csv"):
        own = results[:2] if row["group"] == "sure" else results[2:]
        assert float(row["mean"]) == pytest.approx(np.mean([result[row["score"]] for result in own]), abs=1e-3)


def test_classes_of_all_heads_have_rows(report, paths):
    rows, heads = read(report[0], "report_classes.csv"), paths[1]
    several = len(heads) > 1
    names = [f"{head}: {name}" if several else name for head, own in heads.items() for name in own]
    assert [row["class_name"] for row in rows] == names * 2
    assert sum(float(row["true_segments"]) for row in rows) == 2 * 12 * len(heads)


def test_differences_are_over_clips(groups):
    found = {one.metric: one for one in statistics.differences(groups, resamples=200)}
    name = groups[0].runs[0].state.metric.names()[0]
    means = [np.mean([run.scores[name] for run in group.runs]) for group in groups]
    assert found[name].num_videos == 12 and found[name].value == pytest.approx(means[1] - means[0])
    assert found[name].high < 0


def test_the_page_shows_the_clips_that_are_most_confidently_wrong(report, groups):
    text = (report[0] / "report.html").read_text()
    run = groups[1].runs[0]
    wrong = sorted((clip for clip in run.evaluated.videos if not clip.is_right), key=lambda clip: -clip.confidence)
    drawn = [clip for clip in wrong if int(clip.video_id[-2:]) % 2 == 0]
    places = [text.index(base64.b64encode(f"picture of {clip.video_id}".encode()).decode()) for clip in drawn]
    assert drawn and len(places) < len(wrong) and '<section id="errors"' in text
    first = drawn[0]
    answer = f"{100 * first.confidence:.1f} %"
    assert answer in text[max(places[0], 0) : places[0] + 400]
    Elements(text)


def test_what_is_counted_are_clips(report):
    elements = Elements((report[0] / "report.html").read_text())
    for text in (" ".join(elements.texts), (report[0] / "report.md").read_text()):
        assert re.search(r"\bclips\b", text) and not re.search(r"\b(videos?|segments?)\b", text)


def test_lines_of_the_page_have_a_part_for_every_head(groups, paths):
    data, heads = page.page_data(groups), paths[1]
    assert data["heads"] == list(heads) and data["counted"] == "True clips" and data["item"] == "clip"
    clip, shown = groups[0].runs[0].evaluated.videos[0], data["videos"][0]
    first = [0, len(next(iter(heads.values())))]
    assert shown["true"] == [n for place, label in enumerate(clip.labels) for n in (first[place] + label, 1)]
    assert shown["frames"] == len(heads)


def test_runs_with_other_labels_are_refused(paths, tmp_path):
    other = make_run(tmp_path / "other", paths[1], name="other", seed=0, noise=1.0)
    file = other / "tables" / "recognition.json"
    content = json.loads(file.read_text())
    clip = content["videos"][0]
    for key in ("labels", "classes"):
        head = clip[key][0] if key == "labels" else clip[key][0][:]
        clip[key][0] = (head + 1) % 3 if key == "labels" else [(label + 1) % 3 for label in head]
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match="different labels for the video 'clip 00'"):
        workdirs.read_runs([paths[0][0], other])
