"""report.html: one self-contained page; style, script and data stand in the file, nothing is loaded.

The tables of scores are plain HTML and can be read without JavaScript. The timelines and the table of classes are drawn
by the script from JSON: segments as lists class, frames, class, frames, ...
"""

import html
import json
import math
import pathlib
import string

from fact_jax.reporting import colors
from fact_jax.reporting.report import markdown, statistics

ASSETS = pathlib.Path(__file__).with_name("assets")
SCRIPTS = ("page_basics.js", "page_timelines.js", "page_controls.js")
# The score that videos are sorted by at first, where the runs have it.
FIRST_SCORE = "F1@0.50"


def report_page(groups, differences, notes):
    """Text of report.html.

    Args:
      groups: list of Group.
      differences: list of Difference.
      notes: lines of warning.

    Returns:
      str.
    """
    title = f"Report: {groups[0].runs[0].segmented.dataset}"
    sections = ["scores", *["differences"] * bool(differences), "classes", "timelines"]
    template = string.Template((ASSETS / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(title),
        protocol=html.escape(markdown.protocol(groups)),
        navigation="".join(f'<a href="#{name}">{name.capitalize()}</a>' for name in sections),
        notes=_notes(notes),
        scores=_score_table(groups),
        how_means=html.escape(markdown.HOW_MEANS),
        settings=_settings_table(groups),
        runs=_runs_table(groups),
        differences=_differences_section(differences),
        style=(ASSETS / "page.css").read_text(encoding="utf-8"),
        data=embedded_json(page_data(groups)),
        script='"use strict";\n(() => {\n' + "".join((ASSETS / name).read_text("utf-8") for name in SCRIPTS) + "})();",
    )


def embedded_json(value):
    """JSON that may stand inside a script element: ASCII, without any "<" that could end it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page_data(groups):
    """What the script of the page draws from, as plain lists and dicts."""
    first = groups[0].runs[0]
    metrics = list(statistics.metric_names(first.state.metric))
    tables = [statistics.group_classes(group) for group in groups]
    thresholds = metrics[3:]
    excluded = first.state.metric.background_ids
    class_columns = ["precision", "recall", *thresholds]
    series = sorted({(index, run.seed) for index, group in enumerate(groups) for run in group.runs})
    videos = _videos(groups, {pair: index for index, pair in enumerate(series)}, metrics)
    return {
        "fps": first.segmented.fps,
        "metrics": metrics,
        "select": FIRST_SCORE if FIRST_SCORE in metrics else metrics[-1],
        "splits": sorted({run.split for group in groups for run in group.runs}),
        "longest": max((video["frames"] for video in videos), default=1),
        "groups": [group.short for group in groups],
        "series": [{"group": index, "seed": seed} for index, seed in series],
        "classes": [_class_entry(first.segmented, label) for label in range(len(first.segmented.class_names))],
        "classColumns": class_columns,
        "classScores": [
            [
                {
                    "segments": None if label in excluded else _number(columns["true_segments"].mean),
                    "scores": [_number(columns[name].mean) for name in class_columns],
                }
                for label, columns in table.items()
            ]
            for table in tables
        ],
        "videos": videos,
    }


def _class_entry(segmented, label):
    color, hatch = colors.class_style(label, segmented.background_ids)
    return {
        "name": segmented.class_names[label],
        "color": color,
        "text": colors.text_color(color),
        "hatch": hatch,
        "background": label in segmented.background_ids,
    }


def _videos(groups, places, metrics):
    """Entries of all videos, by name and split."""
    videos = {}
    for index, group in enumerate(groups):
        for run in group.runs:
            scores = {row["video_id"]: row for row in run.state.per_video()}
            for video in run.segmented.videos:
                entry = videos.setdefault(
                    (video.video_id, run.split),
                    {
                        "id": video.video_id,
                        "split": run.split,
                        "frames": int(video.true[:, 1].sum()),
                        "true": video.true.ravel().tolist(),
                        "runs": {},
                    },
                )
                entry["runs"][places[index, run.seed]] = {
                    "segments": video.predicted.ravel().tolist(),
                    "scores": [_number(scores[video.video_id][name]) for name in metrics],
                }
    return [videos[key] for key in sorted(videos)]


def _number(value):
    return None if math.isnan(value) else round(float(value), 3)


def _notes(notes):
    if not notes:
        return ""
    lines = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'<section class="notes" aria-label="Notes"><ul>{lines}</ul></section>'


def _score_table(groups):
    tables = [statistics.group_scores(group) for group in groups]
    names = list(tables[0])
    best = {name: max((table[name].mean for table in tables if not math.isnan(table[name].mean)), default=None)
            for name in names}
    body = []
    for group, table in zip(groups, tables, strict=True):
        cells = [f'<th scope="row">{html.escape(group.label)}</th>']
        cells.append(f'<td class="number" data-label="runs">{len(group.runs)}</td>')
        for name in names:
            top = len(groups) > 1 and table[name].mean == best[name]
            cells.append(f'<td class="number" data-label="{html.escape(name)}">{_spread_cell(table[name], top)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f'<th scope="col" class="number">{html.escape(name)}</th>' for name in ("runs", *names))
    return (
        f'<div class="scroll"><table class="stack"><thead><tr><th scope="col">System</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _spread_cell(found, top):
    if math.isnan(found.mean):
        return "–"
    text = f'<span class="best">{found.mean:.2f}</span>' if top else f"{found.mean:.2f}"
    if found.count > 1:
        text += f' <span class="spread">± {found.std:.2f}</span>'
        text += f'<span class="range">{found.minimum:.1f} – {found.maximum:.1f}</span>'
    return text


def _settings_table(groups):
    if not groups[0].settings:
        return ""
    rows = [[f"<code>{html.escape(key)}</code>", *(html.escape(group.settings[key]) for group in groups)]
            for key in groups[0].settings]
    return _more("Settings that differ", ["Setting", *(html.escape(group.label) for group in groups)], rows)


def _runs_table(groups):
    metrics = statistics.metric_names(groups[0].runs[0].state.metric)
    rows = []
    for group in groups:
        for run in group.runs:
            scores = run.state.compute()
            values = [_plain_number(scores[name]) for name in metrics]
            about = [group.label, run.split, run.seed, run.best_step, run.selected_on]
            rows.append([*(html.escape(str(entry)) for entry in (*about, *values, run.workdir))])
    return _more("All runs", ["System", "Split", "Seed", "Best step", "Chosen on", *metrics, "Folder"], rows)


def _more(title, head, rows):
    """A table behind a line that opens it; the entries are HTML."""
    header = "".join(f'<th scope="col">{entry}</th>' for entry in head)
    body = "".join("<tr>" + "".join(f"<td>{entry}</td>" for entry in row) + "</tr>" for row in rows)
    return (
        f'<details class="more"><summary>{title}</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{title}"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def _differences_section(differences):
    if not differences:
        return ""
    pairs = {}
    for difference in differences:
        pairs.setdefault((difference.first, difference.second), []).append(difference)
    bodies = []
    for (first, second), members in pairs.items():
        ends = [abs(end) for one in members for end in (one.value, one.low, one.high) if not math.isnan(end)]
        reach = 1.08 * max(ends, default=1.0) or 1.0
        title = (
            f'{html.escape(first)} <span class="spread">minus</span> {html.escape(second)} '
            f'<span class="spread">({members[0].num_videos} videos)</span>'
        )
        rows = [f'<tr><th scope="rowgroup" colspan="3">{title}</th></tr>']
        for one in members:
            rows.append(
                f"<tr><td>{html.escape(one.metric)}</td>"
                f'<td class="number">{markdown.interval_text(one)}</td>'
                f'<td class="wide">{_interval(one, reach)}</td></tr>'
            )
        bodies.append(f'<tbody class="pair">{"".join(rows)}</tbody>')
    return (
        '<section id="differences" aria-labelledby="differences-title">'
        '<h2 id="differences-title">Paired differences</h2><table class="stack"><thead class="visually-hidden"><tr>'
        '<th scope="col">Score</th><th scope="col">Difference and interval</th><th scope="col">Picture</th>'
        f'</tr></thead>{"".join(bodies)}</table>'
        f'<p class="hint">{html.escape(markdown.HOW_DIFFERENCES)} Blue: the interval does not contain 0.</p></section>'
    )


def _interval(difference, reach):
    """A picture of an interval on an axis from -reach to reach."""
    if math.isnan(difference.low):
        return ""

    def place(value):
        return f"{50.0 + 50.0 * value / reach:.2f}%"

    kind = "interval clear" if difference.low > 0 or difference.high < 0 else "interval"
    return (
        f'<svg class="{kind}" aria-hidden="true"><line class="axis" x1="50%" x2="50%" y1="0" y2="100%"/>'
        f'<line class="span" x1="{place(difference.low)}" x2="{place(difference.high)}" y1="8" y2="8"/>'
        f'<circle class="point" cx="{place(difference.value)}" cy="8" r="4.5"/></svg>'
    )


def _plain_number(value):
    return "–" if math.isnan(value) else f"{value:.2f}"
