"""Videos without labels, whole or in windows of some seconds, each seen in the views of a test.

A video that turns out unreadable is a problem that is noted, never one that stops the others.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from data_pipelines.core.mapped import EvalBatches
from data_pipelines.core.wording import count, name_some
from data_pipelines.recognition import sampling
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.opening import LabelledClip, frames_between
from data_pipelines.recognition.source import EvaluationViews
from data_pipelines.representation.input_videos import FoundVideos, VideoInput
from data_pipelines.representation.unlabelled import UnlabelledRawVideos, open_given
from data_pipelines.video.errors import VideoError
from data_pipelines.video.raw_video import RawVideo
from fact_jax.ops.clip_views import softmax

_NO_LABELS = np.zeros(1, np.int32)
_DIGITS = 6  # of seconds


@dataclasses.dataclass(frozen=True)
class WindowConfig:
    """What is recognised of a video: `data` is that of the run.

    Attributes:
      window: seconds; None: all of a video is one window.
      every: seconds from the start of a window to that of the next; None: those of a window.
    """

    data: RecognitionDataConfig
    window: float | None = None
    every: float | None = None

    def windows(self, video: RawVideo) -> list[tuple[float, float]]:
        """(start, end) in seconds: as many windows as fit, and one more where an end is left, which ends there.

        A window in which no frame begins is left out.
        """
        begin, end = float(video.times[0]), float(video.times[-1]) + 1.0 / video.rate
        if self.window is None or end - begin <= self.window:
            return [(begin, end)]
        step = self.every or self.window
        count = 1 + int((end - begin - self.window) / step + 1e-6)
        starts = [begin + step * number for number in range(count)]
        if starts[-1] + self.window < end - 0.5 / video.rate:
            starts.append(end - self.window)
        # Sums of fractions, such as 0.4 + 0.8, shall not reach into the next frame.
        found = [(round(start, _DIGITS), round(start + self.window, _DIGITS)) for start in starts]
        return [window for window in found if frames_between(video, *window)[1]]

    @property
    def num_views(self) -> int:
        """Views of a window."""
        return len(sampling.views_of_test(self.data.sampling))


def window_lines(source: UnlabelledRawVideos):
    """Lines about windows that are other than one may think."""
    config, videos = source.config, {video.video_id: video.video for video in source.inputs}
    if config.window is not None:
        yield from _odd_windows(config.window, config.every, videos)
    least = sampling.least_length(config.data.sampling)
    short = [name for name, video in videos.items() if any(size < least for size in _sizes(video, config))]
    if short:
        what = "of which some are seen several times"
        yield f"{count(short, 'video')} with windows of fewer than {count(least, 'frame')}, {what}: {name_some(short)}"


def _sizes(video, config):
    """Numbers of frames of the windows of a RawVideo."""
    return (frames_between(video, *part)[1] for part in config.windows(video))


def _odd_windows(window, every, videos):
    """Lines about windows of so many seconds of {name: RawVideo}."""
    if every is not None and every > window:
        left = f"the {every - window:g} s between windows are not looked at"
        yield f"--every is {every:g} and --window {window:g}: {left}"
    whole = [name for name, video in videos.items() if video.times[-1] - video.times[0] + 1.0 / video.rate < window]
    if whole:
        yield f"{count(whole, 'video')} shorter than --window, {window:g} s, each one window: {name_some(whole)}"
    if gaps := [name for name, video in videos.items() if window < 1.0 / video.rate]:
        told = "a frame lasts longer than --window, and windows in which none begins are left out"
        yield f"{count(gaps, 'video')} of which {told}: {name_some(gaps)}"


class WindowAssembly:
    """Puts the views of the windows of one video together, which come in order.

    `times`: float64 [W, 2], seconds at which windows start and end.
    """

    def __init__(self, video: RawVideo, config: WindowConfig):
        self.times = np.array(config.windows(video), np.float64)
        self._num_views, self._parts = config.num_views, []

    def add(self, logits: Mapping[str, Float[np.ndarray, " K"]]) -> dict[str, Float[np.ndarray, "W K"]] | None:
        """Takes the logits of the next view by head; gives the mean probabilities where it was the last, else None."""
        self._parts.append({head: softmax(values[None])[0] for head, values in logits.items()})
        if len(self._parts) < len(self.times) * self._num_views:
            return None
        parts, self._parts = self._parts, []
        shape = len(self.times), self._num_views, -1
        return {
            head: np.stack([part[head] for part in parts]).reshape(shape).mean(axis=1).astype(np.float32)
            for head in logits
        }


class UnlabelledViews(EvaluationViews):
    """`EvaluationViews` of all windows of `source`, one video after the other.

    The views of a video that turns out unreadable, which `source` then knows, are zeros.
    """

    def __init__(self, source: UnlabelledRawVideos):
        config, clips, self._owners = source.config, [], []
        for number, video in enumerate(source.inputs):
            for start, stop in config.windows(video.video):
                part = frames_between(video.video, start, stop)
                clips.append(LabelledClip(video.video_id, video.video, _NO_LABELS, start, stop, *part))
                self._owners.append(number)
        super().__init__(clips, config.data, is_test=True)
        self._source = source

    def owner_of(self, position) -> int:
        """The number of the video that an example is a view of."""
        return self._owners[self.view_of(position).clip]

    def _frames(self, view):
        number = self._owners[view.clip]
        if not self._source.is_bad(number):
            try:
                return super()._frames(view)
            except VideoError as error:
                self._source.report(number, error.problem.found, error.problem.expected)
        return np.zeros(self.shapes["frames"][0], np.float32)


class WindowBatches:
    """Batches of the views of UnlabelledRawVideos with a WindowConfig.

    `positions` of a batch say of which video each row is, and repeat.
    """

    def __init__(self, source: UnlabelledRawVideos, **options):
        """`options` are those of EvalBatches."""
        self._views = UnlabelledViews(source)
        self._batches = EvalBatches(self._views, num_threads=1, **options)
        self.buckets = self._batches.buckets

    def __iter__(self):
        for batch in self._batches:
            owners = (-1 if position < 0 else self._views.owner_of(position) for position in batch.positions)
            yield dataclasses.replace(batch, positions=tuple(owners))


def unlabelled_clips(found: FoundVideos, config: WindowConfig) -> UnlabelledRawVideos:
    """The videos of --input as `fact_jax.inference.run.predict_videos` wants them."""
    return UnlabelledRawVideos(found, config, WindowAssembly)


def read_views(video, config: WindowConfig, name="video"):
    """(WindowAssembly, generator of the arrays of its views) of one video: a path, or frames uint8 [T, H, W, 3].

    The arrays are frames float32 [1, T, S, S, 3]. Raises UserError for what is no video, the generator for what turns
    out unreadable. `name` is that of frames in messages.
    """
    opened = open_given(video, config.data.video, name)
    given = VideoInput(name, pathlib.Path(opened.path), 0, 0, 0, len(opened), video=opened)
    source = unlabelled_clips(FoundVideos((given,), [], (), ()), config)
    return source.extent(0)[0], _arrays_of(source)


def _arrays_of(source):
    views = UnlabelledViews(source)
    for position in range(len(views.video_ids)):
        frames = views.example(position, None)["frames"]
        source.refuse_problems()
        yield {"frames": np.asarray(frames)[None]}
