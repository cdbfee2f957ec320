"""From the views of a clip to one answer: the mean of the probabilities of its views, and the order of its classes.

A view is a part of a clip's time (chunk) and of its picture (crop). NumPy alone.

Source: published engine_for_onemodel.py and engine_for_compomodel.py of CAST (KHU-VLL/CAST, revision 51eb871), `merge`.
"""

import numpy as np
from jaxtyping import Float, Int

_VIEWS_AT_ONCE = 4096  # whose probabilities are in memory as float64


def softmax(logits: Float[np.ndarray, "V K"]) -> Float[np.ndarray, "V K"]:
    """Probabilities of the classes in float64."""
    shifted = np.asarray(logits, np.float64)
    powers = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def mean_probabilities(
    logits: Float[np.ndarray, "V K"], order: Int[np.ndarray, " W"], starts: Int[np.ndarray, " N"]
) -> Float[np.ndarray, "N K"]:
    """The mean over the views of every clip of their probabilities, float64.

    Args:
      logits: of views in any order.
      order: rows of `logits` that count, those of a clip one behind the other.
      starts: place in `order` of the first view of every clip, ascending from 0; every clip has at least one view.
    """
    ends = np.append(starts[1:], len(order)) if len(starts) else starts
    means = np.zeros((len(starts), logits.shape[1]))
    clip = 0
    while clip < len(starts):
        # As many clips as fit, but at least one.
        last = max(int(np.searchsorted(ends, starts[clip] + _VIEWS_AT_ONCE, side="right")), clip + 1)
        probabilities = softmax(logits[order[starts[clip] : ends[last - 1]]])
        means[clip:last] = np.add.reduceat(probabilities, starts[clip:last] - starts[clip], axis=0)
        clip = last
    return means / (ends - starts)[:, None]


def likely_classes(probabilities: Float[np.ndarray, "N K"], count: int) -> Int[np.ndarray, "N _"]:
    """The `count` most likely classes (all, where there are fewer), the most likely first.

    Of equal probabilities the lower class id comes first, as in argmax. The published code sorts without saying what
    becomes of equal ones, so that there the order depends on NumPy's version and the processor.
    """
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :count]


def ranks_of(probabilities: Float[np.ndarray, "N K"], classes: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """The place of a class in the order of `likely_classes`, from 0, for every clip."""
    own = np.take_along_axis(probabilities, classes[:, None], axis=1)
    earlier = np.arange(probabilities.shape[1]) < classes[:, None]
    return np.sum((probabilities > own) | ((probabilities == own) & earlier), axis=1)
