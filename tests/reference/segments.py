"""Sums over runs of equal labels in one video, written as loops."""

import numpy as np

from tests.reference.segmentation_scores import runs


def run_sums(values, labels, num_runs):
    """Sum of the rows of `values` [n, K] over every run of the n labels: [num_runs, K], zeros beyond the last run."""
    out = np.zeros((num_runs, values.shape[1]))
    for run, (_, start, end) in enumerate(runs(labels)):
        for time in range(start, end):
            out[run] += values[time]
    return out
