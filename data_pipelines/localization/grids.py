"""What lies on the grid of a video: its features and, of its segments, those that are inside."""

import numpy as np


def read_features(rule, store, video_id):
    """float32 [T, D] of a video of a FeatureStore, as the network sees them; `rule` is a GridRule."""
    return rule.fit(store.read(video_id, rule.every))


def clip_to_video(segments, labels, length, offset, threshold):
    """(segments, labels) without those that mostly lie behind the video, the others cut to it, as for ActivityNet.

    Segments are float32 [N, 2] in grid units, as is the `offset` of the grid; at least the share `threshold` of those
    that stay lies inside. `length` is T.
    """
    end = np.float32(length + offset)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (np.minimum(segments[:, 1], end) - segments[:, 0]) / (segments[:, 1] - segments[:, 0])
    kept = (segments[:, 0] < end) & (share >= np.float32(threshold))
    return np.minimum(segments[kept], end), labels[kept]
