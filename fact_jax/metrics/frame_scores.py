"""Precision, recall, F1 and Jaccard index of the frames of every class, and means over classes and videos (NumPy).

With tp, fp and fn frames of a class: precision = tp / (tp + fp), recall = tp / (tp + fn), F1 = 2 tp / (2 tp + fp + fn)
and Jaccard = tp / (tp + fp + fn), in percent. There are two ways to them, and papers mean either:

- Frames of all videos together: precision, recall, F1, Jaccard. The mean over classes is the "macro" mean of papers on
  behaviour (F1 per behaviour: Segalin et al., MARS, eLife 2021; Bohnslav et al., DeepEthogram, eLife 2021).
- Per video: the score in every video whose truth has the class, and the mean over these. The mean over classes is then
  what papers on surgical phases report as phase-wise precision, recall and Jaccard, with a standard deviation over
  phases, beside the mean of the accuracy over videos, video-wise, with one over videos: Twinanda et al., EndoNet, TMI
  2017, and the scripts of the M2CAI 2016 challenge. Here a frame is right or wrong; those scripts also forgive errors
  within 10 seconds of a change of phases. Funke et al., arXiv:2305.13961, compare the protocols.

A class that the truth lacks has no score (NaN), whatever was predicted, and counts in no mean. Precision is also
undefined where the class is never predicted, and such a class or video is left out of its mean. Classes that the metric
takes for background count in no mean over classes. Standard deviations are those of a sample.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int

NAMES = ("precision", "recall", "F1", "Jaccard")


def frame_scores(correct, true, predicted) -> dict[str, np.ndarray]:
    """The scores in percent by name, from numbers of frames of every class; NaN where a score is undefined."""
    correct, true, predicted = (np.asarray(counts, np.float64) for counts in (correct, true, predicted))
    known = true > 0
    return {
        "precision": _percent(correct, predicted, known),
        "recall": _percent(correct, true, known),
        "F1": _percent(2 * correct, true + predicted, known),
        "Jaccard": _percent(correct, true + predicted - correct, known),
    }


def _percent(part, whole, known):
    defined = known & (whole > 0)
    return np.where(defined, 100.0 * part / np.where(defined, whole, 1.0), np.nan)


def mean_over_videos(videos: Iterable[Int[np.ndarray, "_ 3"]], num_classes: int) -> dict[str, Float[np.ndarray, " C"]]:
    """Per class the mean of `frame_scores` over the videos whose truth has it, by name.

    Videos are rows (true class, predicted class, frames); the same for any order of them.
    """
    classes, scores = [], {name: [] for name in NAMES}
    for pairs in videos:
        true, predicted, frames = pairs.T
        present, place = np.unique(true, return_inverse=True)
        correct = np.bincount(place, frames * (true == predicted), len(present))
        in_truth = np.isin(predicted, present)
        places = np.searchsorted(present, predicted[in_truth])
        counts = np.bincount(place, frames, len(present)), np.bincount(places, frames[in_truth], len(present))
        classes.append(present)
        for name, values in frame_scores(correct, *counts).items():
            scores[name].append(values)
    labels = np.concatenate([np.zeros(0, np.int64), *classes])
    return {name: _mean_by_class(labels, np.concatenate([[], *found]), num_classes) for name, found in scores.items()}


def _mean_by_class(labels, values, num_classes):
    # In order of the values: a sum depends on its order, and the videos may come in any.
    order = np.lexsort((values, labels))
    order = order[~np.isnan(values[order])]
    sums, counts = (np.bincount(labels[order], weights, num_classes) for weights in (values[order], None))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def mean_row(score: str, over: str, values) -> dict:
    """{"score", "over", "number", "mean", "std"} of the values that are defined; NaN for a mean of none."""
    values = np.sort(np.asarray(values, np.float64))
    values = values[~np.isnan(values)]
    mean = float(values.mean()) if values.size else np.nan
    std = float(values.std(ddof=1)) if values.size > 1 else np.nan
    return {"score": score, "over": over, "number": int(values.size), "mean": mean, "std": std}
