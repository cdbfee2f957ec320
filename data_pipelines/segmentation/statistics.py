"""Statistics of a video source: lengths, class frequencies and segments per video, from the labels alone."""

import dataclasses

import numpy as np

from data_pipelines.core.wording import count
from fact_jax.ops.segments import frames_to_segments


@dataclasses.dataclass(frozen=True)
class DatasetStatistics:
    """Numbers that describe the videos of one source, at the rate the model sees.

    Attributes:
      lengths: int64 [V], frames of every video.
      class_frames, class_segments: int64 [C], frames and segments of every class.
      num_segments: int64 [V], segments of every video (the length of its transcript).
      num_actions: int64 [V], different classes in every video.
    """

    class_names: tuple
    video_ids: tuple
    lengths: np.ndarray
    class_frames: np.ndarray
    class_segments: np.ndarray
    num_segments: np.ndarray
    num_actions: np.ndarray

    @property
    def num_classes(self):
        return len(self.class_names)

    @property
    def max_segments(self):
        """(count, video id) of the video with most segments."""
        return self._largest(self.num_segments)

    @property
    def max_actions(self):
        """(count, video id) of the video with most different classes."""
        return self._largest(self.num_actions)

    def average_transcript_length(self, match):
        """What the automatic null weight calls the average transcript length; `match` is config.loss.match.

        One-to-many matching ("o2m") has one target per class of the video, the others one per segment; None, where
        nothing is matched, counts segments.
        """
        return float(np.mean(self.num_actions if match == "o2m" else self.num_segments))

    def table(self):
        """The statistics as text for the user."""
        segments, segments_video = self.max_segments
        actions, actions_video = self.max_actions
        frames = int(self.lengths.sum())
        rows = [
            f"{count(self.video_ids, 'video')}, {count(self.num_classes, 'class')}, {count(frames, 'frame')}",
            f"frames per video    min {self.lengths.min()}, median {np.median(self.lengths):g}, "
            f"mean {self.lengths.mean():.1f}, max {self.lengths.max()}",
            f"segments per video  mean {self.num_segments.mean():.1f}, max {segments} ({segments_video})",
            f"classes per video   mean {self.num_actions.mean():.1f}, max {actions} ({actions_video})",
        ]
        width = max(len(name) for name in (*self.class_names, "class"))
        rows.append(f"{'id':>4}  {'class':<{width}}  {'frames':>9}  {'share':>6}  {'segments':>8}")
        for class_id, name in enumerate(self.class_names):
            number = int(self.class_frames[class_id])
            share = f"{100 * number / frames:.1f}%"
            rows.append(f"{class_id:>4}  {name:<{width}}  {number:>9}  {share:>6}  {self.class_segments[class_id]:>8}")
        return "\n".join(rows)

    def _largest(self, counts):
        position = int(np.argmax(counts))
        return int(counts[position]), self.video_ids[position]


def compute_statistics(source):
    """DatasetStatistics of one video or more; `labels(index)` of the source gives int [T] without reading features."""
    num_classes = len(source.class_names)
    class_frames, class_segments = np.zeros(num_classes, np.int64), np.zeros(num_classes, np.int64)
    num_segments, num_actions = [], []
    for index in range(len(source)):
        labels = source.labels(index)
        transcript, _, _ = frames_to_segments(labels)
        class_frames += np.bincount(labels, minlength=num_classes)
        class_segments += np.bincount(transcript, minlength=num_classes)
        num_segments.append(len(transcript))
        num_actions.append(len(np.unique(transcript)))
    by_video = np.array(num_segments, np.int64), np.array(num_actions, np.int64)
    names, video_ids, lengths = tuple(source.class_names), tuple(source.video_ids), np.asarray(source.lengths, np.int64)
    return DatasetStatistics(names, video_ids, lengths, class_frames, class_segments, *by_video)


def segment_durations(source):
    """Frames of every segment: list of C arrays, int64 [segments of the class], in the order of the videos."""
    durations = [[np.zeros(0, np.int64)] for _ in source.class_names]
    for index in range(len(source)):
        transcript, starts, ends = frames_to_segments(source.labels(index))
        for label in np.unique(transcript):
            durations[label].append((ends - starts)[transcript == label])
    return [np.concatenate(pieces) for pieces in durations]


def shares_over_time(source, num_bins):
    """How frequent every class is in each of `num_bins` equal pieces of a video: float64 [num_bins, C], rows of sum 1.

    Every video counts the same. A frame that lies in two pieces counts for both, by its parts.
    """
    shares = np.zeros((num_bins, len(source.class_names)))
    for index in range(len(source)):
        labels = source.labels(index)
        transcript, starts, ends = frames_to_segments(labels)
        edges = np.arange(num_bins + 1) / num_bins
        for label, start, end in zip(transcript, starts / len(labels), ends / len(labels), strict=True):
            covered = np.clip(edges, start, end)
            shares[:, label] += np.diff(covered) * num_bins
    return shares / max(len(source), 1)
