"""How videos lie on each other by the embeddings of their frames: nearest ones, Kendall's tau, retrieval, DTW (NumPy).

Embeddings are float [frames, D]. Distances are taken in float64, so that which of two frames is the nearest does not
depend on the processor.

Source: CARL's published evaluation/*.py (minghchen/CARL_code at c574312), and dtw of the Python package dtw.
"""

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.spatial.distance import cdist

from fact_jax.types import check_choice

DISTANCES = ("sqeuclidean", "cosine")
_ROWS = 1024  # of a table of comparisons that is held at once


def frame_distances(
    queries: Float[np.ndarray, "n D"], candidates: Float[np.ndarray, "m D"], distance="sqeuclidean"
) -> Float[np.ndarray, "n m"]:
    """float64 distances between the frames of two videos; `distance` is one of DISTANCES."""
    check_choice("distance", distance, DISTANCES)
    return cdist(np.asarray(queries, np.float64), np.asarray(candidates, np.float64), distance)


def nearest_frames(queries, candidates, distance="sqeuclidean") -> Int[np.ndarray, " n"]:
    """The nearest candidate of every query, the first one of several."""
    return np.argmin(frame_distances(queries, candidates, distance), axis=1)


def order_agreement(places: Int[np.ndarray, " n"]) -> float:
    """Kendall's tau-b, in [-1, 1], between 0, 1, ..., n - 1 and `places`; NaN where all places are equal."""
    count = len(places)
    agreement = 0
    for start in range(0, count, _ROWS):
        part, rest = places[start : start + _ROWS, None], places[start:]
        later = np.arange(len(rest)) > np.arange(len(part))[:, None]
        agreement += np.count_nonzero((rest > part) & later) - np.count_nonzero((rest < part) & later)
    pairs = count * (count - 1) // 2
    repeats = np.unique(places, return_counts=True)[1]
    untied = pairs - int(np.sum(repeats * (repeats - 1) // 2))
    return agreement / np.sqrt(float(pairs) * untied) if untied else np.nan


def kendalls_tau(embeddings, stride=1, distance="sqeuclidean") -> float:
    """Mean of `pairwise_tau` over all ordered pairs of videos; NaN without one that has a tau."""
    found = pairwise_tau(embeddings, stride, distance)
    found = found[~np.isnan(found)]
    return float(found.mean()) if found.size else np.nan


def pairwise_tau(embeddings, stride=1, distance="sqeuclidean") -> Float[np.ndarray, "V V"]:
    """`order_agreement` of the frames of one video (rows) with their nearest ones in another (columns).

    Takes a list of V arrays [frames, D]; every `stride`-th frame counts. NaN for a video and itself, and for a pair
    whose frames all have one nearest frame.
    """
    videos = [video[::stride] for video in embeddings]
    found = np.full((len(videos), len(videos)), np.nan)
    for i, one in enumerate(videos):
        for j, other in enumerate(videos):
            if i != j:
                found[i, j] = order_agreement(nearest_frames(one, other, distance))
    return found


def retrieval_precision(embeddings, labels, sizes, stride=1) -> dict[int, float]:
    """{k: mean over the videos of `retrieved_shares`}, by k of `sizes`; NaN for fewer than two videos."""
    found = retrieved_shares(embeddings, labels, sizes, stride)
    return dict(zip(sizes, (found.mean(axis=0) if len(found) else np.full(len(sizes), np.nan)).tolist(), strict=True))


def retrieved_shares(embeddings, labels, sizes, stride=1) -> Float[np.ndarray, "V k"]:
    """Share of the k nearest frames of all other videos that have the label of the query, a row per video.

    A column per k of `sizes`; the mean over the frames of the video, of which every `stride`-th counts. No rows for
    fewer than two videos. Published as AP@k, though it is the precision at k. Of equal distances the frame of the first
    video counts first.
    """
    videos = [np.asarray(video[::stride], np.float64) for video in embeddings]
    labels = [np.asarray(values[::stride]) for values in labels]
    means = []
    for number, (video, own) in enumerate(zip(videos, labels, strict=True) if len(videos) > 1 else ()):
        others = np.concatenate(videos[:number] + videos[number + 1 :])
        theirs = np.concatenate(labels[:number] + labels[number + 1 :])
        nearest = _smallest(frame_distances(video, others), min(max(sizes), len(others)))
        hits = theirs[nearest] == own[:, None]
        means.append([hits[:, :size].mean() for size in sizes])
    return np.array(means).reshape(-1, len(sizes))


def _smallest(distances, count):
    """int [n, count], places of the smallest distances of every row in order; of equal ones the first place first."""
    limits = np.partition(distances, count - 1, axis=1)[:, count - 1]
    found = np.empty((len(distances), count), np.int64)
    for row, (values, limit) in enumerate(zip(distances, limits, strict=True)):
        places = np.flatnonzero(values <= limit)
        found[row] = places[np.argsort(values[places], kind="stable")[:count]]
    return found


def warp(costs: Shaped[np.ndarray, "n m"]) -> tuple[Float[np.ndarray, "n m"], Int[np.ndarray, "steps 2"]]:
    """(accumulated costs, path) of dynamic time warping between n and m frames, each at least one.

    The path leads from the first frames to the last ones, a step in one of the two or in both at a time. Of equal
    predecessors it has the diagonal one, then the one before in the first video. float64.
    """
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    # Along the diagonals i + j, which depend on the two before.
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        before = np.minimum(np.minimum(total[i, j], total[i, j + 1]), total[i + 1, j])
        total[i + 1, j + 1] = costs[i, j] + before
    i, j = rows - 1, columns - 1
    path = [(i, j)]
    while i or j:
        step = int(np.argmin((total[i, j], total[i, j + 1], total[i + 1, j])))
        i, j = i - (step != 2), j - (step != 1)
        path.append((i, j))
    return total[1:, 1:], np.array(path[::-1])


def aligned_frames(queries, keys, by_warping=True) -> Int[np.ndarray, " n"]:
    """For every frame of one video the frame of another that is shown beside it.

    By warping, the first one that the path has for it; otherwise the nearest one.
    """
    if not by_warping:
        return nearest_frames(queries, keys)
    _, path = warp(frame_distances(queries, keys))
    return path[np.unique(path[:, 0], return_index=True)[1], 1]
