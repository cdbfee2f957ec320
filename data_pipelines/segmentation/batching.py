"""Videos with a label per frame as the rows of batches."""

import numpy as np

from data_pipelines.core.batching import check_shapes
from data_pipelines.core.feature_files import copy_frames
from data_pipelines.core.wording import count
from data_pipelines.segmentation.augmentation import augment, drawn_length
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError


class FrameExamples:
    """`core.batching.Examples` of a fact_jax.types.VideoSource; in training, a row may be a changed video."""

    heavy = ("features",)

    def __init__(self, source, max_segments, transcripts=None, augmentation=None):
        """Of a VideoSource; transcripts, those given or those of the labels, are padded to `max_segments`.

        `augmentation`, an AugmentationConfig, is for training, where transcripts are those of the labels; None: videos
        as they are.
        """
        self.video_ids, self.lengths = source.video_ids, source.lengths
        self._source, self._max_segments, self._transcripts = source, max_segments, transcripts
        self._augmentation = augmentation if augmentation is not None and augmentation.changes else None

    def drawn_length(self, position, draw):
        """Frames of what `fill` makes of a video, for TrainBatches."""
        length = int(self.lengths[position])
        return length if self._augmentation is None else drawn_length(length, self._augmentation, draw)

    def arrays(self, length):
        """See core.batching.Examples."""
        return {
            "features": ((length, self._source.feature_dim), np.float32),
            "mask": ((length,), bool),
            "labels": ((length,), np.int32),
            "segment_labels": ((self._max_segments,), np.int32),
            "segment_mask": ((self._max_segments,), bool),
        }

    def fill(self, row, position, draw):
        """See core.batching.Examples."""
        video, length = self._source[position], int(self.lengths[position])
        found = {"features": video.features, "labels": video.labels}
        check_shapes(video.video_id, found, {"features": (length, self._source.feature_dim), "labels": (length,)})
        features, labels, known = video.features, video.labels, self._transcripts
        if self._augmentation is not None and draw is not None:
            features, labels = augment(np.asarray(features), labels, self._augmentation, draw)
        length = len(labels)
        transcript = frames_to_segments(labels)[0] if known is None else known[video.video_id]
        if len(transcript) > self._max_segments:
            raise UserError(
                f"Video {video.video_id!r} has {count(transcript, 'segment')}, but batches are made for at "
                f"most {self._max_segments}."
            )
        copy_frames(features, row["features"][:length])
        row["mask"][:length] = True
        row["labels"][:length] = labels
        row["segment_labels"][: len(transcript)] = transcript
        row["segment_mask"][: len(transcript)] = True
