"""The report of a comparison: intervals, who is best and who is not told apart from it, and the files."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from fact_jax.reporting.comparison import Comparison, SystemRuns, write_comparison
from fact_jax.reporting.comparison.line_chart import line_chart
from fact_jax.reporting.comparison.scores import Curve
from fact_jax.reporting.comparison.write import verdict


def system(name, scores):
    scores = np.array(scores, float)
    curve = Curve(np.array([10, 20]), np.array([2.0, 1.0]))
    return SystemRuns(name, {"Edit": scores / 2, "F1@0.50": scores}, 20, 2.0, {"loss": curve, "F1@0.50": curve})


def comparison(*systems, **changes):
    folds = [f"fold{number}" for number in range(len(systems[0].scores["Edit"]))]
    told = {"dataset": "a<b", "metric": "F1@0.50", "folds": folds, "seeds": [0, 1], "videos": [(8, 4)] * len(folds)}
    told |= {
        "scored": "test videos of every fold at the last step",
        "protocol": (),
        "systems": systems,
        "notes": ("n",),
    }
    return Comparison(**told | changes)


WORSE = system("mstcn", [[50, 52], [60, 62], [55, 57]])
CLOSE = system("fact", [[69, 71], [78, 80], [77, 77]])
BEST = system("asformer", [[70, 72], [80, 82], [75, 77]])


def test_intervals_are_the_corrected_ones_over_folds():
    found = comparison(WORSE, CLOSE, BEST)
    values = np.array([71.0, 81.0, 76.0])
    reach = stats.t.ppf(0.975, 2) * values.std(ddof=1) * math.sqrt(1 / 3 + 4 / 8)
    interval = found.interval(BEST, "F1@0.50")
    assert interval.mean == 76 and interval.low == pytest.approx(76 - reach) and interval.high == min(76 + reach, 100)
    differences = np.array([-20.0, -20.0, -20.0])
    assert found.difference(WORSE, "F1@0.50") == (differences.mean(), -20.0, -20.0)
    assert found.best is BEST and found.metrics == ["F1@0.50", "Edit"]


def test_the_verdict_names_the_best_and_what_is_within_noise():
    assert verdict(comparison(WORSE, CLOSE, BEST))[1] == (
        "Within noise of it, their interval of the difference holds 0: fact."
    )
    assert verdict(comparison(WORSE, BEST))[1].startswith("All others are clearly worse")
    one_fold = [system("a", [[1, 2]]), system("b", [[3, 4]])]
    assert verdict(comparison(*one_fold)) == [
        "Best: b, F1@0.50 3.50.",
        "One fold has no interval: whether the others are worse is not known.",
    ]
    assert verdict(comparison(BEST)) == [verdict(comparison(BEST))[0]]
    undefined = system("x", [[math.nan] * 2] * 3)
    assert comparison(undefined, WORSE).best is WORSE


def test_files_have_everything_and_times_in_the_pages_alone(tmp_path):
    costs = [{"system": "fact", "seconds per run": 1234}]
    lines = write_comparison(comparison(WORSE, CLOSE, BEST), tmp_path, costs, "details/report.html")
    assert lines[0].startswith("| system | F1@0.50 |") and lines[-2].startswith("Best: asformer, F1@0.50 76.00 [")
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {name for name, text in texts.items() if "1234" in text} == {"comparison.md", "comparison.html"}
    record = json.loads(texts["comparison.json"])
    assert record["best"] == "asformer" and len(record["runs"]) == 18 and record["folds"][0]["training videos"] == 8
    assert texts["comparison.csv"].splitlines()[1].startswith("mstcn,F1@0.50,56.0000,")
    assert texts["comparison_curves.csv"].splitlines()[1] == "mstcn,loss,10,2.0000"
    assert "a&lt;b" in texts["comparison.html"] and "a<b" not in texts["comparison.html"]
    assert texts["comparison.html"].count("<figure") == 2 and "details/report.html" in texts["comparison.md"]
    write_comparison(comparison(WORSE, CLOSE, BEST), tmp_path, [{"system": "fact", "seconds per run": 99}])
    again = (tmp_path / "comparison.md").read_text()
    assert again.split("## Time")[0] in texts["comparison.md"].replace(
        "[Timelines of all videos](details/report.html)\n\n", ""
    )


def test_a_chart_leaves_out_what_is_no_number():
    values = np.array([math.nan, 3.0, 3.0])
    chart = line_chart("loss", [("a", np.arange(3), values), ("b", np.arange(3), np.full(3, math.nan))])
    assert [len(line["points"]) for line in chart["lines"]] == [2] and chart["told"] == "loss: a: 3 at the end"
    assert line_chart("loss", [])["lines"] == []
