"""What a page for looking and correcting shows of a run: videos with tracks of segments."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """K segments of one video in order of time.

    Attributes:
      labels: int64 [K], class ids of the page.
      bounds: [K, 2], start and end, which is not included: int64 rows where the review is of rows, else float64
        seconds.
      scores: float64 [K], confidence in [0, 1], or the score of a detection; NaN where there is none.
    """

    labels: np.ndarray
    bounds: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, rows):
        """The Track of (class id, start, end, score or None) of every segment, in any order."""
        rows = sorted(rows, key=lambda row: (row[1], row[2]))
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        scores = [np.nan if score is None else score for score in columns[3]]
        bounds = np.array(columns[1:3]).T.reshape(-1, 2)
        return cls(np.array(columns[0], np.int64), bounds, np.array(scores, np.float64))

    def renumbered(self, numbers):
        """The same with `numbers`, int64 [C], in the place of class ids."""
        return dataclasses.replace(self, labels=np.asarray(numbers, np.int64)[self.labels])


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ReviewedVideo:
    """One video.

    Attributes:
      video_id: its name.
      predicted, truth: its tracks; `truth` is None where nobody knows it.
      rows: N, into which `predicted` cuts the video without a gap; 0 where segments are in seconds.
      duration: seconds of the video; 0.0 where unknown.
      fps: rows per second, or frames where segments are in seconds; 0.0 where unknown.
      source: path of what was predicted from, a feature file or a video; "" where it is not recorded.
      confidence: float64 [N] in [0, 1] of every row, or None.
    """

    video_id: str
    predicted: Track
    truth: Track | None = None
    rows: int = 0
    duration: float = 0.0
    fps: float = 0.0
    source: str = ""
    confidence: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Review:
    """All videos of a page. Of those that are cut into rows, no two segments overlap; others may.

    Attributes:
      title: what was predicted, in words.
      class_names: of the classes, by the ids that tracks have.
      background: ids of classes that mean that nothing happens.
      videos: in order of their names.
    """

    title: str
    class_names: tuple[str, ...]
    background: tuple[int, ...]
    videos: tuple[ReviewedVideo, ...]

    def with_names(self, names):
        """The same with class names that come first, whether or not there are segments of them."""
        order = tuple(dict.fromkeys((*names, *self.class_names)))
        numbers = [order.index(name) for name in self.class_names]
        videos = tuple(
            dataclasses.replace(
                video,
                predicted=video.predicted.renumbered(numbers),
                truth=video.truth and video.truth.renumbered(numbers),
            )
            for video in self.videos
        )
        background = tuple(sorted(numbers[label] for label in self.background))
        return dataclasses.replace(self, class_names=order, background=background, videos=videos)


def merged(first: Review, second: Review) -> Review:
    """Both in one; of a video that is in both the prediction of the second, and whatever the first alone knows."""
    names = tuple(dict.fromkeys((*first.class_names, *second.class_names)))
    first, second = first.with_names(names), second.with_names(names)
    videos = {video.video_id: video for video in first.videos}
    for video in second.videos:
        known = videos.get(video.video_id)
        truth = known.truth if known and known.rows == video.rows else None
        videos[video.video_id] = dataclasses.replace(video, truth=video.truth or truth)
    background = tuple(sorted({*first.background, *second.background}))
    ordered = tuple(videos[name] for name in sorted(videos))
    return Review(title=first.title, class_names=names, background=background, videos=ordered)
