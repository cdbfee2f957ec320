"""report.md: the tables of a report for people."""

import math

from fact_jax.reporting import tables
from fact_jax.reporting.report import rows, statistics

HOW_MEANS = (
    "Means are over the seeds of a split first and over splits then; ± is the standard deviation over all runs, which "
    "is undefined for a single one. Every run is scored at its own best step, see the table of runs."
)


def report_markdown(groups, differences, notes, mean_lines):
    """Text of report.md, from a list of Group, one of Difference, lines of warning and lines about further means."""
    dataset = groups[0].evaluated.dataset
    long_rows = [{key.replace("_", " "): value for key, value in row.items()} for row in rows.score_rows(groups)]
    lines = [f"# Report: {_plain(dataset)}", "", _plain(protocol(groups)), "", HOW_MEANS, ""]
    lines += [f"- Note: {_plain(note)}" for note in notes] + [""] * bool(notes)
    lines += ["## Scores", "", *table(summary_rows(groups)), "", *table(long_rows), ""]
    lines += [*groups[0].kind.more_markdown(groups), *mean_lines]
    if len(groups) > 1:
        if groups[0].settings:
            settings = [{"group": group.label, **group.settings} for group in groups]
            lines += ["## Settings that differ", "", *table(settings), ""]
        lines += ["## Paired differences", "", how_differences(groups), "", *_difference_lines(groups, differences), ""]
    lines += ["## Classes", "", *_class_lines(groups), ""]
    lines += ["## Runs", "", *table(_run_rows(groups))]
    return "\n".join(lines) + "\n"


def protocol(groups):
    """What was scored and how, in one line."""
    runs = [run for group in groups for run in group.runs]
    videos = len({(run.split, video.video_id) for run in runs for video in run.evaluated.videos})
    return (
        f"{_count(len(runs), 'run')} of {_count(len(groups), 'system')} on "
        f"{', '.join(sorted({run.split for run in runs}))}, {_count(videos, groups[0].kind.item)}; "
        f"{groups[0].kind.protocol(groups[0].evaluated)}"
    )


def how_differences(groups):
    """How paired differences and their intervals are made, in words."""
    items = f"{groups[0].kind.item}s"
    return (
        f"First minus second system, in percentage points, on the {items} that all runs of both evaluated. Intervals: "
        f"{statistics.LEVEL:.0%} percentile bootstrap with {statistics.RESAMPLES:,} resamples of the {items} within "
        f"every split (random seed {statistics.SEED}), the same {items} for both; {groups[0].kind.how_resampled}. "
        f"An interval tells how much hangs on the choice of these {items}, not on the training seed."
    )


def summary_rows(groups):
    """A row per group: number of runs, and "mean ± std" of every score."""
    return [
        {"system": group.label, "splits": len(group.by_split()), "runs": len(group.runs)}
        | {name: plus_minus(found) for name, found in statistics.group_scores(group).items()}
        for group in groups
    ]


def plus_minus(found):
    """A Spread as "80.12 ± 1.30", without the second part for a single run and "–" where undefined."""
    if math.isnan(found.mean):
        return "–"
    return f"{found.mean:.2f}" + ("" if math.isnan(found.std) else f" ± {found.std:.2f}")


def score_text(value):
    """A number with two decimals, and "–" where it is undefined."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def interval_text(difference):
    """A Difference as "+1.20 [−0.30, +2.70]"."""
    if math.isnan(difference.value):
        return "–"
    text = signed(difference.value)
    return text if math.isnan(difference.low) else f"{text} [{signed(difference.low)}, {signed(difference.high)}]"


def signed(value):
    """A number with its sign, and a minus as long as a plus; nothing before a zero."""
    text = f"{abs(value):.2f}"
    return text if float(text) == 0.0 else ("+" if value > 0 else "−") + text


def _difference_lines(groups, differences):
    item = groups[0].kind.item
    if not differences:
        return [f"No two systems evaluated a {item} of the same split."]
    pairs = {}
    for difference in differences:
        key = (difference.first, difference.second)
        row = pairs.setdefault(key, {"system": key[0], "minus": key[1], f"{item}s": difference.num_videos})
        row[difference.metric] = interval_text(difference)
    return table(list(pairs.values()))


def _class_lines(groups):
    """A row per class that occurs, with three scores of every group."""
    kind = groups[0].kind
    class_rows = rows.class_rows(groups)
    seen = {row["class_id"] for row in class_rows if any(row[name] > 0 for name in kind.seen_by)}
    found = {}
    for row in (row for row in class_rows if row["class_id"] in seen):
        about = {"class": row["class_name"], f"true {kind.counted}": _whole(row["true_segments"])}
        line = found.setdefault(row["class_id"], about)
        for name in kind.text_columns(groups[0].evaluated.metric):
            line[f"{name} {row['group']}" if len(groups) > 1 else name] = row[name]
    lines = table(list(found.values())) if found else []
    total = len(kind.classes(groups[0].evaluated))
    if len(seen) < total:
        lines += ["", f"{total - len(seen)} of {total} classes {kind.unseen}."]
    return lines


def _run_rows(groups):
    """`rows.run_rows`, with what is scored by its own name."""
    items = {"videos": f"{groups[0].kind.item}s"}
    return [{items.get(name, name): value for name, value in row.items()} for row in rows.run_rows(groups)]


def _whole(count):
    """A mean count as an int where it is one, so that it is written without decimals."""
    return int(count) if float(count).is_integer() else count


def table(table_rows):
    """Lines of a table; nothing in it is taken for a tag."""
    return [_plain(line) for line in tables.markdown_table(table_rows)]


def _plain(text):
    # A name with "<" in it may not become a tag where Markdown is shown as HTML.
    return str(text).replace("&", "&amp;").replace("<", "&lt;")


def _count(number, word):
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
