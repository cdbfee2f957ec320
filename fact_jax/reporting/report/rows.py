"""Rows of the tables of a report: dicts for `fact_jax.reporting.tables`, shared by Markdown, CSV and the page."""

from fact_jax.reporting.report import statistics


def score_rows(groups):
    """A row per group and score: mean and spread over its runs."""
    return [
        {"group": group.label, "score": name} | found._asdict()
        for group in groups
        for name, found in statistics.group_scores(group).items()
    ]


def run_rows(groups):
    """A row per run: what it is, where it lies, and its scores."""
    return [
        {"group": group.label, "split": run.split, "seed": run.seed, "best_step": run.best_step}
        | {"selected_on": run.selected_on, "videos": len(run.state.videos)}
        | {**run.scores, "workdir": str(run.workdir)}
        for group in groups
        for run in group.runs
    ]


def class_rows(groups):
    """A row per group and class: means over the runs that have the class; what is counted is a mean too."""
    kind, evaluated = groups[0].kind, groups[0].evaluated
    rows = []
    for group in groups:
        for class_id, columns in statistics.group_classes(group).items():
            row = {"group": group.label, **kind.describe_class(evaluated, class_id)}
            for name, found in columns.items():
                row[name] = found.mean
                if name not in kind.class_counts:
                    row[f"{name}_std"], row[f"{name}_runs"] = found.std, found.runs
            rows.append(row)
    return rows


def video_rows(groups):
    """A row per run and video: its counts and scores."""
    return [
        {"group": group.label, "split": run.split, "seed": run.seed, **scores}
        for group in groups
        for run in group.runs
        for scores in run.video_scores
    ]


def difference_rows(differences):
    """A row per pair of groups and score."""
    return [
        {"group": one.first, "minus": one.second, "score": one.metric, "difference": one.value, "low": one.low}
        | {"high": one.high, "level": statistics.LEVEL, "videos": one.num_videos, "splits": " ".join(one.splits)}
        for one in differences
    ]
