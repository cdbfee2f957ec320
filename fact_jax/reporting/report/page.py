"""report.html: one self-contained page; style, script and data stand in the file, nothing is loaded.

The tables of scores are plain HTML and can be read without JavaScript. The timelines and the table of classes are drawn
by the script from JSON.
"""

import html
import json
import math
import pathlib
import string

from fact_jax.reporting import colors
from fact_jax.reporting.report import markdown, page_tables, statistics

ASSETS = pathlib.Path(__file__).with_name("assets")


def report_page(groups, differences, notes):
    """Text of report.html.

    Args:
      groups: list of Group.
      differences: list of Difference.
      notes: lines of warning.

    Returns:
      str.
    """
    title, kind = f"Report: {groups[0].evaluated.dataset}", groups[0].kind
    between = kind.more_sections(groups)
    if differences:
        between["differences"] = page_tables.differences_section(groups, differences)
    sections = ["scores", *between, "classes", "timelines"]
    template = string.Template((ASSETS / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(title),
        protocol=html.escape(markdown.protocol(groups)),
        navigation="".join(f'<a href="#{name}">{name.capitalize()}</a>' for name in sections),
        notes=_notes(notes),
        scores=page_tables.score_table(groups),
        how_means=html.escape(markdown.HOW_MEANS),
        settings=page_tables.settings_table(groups),
        runs=page_tables.runs_table(groups),
        between="\n".join(between.values()),
        how_drawn=f'<p class="hint above">{html.escape(drawn)}</p>' if (drawn := kind.how_drawn(groups)) else "",
        mark_errors=kind.errors,
        style=_assets(kind.styles),
        data=embedded_json(page_data(groups)),
        script='"use strict";\n(() => {\n' + _assets(kind.scripts) + "})();",
    )


def embedded_json(value):
    """JSON that may stand inside a script element: ASCII, without any "<" that could end it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page_data(groups):
    """What the script of the page draws from, as plain lists and dicts."""
    kind, evaluated = groups[0].kind, groups[0].evaluated
    metrics = list(groups[0].runs[0].scores)
    tables = [statistics.group_classes(group) for group in groups]
    class_columns = kind.page_columns(evaluated.metric)
    series = sorted({(index, run.seed) for index, group in enumerate(groups) for run in group.runs})
    videos = _videos(groups, {pair: index for index, pair in enumerate(series)}, metrics)
    return {
        **kind.page_settings(evaluated),
        "metrics": metrics,
        "select": kind.first_score if kind.first_score in metrics else metrics[-1],
        "splits": sorted({run.split for group in groups for run in group.runs}),
        "longest": max((video["frames"] for video in videos), default=1),
        "groups": [group.short for group in groups],
        "series": [{"group": index, "seed": seed} for index, seed in series],
        "classes": [
            _class_entry(label, name, kind.background_of(evaluated)) for label, name in kind.classes(evaluated).items()
        ],
        "classColumns": class_columns,
        "classScores": [
            [
                {
                    "segments": _number(columns["true_segments"].mean),
                    "scores": [_number(columns[name].mean) for name in class_columns],
                }
                for columns in table.values()
            ]
            for table in tables
        ],
        "videos": videos,
    }


def _class_entry(label, name, background_ids):
    color, hatch = colors.class_style(label, background_ids)
    return {
        "name": name,
        "color": color,
        "text": colors.text_color(color),
        "hatch": hatch,
        "background": label in background_ids,
    }


def _videos(groups, places, metrics):
    """Entries of all videos, by name and split."""
    videos = {}
    for index, group in enumerate(groups):
        for run in group.runs:
            scores = {row["video_id"]: row for row in run.video_scores}
            for video_id, (length, true, predicted) in group.kind.page_videos(run, groups).items():
                entry = videos.setdefault(
                    (video_id, run.split),
                    {"id": video_id, "split": run.split, "frames": length, "true": true, "runs": {}},
                )
                entry["frames"] = max(entry["frames"], length)
                entry["runs"][places[index, run.seed]] = {
                    "segments": predicted,
                    "scores": [_number(scores[video_id][name]) for name in metrics],
                }
    return [videos[key] for key in sorted(videos)]


def _assets(names):
    return "".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


def _number(value):
    return None if math.isnan(value) else round(float(value), 3)


def _notes(notes):
    if not notes:
        return ""
    lines = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'<section class="notes" aria-label="Notes"><ul>{lines}</ul></section>'
