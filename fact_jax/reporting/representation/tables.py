"""Tables of a representation evaluation, as CSV."""

from fact_jax import files
from fact_jax.reporting.tables import to_csv

_TASKS = {
    "classification": "Classification@f: percent of the frames whose phase a logistic regression tells that was fitted "
    "to the first f of these videos.",
    "progress": "Progress@f: R^2, at most 1, of a linear regression of the time since the end of every phase.",
    "tau": "Tau: Kendall's tau, at most 1, of the order of nearest frames, over all pairs of videos.",
    "retrieval": "AP@k: percent of the k nearest frames of other videos that have the phase of the frame.",
    "linear_probe": "Linear@f: percent of the frames whose phase a layer tells that was trained by gradient descent.",
}


def how_scored(metric, stride, fitted):
    """The protocol in words and lines about the scores of a RepresentationMetric.

    `stride`: every such frame is embedded; `fitted` says how many videos linear models are fitted to.
    """
    return (f"{every(stride)} frame is embedded; linear models are fitted to {fitted}", *about_scores(metric))


def about_scores(metric):
    """Lines about the scores of a RepresentationMetric."""
    for task, sentence in _TASKS.items():
        if task in metric.tasks:
            yield sentence
    if metric.stride > 1 and {"tau", "retrieval"} & set(metric.tasks):
        yield f"Tau and AP look at {every(metric.stride)} embedded frame."
    yield "Of a video with labels, frames without a phase count nowhere."
    if len(metric.num_classes) > 1:
        yield f"Scores are means over {len(metric.num_classes)} datasets, each with linear models of its own."


def every(stride):
    """ "every", "every 2nd", ..."""
    return "every" if stride == 1 else f"every {stride}{ {2: 'nd', 3: 'rd'}.get(stride, 'th') }"


def write_tables(folder, scores, phases):
    """Writes the tables of RepresentationScores into `folder`; `phases` are the names of those of every dataset.

    per_video.csv has a row per evaluated video, per_phase.csv one per phase, per_dataset.csv one per dataset, means.csv
    one per mean. Undefined scores are left empty.
    """
    metric = scores.metric
    tables = {
        "per_video.csv": per_video(scores),
        "per_phase.csv": per_phase(scores, phases),
        "per_dataset.csv": [
            {"dataset": metric.title(number), "videos": sum(video.dataset == number for video in scores.videos), **row}
            for number, row in enumerate(scores.per_dataset())
        ],
        "means.csv": scores.means(),
    }
    for name, rows in tables.items():
        files.atomic_write_text(f"{folder}/{name}", to_csv(rows))


def per_video(scores):
    """A dict per video: its dataset, frames that have a phase, and scores in it alone."""
    rows = scores.per_video()
    return [
        {"video": row["video_id"], "dataset": scores.metric.title(video.dataset)}
        | {name: value for name, value in row.items() if name != "video_id"}
        for video, row in zip(scores.videos, rows, strict=True)
    ]


def per_phase(scores, phases):
    """A dict per phase and dataset: numbers of frames and scores of the last classifier."""
    return [
        {"dataset": scores.metric.title(row["dataset"]), "phase": phases[row["dataset"]][row["phase"]]}
        | {name: value for name, value in row.items() if name not in ("dataset", "phase")}
        for row in scores.per_phase()
    ]
