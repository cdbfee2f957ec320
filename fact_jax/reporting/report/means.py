"""Means over videos and classes of a report: as rows, as Markdown, and as a section of the page."""

import math

from fact_jax.reporting import results
from fact_jax.reporting.report import markdown, statistics
from fact_jax.reporting.report.templates import render


def mean_rows(groups):
    """A row per group and mean: the Spread of the mean over the runs, and the mean of the standard deviations."""
    return [
        {"group": group.label, "score": score, "over": over} | means._asdict() | {f"std_over_{over}": stds.mean}
        for group in groups
        for (score, over), (means, stds) in _spreads(group).items()
    ]


def csv_rows(groups):
    """The same with equal keys in every row."""
    found = mean_rows(groups)
    columns = sorted({name for row in found for name in row if name.startswith("std_over_")} - {"std_over_seeds"})
    return [row | {name: row.get(name, math.nan) for name in columns} for row in found]


def markdown_lines(groups):
    """A table: a row per mean, two columns per group."""
    rows = []
    for score, over in _spreads(groups[0]):
        row = {"score": score, "mean over": over}
        for group in groups:
            means, stds = _spreads(group)[score, over]
            suffix = f" {group.label}" if len(groups) > 1 else ""
            row |= {f"mean{suffix}": markdown.plus_minus(means), f"std{suffix}": stds.mean}
        rows.append(row)
    return [f"## {_title(groups)}", "", *markdown.table(rows), "", _how(groups), ""] if rows else []


def page_section(groups):
    """{title of the section: its HTML}, none without any mean."""
    spreads = [_spreads(group) for group in groups]
    rows = [
        [group.label, score, over, means, markdown.score_text(stds.mean)]
        for score, over in spreads[0]
        for group, found in zip(groups, spreads, strict=True)
        for means, stds in [found[score, over]]
    ]
    head = ["System", "Score", "Mean over", "Mean", "std"]
    return {"means": render("means.html", title=_title(groups), how=_how(groups), head=head, rows=rows)} if rows else {}


def _title(groups):
    return results.means_title(groups[0].runs[0].means)


def _how(groups):
    own = results.how_means(groups[0].runs[0].means)
    return f"{own} Both are averaged over the runs; ± is the standard deviation over the runs."


def _spreads(group):
    """{(score, over): (Spread of the mean, Spread of the standard deviation)} over the runs of a group."""
    parts = [
        statistics.group_scores(
            group, lambda run, part=part: {(row["score"], row["over"]): row[part] for row in run.means}
        )
        for part in ("mean", "std")
    ]
    return {key: (parts[0][key], parts[1][key]) for key in parts[0]}
