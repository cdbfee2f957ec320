"""The scores of localization at every temporal overlap: as rows, as Markdown, and as a section of the page."""

from fact_jax.metrics.localization import AVERAGE
from fact_jax.reporting.report import markdown, statistics, threshold_chart
from fact_jax.reporting.report.templates import render

TITLE = "mAP against temporal overlap"


def threshold_rows(groups):
    """A row per group, tIoU and score: mean and spread over its runs; the tIoU "average" is the mean over all."""
    found = []
    for group in groups:
        spreads = all_scores(group)
        for level in _levels(group):
            for measure in _measures(group):
                about = {"group": group.label, "tIoU": "average" if level == AVERAGE else level, "score": measure}
                found.append(about | spreads[f"{measure}@{level}"]._asdict())
    return found


def markdown_lines(groups):
    """A table: a row per group and score, a column per tIoU."""
    found = []
    for group in groups:
        spreads = all_scores(group)
        for measure in _measures(group):
            values = {level: markdown.plus_minus(spreads[f"{measure}@{level}"]) for level in _levels(group)}
            found.append({"system": group.label, "score": measure} | values)
    return ["## Scores at every tIoU", "", *markdown.table(found), ""]


def page_section(groups):
    """A section: mAP against tIoU as a picture, and all scores as a table."""
    spreads = [all_scores(group) for group in groups]
    levels = _levels(groups[0])
    maps = [[found[f"mAP@{level}"] for level in levels] for found in spreads]
    rows = [
        [group.label, measure, *(found[f"{measure}@{level}"] for level in levels)]
        for measure in _measures(groups[0])
        for group, found in zip(groups, spreads, strict=True)
    ]
    chart = threshold_chart.chart(groups[0].evaluated.metric.thresholds, [group.label for group in groups], maps)
    head = ["System", "Score", *levels]
    return render("overlap.html", title=TITLE, chart=chart, head=head, rows=rows)


def all_scores(group):
    """{name: Spread} of all that the metric gives."""
    return statistics.group_scores(group, lambda run: run.state.compute())


def _levels(group):
    return [*(f"{level:.2f}" for level in group.evaluated.metric.thresholds), AVERAGE]


def _measures(group):
    return ["mAP", *(f"Recall@{k}x" for k in group.evaluated.metric.top_k)]
