"""Videos with segments as the rows of batches."""

import dataclasses

import numpy as np

from data_pipelines.core.batching import check_shapes
from data_pipelines.localization.truncation import draw_for, truncate


class SegmentExamples:
    """`core.batching.Examples` of a LocalizationSource; a row is a whole video or, with `truncation`, a piece of it.

    With `truncation`, which is for training, every video counts as long as a piece of it can be.
    """

    heavy = ("features",)

    def __init__(self, source, truncation=None):
        """Of a LocalizationSource, or another with `lengths`, `feature_dim`, `video_ids` and, where known, `segments`.

        With `truncation`, a TruncationConfig, every video must have a segment and the source `grids`.
        """
        self.video_ids = source.video_ids
        self.lengths = np.minimum(source.lengths, truncation.max_length) if truncation else source.lengths
        self._source, self._truncation = source, truncation
        counts = [len(source.segments(index)[1]) for index in range(len(source))] if hasattr(source, "segments") else []
        self._max_segments = max([1, *counts])

    def arrays(self, length):
        """See core.batching.Examples."""
        return {
            "features": ((length, self._source.feature_dim), np.float32),
            "mask": ((length,), bool),
            "segments": ((self._max_segments, 2), np.float32),
            "segment_labels": ((self._max_segments,), np.int32),
            "segment_mask": ((self._max_segments,), bool),
        }

    def fill(self, row, position, draw):
        """See core.batching.Examples."""
        source = self._source
        video, length = source[position], int(source.lengths[position])
        check_shapes(video.video_id, {"features": video.features}, {"features": (length, source.feature_dim)})
        features, segments, labels = video.features, video.segments, video.labels
        if self._truncation:
            offset = source.grids[position].offset
            options = dataclasses.asdict(self._truncation)
            window = truncate(length, segments, labels, **options, offset=offset, draw=draw_for(*draw))
            features, segments, labels = features[window.start : window.end], window.segments, window.labels
        row["features"][: len(features)] = features
        row["mask"][: len(features)] = True
        row["segments"][: len(labels)] = segments
        row["segment_labels"][: len(labels)] = labels
        row["segment_mask"][: len(labels)] = True
