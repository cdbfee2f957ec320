"""Rows of the tables of a report: dicts for `fact_jax.reporting.tables`, shared by Markdown, CSV and the page."""

import math

from fact_jax.reporting.report import statistics


def score_rows(groups):
    """A row per group and score: mean and spread over its runs."""
    rows = []
    for group in groups:
        for name, found in statistics.group_scores(group).items():
            rows.append(
                {
                    "group": group.label,
                    "score": name,
                    "mean": found.mean,
                    "std": found.std,
                    "min": found.minimum,
                    "max": found.maximum,
                    "runs": found.count,
                    "std_over_seeds": found.seed_std,
                    "std_over_splits": found.split_std,
                }
            )
    return rows


def run_rows(groups):
    """A row per run: what it is, where it lies, and its scores."""
    return [
        {
            "group": group.label,
            "split": run.split,
            "seed": run.seed,
            "best_step": run.best_step,
            "selected_on": run.selected_on,
            "videos": len(run.state.videos),
            **run.state.compute(),
            "workdir": str(run.workdir),
        }
        for group in groups
        for run in group.runs
    ]


def setting_rows(groups):
    """A row per group: the settings in which the groups differ."""
    return [{"group": group.label, **group.settings} for group in groups]


def class_rows(groups):
    """A row per group and class: means over the runs that have the class; segments and frames are means too.

    The segments of a class left out of the scores are not counted: NaN.
    """
    class_names = groups[0].runs[0].segmented.class_names
    excluded = groups[0].runs[0].state.metric.background_ids
    rows = []
    for group in groups:
        for class_id, columns in statistics.group_classes(group).items():
            row = {
                "group": group.label,
                "class_id": class_id,
                "class_name": class_names[class_id],
                "is_background": class_id in excluded,
            }
            for name, found in columns.items():
                not_counted = row["is_background"] and name in ("true_segments", "predicted_segments")
                row[name] = math.nan if not_counted else found.mean
                if name not in ("true_frames", "predicted_frames", "true_segments", "predicted_segments"):
                    row[f"{name}_std"], row[f"{name}_runs"] = found.std, found.count
            rows.append(row)
    return rows


def video_rows(groups):
    """A row per run and video: its counts and scores."""
    return [
        {"group": group.label, "split": run.split, "seed": run.seed, **scores}
        for group in groups
        for run in group.runs
        for scores in run.state.per_video()
    ]


def difference_rows(differences):
    """A row per pair of groups and score."""
    return [
        {
            "group": difference.first,
            "minus": difference.second,
            "score": difference.metric,
            "difference": difference.value,
            "low": difference.low,
            "high": difference.high,
            "level": statistics.LEVEL,
            "videos": difference.num_videos,
            "splits": " ".join(difference.splits),
        }
        for difference in differences
    ]
