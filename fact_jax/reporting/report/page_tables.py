"""The tables of report.html, as HTML; names are escaped here."""

import html
import math

from fact_jax.reporting.report import markdown, statistics


def score_table(groups):
    """A row per group, a column per score; the best mean is bold."""
    tables = [statistics.group_scores(group) for group in groups]
    names = list(tables[0])
    best = {
        name: max((table[name].mean for table in tables if not math.isnan(table[name].mean)), default=None)
        for name in names
    }
    body = []
    for group, table in zip(groups, tables, strict=True):
        cells = [f'<th scope="row">{html.escape(group.label)}</th>']
        cells.append(f'<td class="number" data-label="runs">{len(group.runs)}</td>')
        for name in names:
            top = len(groups) > 1 and table[name].mean == best[name]
            cells.append(f'<td class="number" data-label="{html.escape(name)}">{spread_cell(table[name], top)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f'<th scope="col" class="number">{html.escape(name)}</th>' for name in ("runs", *names))
    return (
        f'<div class="scroll"><table class="stack"><thead><tr><th scope="col">System</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def spread_cell(found, top=False):
    """Mean, deviation and range of a Spread; bold where it is the `top` one."""
    if math.isnan(found.mean):
        return "–"
    text = f'<span class="best">{found.mean:.2f}</span>' if top else f"{found.mean:.2f}"
    if found.count > 1:
        text += f' <span class="spread">± {found.std:.2f}</span>'
        text += f'<span class="range">{found.minimum:.1f} – {found.maximum:.1f}</span>'
    return text


def settings_table(groups):
    """The settings in which the groups differ; "" if there are none."""
    if not groups[0].settings:
        return ""
    rows = [
        [f"<code>{html.escape(key)}</code>", *(html.escape(group.settings[key]) for group in groups)]
        for key in groups[0].settings
    ]
    return opening_table("Settings that differ", ["Setting", *(html.escape(group.label) for group in groups)], rows)


def runs_table(groups):
    """A row per run: what it is, its scores and where it lies."""
    rows = []
    for group in groups:
        for run in group.runs:
            values = [_plain_number(score) for score in run.scores.values()]
            about = [group.label, run.split, run.seed, run.best_step, run.selected_on]
            rows.append([*(html.escape(str(entry)) for entry in (*about, *values, run.workdir))])
    names = groups[0].runs[0].scores
    return opening_table("All runs", ["System", "Split", "Seed", "Best step", "Chosen on", *names, "Folder"], rows)


def opening_table(title, head, rows):
    """A table behind a line that opens it; the entries are HTML."""
    header = "".join(f'<th scope="col">{entry}</th>' for entry in head)
    body = "".join("<tr>" + "".join(f"<td>{entry}</td>" for entry in row) + "</tr>" for row in rows)
    return (
        f'<details class="more"><summary>{title}</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{title}"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def differences_section(groups, differences):
    """The section of paired differences; "" without any."""
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
        f"</tr></thead>{''.join(bodies)}</table>"
        f'<p class="hint">{html.escape(markdown.how_differences(groups))} Blue: the interval does not contain 0.</p>'
        "</section>"
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
