"""Feature files of videos to be segmented: .npy in either orientation, with transcripts where the model needs them."""

import dataclasses
import os
from typing import ClassVar

import numpy as np

from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels, read_features, read_header
from data_pipelines.core.finite import scan_file
from data_pipelines.core.unlabelled import open_files
from data_pipelines.segmentation import transcripts
from data_pipelines.segmentation.batching import FrameExamples
from fact_jax.ops.resampling import downsampled_length
from fact_jax.types import UserError, Video

_TRANSCRIPT_MULTIPLE = 16
_SHAPES = {"last": "(channels, frames)", "first": "(frames, channels)"}


@dataclasses.dataclass(frozen=True)
class FrameReader:
    """`core.unlabelled.InputReader` of the files of a segmentation model; gives Video with labels of 0.

    One frame in `sample_rate` is used.
    """

    feature_dim: int
    time_axis: str
    sample_rate: int
    class_names: tuple
    suffixes: ClassVar = (".npy",)
    prefix: ClassVar = ""

    @property
    def form(self):
        return _SHAPES[self.time_axis]

    def shape(self, video_id, path):
        del video_id
        return read_header(path).shape

    def length(self, video):
        return downsampled_length(video.num_frames, self.sample_rate)

    def read(self, video):
        header = read_header(video.path)
        if frames_and_channels(header.shape, self.time_axis) != (video.num_frames, self.feature_dim):
            raise FeatureFileError(f"shape {header.shape}; the file has changed since it was listed")
        for problem in scan_file(video.path, header, self.time_axis)[0]:
            raise FeatureFileError(problem.text)
        return read_features(video.path, self.time_axis, sample_rate=self.sample_rate)

    def example(self, video, features):
        labels = np.zeros(len(features), np.int32)
        return Video(video.video_id, features, labels, np.zeros(video.num_frames, np.int32))

    def extent(self, video):
        return (video.num_frames,)


def open_inputs(inputs, reader, *, transcript_dir=None):
    """UnlabelledVideos of a FrameReader, see `core.unlabelled.open_files`; there may be none.

    `transcript_dir` is the folder with VIDEO.txt for every video, for a model that needs transcripts. A UserError if it
    is no folder, or there is no file at all.
    """
    if inputs and transcript_dir is not None:
        transcript_dir = os.path.expanduser(transcript_dir)
        if not os.path.isdir(transcript_dir):
            raise UserError(
                f"--transcripts {transcript_dir} is not a folder; expected one with VIDEO.txt for every video."
            )
    source, names = open_files(inputs, reader)
    if transcript_dir is None:
        return source
    read, wrong = transcripts.collect_transcripts(transcript_dir, names, reader.class_names)
    source.problems.extend(wrong)
    known = [video for video in source.inputs if video.video_id in read]
    return source.changed(
        [dataclasses.replace(video, transcript=tuple(read[video.video_id].tolist())) for video in known],
        unusable=[video.video_id for video in source.inputs if video.video_id not in read],
    )


def prediction_examples(videos, everything):
    """FrameExamples of unlabelled videos, some of `everything`.

    Transcripts are padded to what the longest of all needs, in steps of 16, so that few lengths are compiled.
    """
    longest = max((len(video.transcript or ()) for video in everything.inputs), default=0)
    max_segments = max(1, -(-longest // _TRANSCRIPT_MULTIPLE)) * _TRANSCRIPT_MULTIPLE
    known = {v.video_id: np.array(v.transcript, np.int32) for v in videos.inputs if v.transcript is not None}
    return FrameExamples(videos, max_segments, known or None)
