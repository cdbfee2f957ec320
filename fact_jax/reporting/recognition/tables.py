"""Tables of an evaluation of recognised clips, as CSV, and the scores in words."""

import dataclasses

import numpy as np

from fact_jax import files
from fact_jax.metrics.recognition_scores import TOP
from fact_jax.reporting.tables import to_csv

MOST_CONFUSIONS = 50  # of a head, in the table

_SINGLE = f"Top1, Top{TOP}: percent of the clips whose class is the most likely one, or among the {TOP} most likely."
_ACTIONS = (
    f"Noun@1, Noun@{TOP}, Verb@1, Verb@{TOP}: percent of the clips whose noun or verb is the most likely one, or among "
    f"the {TOP} most likely.",
    "Action@1: noun and verb are both the most likely ones.",
    f"Action@{TOP}, as published: the noun is among {TOP}, and the verb is. ActionPair@{TOP}: the pair is among the "
    f"{TOP} most likely pairs.",
    f"ActionRank@{TOP}: noun and verb have the same rank among the {TOP}, as the published validation counts it.",
)


def how_scored(metric) -> tuple[str, ...]:
    """Sentences about the scores of a RecognitionMetric."""
    return (_SINGLE,) if len(metric.heads) == 1 else _ACTIONS


def write_tables(folder, scored):
    """Writes the tables of `score_files.ScoredClips` into `folder`.

    per_class.csv has a row per class, confusions.csv one per confusion, the most frequent first, means.csv one per mean
    over classes. Undefined scores are left empty.
    """
    tables = {
        "per_class.csv": per_class(scored),
        "confusions.csv": [
            _confusion_row(scored, place, one)
            for place in range(len(scored.class_names))
            for one in confusions(scored.scores.confusion(place), MOST_CONFUSIONS)
        ],
        "means.csv": scored.scores.means(),
    }
    for name, rows in tables.items():
        files.atomic_write_text(f"{folder}/{name}", to_csv(rows))


def per_class(scored):
    """A dict per class of every head: its name, counts and scores."""
    rows = []
    for place, names in enumerate(scored.class_names):
        for row in scored.scores.per_class(place):
            class_id = row.pop("class_id")
            rows.append(_head_column(scored, place) | {"class_id": class_id, "class_name": names[class_id]} | row)
    return rows


def per_clip(scored):
    """A dict per clip: what it shows and the classes that are most likely, with their probabilities."""
    heads = scored.metric.heads
    rows = []
    for clip in scored.videos:
        row = {"clip": clip.video_id, "right": clip.is_right}
        for place, names in enumerate(scored.class_names):
            end = f"_{heads[place]}" if len(heads) > 1 else ""
            row |= {f"true{end}": names[clip.labels[place]], f"true_rank{end}": clip.ranks[place] + 1}
            row[f"true_probability{end}"] = clip.true_probabilities[place]
            found = zip(clip.classes[place], clip.probabilities[place], strict=True)
            for rank, (label, probability) in enumerate(found, start=1):
                row |= {f"predicted{end}_{rank}": names[label], f"probability{end}_{rank}": probability}
        rows.append(row)
    return rows


@dataclasses.dataclass(frozen=True)
class Confusion:
    """`clips` of the `total` clips of class `true` are taken for class `predicted`."""

    true: int
    predicted: int
    clips: int
    total: int


def confusions(matrix, count) -> list[Confusion]:
    """The `count` most frequent confusions of a matrix int [K, K]; of equal ones the larger share of a class first."""
    totals = matrix.sum(axis=1)
    wrong = np.argwhere((matrix > 0) & ~np.eye(len(matrix), dtype=bool)).tolist()
    found = [Confusion(row, column, int(matrix[row, column]), int(totals[row])) for row, column in wrong]
    return sorted(found, key=lambda one: (-one.clips, one.total, one.true, one.predicted))[:count]


def _confusion_row(scored, place, one):
    names = scored.class_names[place]
    row = {"true": names[one.true], "predicted": names[one.predicted], "clips": one.clips, "clips_of_true": one.total}
    return _head_column(scored, place) | row | {"share": 100.0 * one.clips / one.total}


def _head_column(scored, place):
    heads = scored.metric.heads
    return {"head": heads[place]} if len(heads) > 1 else {}
