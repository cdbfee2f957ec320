"""What lies on the grid of a video: its features and, of its segments, those that are inside."""

import numpy as np


def read_features(rule, store, video_id):
    """float32 [T, D] of a video of a FeatureStore, as the network sees them; `rule` is a GridRule."""
    return rule.fit(store.read(video_id, rule.every))


def clip_to_video(segments, labels, length, offset, threshold):
    """Leaves out segments that mostly lie behind the video and cuts the others to it, as published for ActivityNet.

    Args:
      segments: float32 [N, 2], in grid units.
      labels: int [N].
      length: T.
      offset: of the grid, in grid units.
      threshold: least share of a segment that lies inside.

    Returns:
      (segments, labels) of those that stay.
    """
    end = np.float32(length + offset)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (np.minimum(segments[:, 1], end) - segments[:, 0]) / (segments[:, 1] - segments[:, 0])
    kept = (segments[:, 0] < end) & (share >= np.float32(threshold))
    return np.minimum(segments[kept], end), labels[kept]
