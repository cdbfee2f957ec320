"""Tables of a segmentation evaluation, as CSV."""

from fact_jax import files
from fact_jax.reporting.tables import to_csv


def how_scored(background_names):
    """The protocol in words and lines about its metrics; `background_names` are left out of Acc, Edit and F1."""
    excluded = ", ".join(f"`{name}`" for name in background_names)
    excluded = f"{excluded} excluded from Acc, Edit and F1" if excluded else "none excluded (background is evaluated)"
    return (
        f"background classes: {excluded}",
        "Percent. AccB counts all frames, Acc those whose truth is not background; Edit is a mean over videos;",
        "F1 has counts pooled over videos and the published epsilons, so a perfect score is 99.999.",
    )


def write_tables(folder, state, class_names):
    """Writes the tables of a SegmentationState into `folder`; undefined scores are left empty.

    per_video.csv has a row per video, per_class.csv one per class with its name and whether it is background, means.csv
    one per mean over videos or classes.
    """
    rows = []
    for row in state.per_class():
        label = row["class_id"]
        about = {"class_name": class_names[label], "is_background": label in state.metric.background_ids}
        rows.append({"class_id": label} | about | row)
    files.atomic_write_text(f"{folder}/per_video.csv", to_csv(state.per_video()))
    files.atomic_write_text(f"{folder}/per_class.csv", to_csv(rows))
    files.atomic_write_text(f"{folder}/means.csv", to_csv(state.means()))
