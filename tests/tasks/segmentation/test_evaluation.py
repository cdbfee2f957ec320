"""What an evaluation keeps of the videos it saw."""

import tracemalloc

import numpy as np

from tests.reporting import workdirs


def test_labels_are_kept_in_a_byte_each():
    """Of a day of video, 2.6 million frames, that is 8 MB, and not the 62 MB of three int64."""
    num_frames = 100_000
    labels = {"v": np.ones(num_frames, np.int32)}
    tracemalloc.start()
    try:
        evaluation = workdirs.evaluate(labels, labels)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert evaluation.metrics()["AccB"] == 100.0
    assert kept < 3.5 * num_frames
