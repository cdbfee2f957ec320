"""Videos with a label per frame as the rows of batches."""

import numpy as np

from data_pipelines.core.batching import check_shapes
from data_pipelines.core.feature_files import copy_frames
from data_pipelines.core.wording import count
from data_pipelines.segmentation.pieces import draw_piece, resample
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError


class FrameExamples:
    """`core.batching.Examples` of a fact_jax.types.VideoSource; a row is a whole video or, in training, a piece."""

    heavy = ("features",)

    def __init__(self, source, max_segments, transcripts=None, pieces=None):
        """Of a VideoSource; transcripts, those given or those of the labels, are padded to `max_segments`.

        `pieces`, a PieceConfig, is for training, where transcripts are those of the labels; None: whole videos.
        """
        self.video_ids, self.lengths = source.video_ids, source.lengths
        self._source, self._max_segments, self._transcripts = source, max_segments, transcripts
        self._pieces = pieces if pieces is not None and pieces.changes else None

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
        if self._pieces is not None and draw is not None:
            piece = draw_piece(length, self._pieces, np.random.default_rng(draw))
            features, labels = resample(np.asarray(features), labels, piece)
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
