"""report.html: one self-contained page; style, script and data stand in the file, nothing is loaded.

The tables of scores are plain HTML and can be read without JavaScript. The timelines and the table of classes are drawn
by the script from JSON.
"""

import math
import pathlib

import numpy as np
from markupsafe import Markup

from fact_jax.reporting import colors
from fact_jax.reporting.report import markdown, means, statistics
from fact_jax.reporting.report.templates import ASSETS, render
from fact_jax.reporting.review.write import FILE as REVIEW
from fact_jax.reporting.templates import address, embedded_json


def report_page(groups, differences, notes, folder="."):
    """Text of report.html, from a list of Group, one of Difference and lines of warning.

    It is to lie in `folder`, and has links to the pages of the runs on which their videos are looked at.
    """
    kind, runs = groups[0].kind, [(group, run) for group in groups for run in group.runs]
    spreads = [statistics.group_scores(group) for group in groups]
    between, code = kind.more_sections(groups) | means.page_section(groups), Markup("<code>{}</code>")
    if differences:
        how = markdown.how_differences(groups)
        between["differences"] = render("differences.html", pairs=_pairs(differences), how=how, item=kind.item)
    text = render(
        "page.html",
        title=f"Report: {groups[0].evaluated.dataset}",
        protocol=markdown.protocol(groups),
        notes=notes,
        reviews=_reviews(runs, folder),
        groups=groups,
        spreads=spreads,
        # A mean that is undefined equals nothing, the largest of them included.
        best={name: np.fmax.reduce([found[name].mean for found in spreads]) for name in spreads[0]},
        how_means=markdown.HOW_MEANS,
        settings=[[code.format(key), *(group.settings[key] for group in groups)] for key in groups[0].settings],
        run_head=["System", "Split", "Seed", "Best step", "Chosen on", *runs[0][1].scores, "Folder"],
        runs=[
            [group.label, run.split, run.seed, run.best_step, run.selected_on]
            + [*map(markdown.score_text, run.scores.values()), run.workdir]
            for group, run in runs
        ],
        between=between,
        how_drawn=kind.how_drawn(groups),
        mark_errors=kind.errors,
        item=kind.item,
        counted=kind.counted,
        style=ASSETS.joined(kind.styles),
        data=embedded_json(page_data(groups)),
        script=ASSETS.script(kind.scripts),
    )
    return str(text)


def _reviews(runs, folder):
    """(name, address) of the pages on which the predictions of the runs are looked at and corrected."""
    for group, run in runs:
        path = pathlib.Path(run.workdir) / REVIEW
        if path.is_file():
            several = len(group.runs) > 1
            yield f"{group.label}{f', {run.split}, seed {run.seed}' if several else ''}", address(path, folder)


def _pairs(differences):
    """(the differences of two groups, how far their axis reaches) of every two groups."""
    pairs = {}
    for one in differences:
        pairs.setdefault((one.first, one.second), []).append(one)
    for members in pairs.values():
        ends = [abs(end) for one in members for end in (one.value, one.low, one.high) if not math.isnan(end)]
        yield members, 1.08 * max(ends, default=1.0) or 1.0


def page_data(groups):
    """What the script of the page draws from, as plain lists and dicts."""
    kind, evaluated = groups[0].kind, groups[0].evaluated
    metrics, background = list(groups[0].runs[0].scores), kind.background_of(evaluated)
    tables = [statistics.group_classes(group) for group in groups]
    class_columns = kind.page_columns(evaluated.metric)
    series = sorted({(index, run.seed) for index, group in enumerate(groups) for run in group.runs})
    videos = _videos(groups, {pair: index for index, pair in enumerate(series)}, metrics)
    return {
        **kind.page_settings(evaluated),
        "item": kind.item,
        "counted": f"True {kind.counted}",
        "metrics": metrics,
        "select": kind.first_score if kind.first_score in metrics else metrics[-1],
        "splits": sorted({run.split for group in groups for run in group.runs}),
        "longest": max((video["frames"] for video in videos), default=1),
        "groups": [group.short for group in groups],
        "series": [{"group": index, "seed": seed} for index, seed in series],
        "classes": [_class_entry(label, name, background) for label, name in kind.classes(evaluated).items()],
        "classColumns": class_columns,
        "classScores": [[_class_scores(found, class_columns) for found in table.values()] for table in tables],
        "videos": videos,
    }


def _class_scores(found, columns):
    scores = [_number(found[name].mean) for name in columns]
    return {"segments": _number(found["true_segments"].mean), "scores": scores}


def _class_entry(label, name, background_ids):
    color, hatch = colors.class_style(label, background_ids)
    look = {"color": color, "text": colors.text_color(color), "hatch": hatch}
    return {"name": name, **look, "background": label in background_ids}


def _videos(groups, places, metrics):
    """Entries of all videos, by name and split."""
    videos = {}
    for index, group in enumerate(groups):
        for run in group.runs:
            scores = {row["video_id"]: [_number(row[name]) for name in metrics] for row in run.video_scores}
            for video_id, (length, true, predicted) in group.kind.page_videos(run, groups).items():
                about = {"id": video_id, "split": run.split, "frames": length, "true": true, "runs": {}}
                entry = videos.setdefault((video_id, run.split), about)
                entry["frames"] = max(entry["frames"], length)
                entry["runs"][places[index, run.seed]] = {"segments": predicted, "scores": scores[video_id]}
    return [videos[key] for key in sorted(videos)]


def _number(value):
    return None if math.isnan(value) else round(float(value), 3)
