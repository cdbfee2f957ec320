"""From embedded chunks of videos to whole videos and their scores: one pass over two sets.

Linear models are fitted to the videos of the set "train" and tested on those of the set "test". All embeddings are in
memory once, 4 D bytes per frame: a million frames with D = 128 take 0.5 GB. The fit of a linear model takes 12 D bytes
more for every frame that it sees.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.linear_probe import LinearProbeConfig
from fact_jax.metrics.representation import SUBSETS, RepresentationMetric

_MOST_NAMED = 5


@dataclasses.dataclass(frozen=True)
class KnownVideo:
    """What is known of a video before it is embedded.

    Attributes:
      video_id: unique in its subset.
      num_frames: N of the file.
      labels: int [N], a phase per frame, negative where there is none; None without labels.
      group: number of the dataset, such as an action, that it is scored with.
      video: opened, with what a `data_pipelines.video.raw_video.RawVideo` offers, for pictures; None: not at hand.
    """

    video_id: str
    num_frames: int
    labels: Int[np.ndarray, " N"] | None = None
    group: int = 0
    video: Any = None


@dataclasses.dataclass(frozen=True)
class EmbeddedVideo:
    """A whole video with its embeddings: a step is a frame of the file that was embedded.

    Attributes:
      embeddings: float32 [T, D].
      steps: int64 [T], numbers of the frames.
      labels: int [T], their phases, negative where there is none; None without labels.
      group: number of the dataset that it is scored with.
      video: the opened video, for pictures; None: not at hand.
    """

    video_id: str
    embeddings: Float[np.ndarray, "T D"]
    steps: Int[np.ndarray, " T"]
    labels: Int[np.ndarray, " T"] | None
    group: int = 0
    video: Any = None


@dataclasses.dataclass(frozen=True)
class RepresentationProtocol:
    """What an evaluation has to know about the dataset.

    Attributes:
      metric: with the names of the groups that are scored apart, such as actions, and their numbers of phases.
      dataset: name shown in tables and titles.
      phases: names of the phases of every group.
      videos: KnownVideos by subset of SUBSETS, in the order of the sources that embed them.
      stride: every such frame of a video is a step.
      max_timelines: most videos that are drawn; 0: all.
    """

    metric: RepresentationMetric
    dataset: str
    phases: tuple[tuple[str, ...], ...]
    videos: Mapping[str, tuple[KnownVideo, ...]]
    stride: int = 1
    max_timelines: int = 0


def metric_of(config, groups, phases) -> RepresentationMetric:
    """The RepresentationMetric of `config.eval`, for groups of these names, with these phases."""
    options = config.eval
    return RepresentationMetric(
        num_classes=tuple(map(len, phases)),
        tasks=tuple(options.tasks),
        fractions=tuple(options.fractions),
        stride=options.stride,
        retrieval_sizes=tuple(options.retrieval_sizes),
        distance=options.tau_distance,
        probe=LinearProbeConfig(**options.probe),
        seed=config.seed,
        datasets=tuple(groups),
    )


class RepresentationEvaluation:
    """Accumulates embeddings of the sets of SUBSETS (implements `fact_jax.tasks.base.Evaluation`)."""

    def __init__(self, protocol: RepresentationProtocol):
        self.protocol = protocol
        # {number of the video: (float32 [T, D], bool [T], which of them came)}
        self._found = {subset: {} for subset in protocol.videos}
        self._state = None

    def add(self, batch, outputs):
        """Puts the chunks of all valid rows in their places.

        Arrays of the batch are mask bool [B, L], start and video int [B], see
        `data_pipelines.representation.source.EvaluationChunks`; outputs["embeddings"] is float [B, L, D].

        Raises:
          ValueError: numbers that are not finite, a chunk that has come before, or one of no known video.
        """
        self._state = None
        known, found = self.protocol.videos[batch.subset], self._found[batch.subset]
        for row in np.flatnonzero(batch.arrays["video_mask"]):
            number, start = (int(batch.arrays[name][row]) for name in ("video", "start"))
            chunk = outputs["embeddings"][row, : int(np.sum(batch.arrays["mask"][row]))]
            video = known[number]
            if video.video_id != batch.video_ids[row]:
                raise ValueError(f"a chunk of {batch.video_ids[row]!r} says that it is of {video.video_id!r}")
            if number not in found:
                count = len(self._steps(video))
                found[number] = np.empty((count, chunk.shape[1]), np.float32), np.zeros(count, bool)
            embeddings, came = found[number]
            place = slice(start, start + len(chunk))
            if len(came[place]) < len(chunk) or came[place].any():
                raise ValueError(f"{video.video_id!r}: steps {start} to {place.stop - 1} of {len(came)} came twice")
            embeddings[place], came[place] = chunk, True
            if not np.isfinite(embeddings[place]).all():
                raise ValueError(f"{video.video_id!r}: embeddings that are not finite, from step {start} on")

    def _steps(self, video):
        return np.arange(0, video.num_frames, self.protocol.stride)

    def videos(self, subset) -> tuple[EmbeddedVideo, ...]:
        """The videos of a subset in order, () before the first chunk of any; a ValueError if one is not whole."""
        if not any(self._found.values()):
            return ()
        lacking = [
            video.video_id
            for number, video in enumerate(self.protocol.videos[subset])
            if number not in self._found[subset] or not self._found[subset][number][1].all()
        ]
        if lacking:
            named = ", ".join(lacking[:_MOST_NAMED]) + ", ..." * (len(lacking) > _MOST_NAMED)
            raise ValueError(f"chunks of {len(lacking)} {subset} videos did not come, which have no score: {named}")
        return tuple(self._embedded(subset, number) for number in range(len(self.protocol.videos[subset])))

    def _embedded(self, subset, number):
        video = self.protocol.videos[subset][number]
        steps, embeddings = self._steps(video), self._found[subset][number][0]
        labels = None if video.labels is None else np.asarray(video.labels)[steps]
        return EmbeddedVideo(video.video_id, embeddings, steps, labels, video.group, video.video)

    def state(self):
        """RepresentationState of all videos, which share memory with `videos`."""
        if self._state is None:
            metric = self.protocol.metric
            states = [
                metric.from_video(video.video_id, subset, position, video.embeddings, video.labels, video.group)
                for subset in SUBSETS
                for position, video in enumerate(self.videos(subset))
            ]
            self._state = merge_states(states, metric.empty())
        return self._state

    def metrics(self):
        """Scores by name, see `RepresentationMetric.names`; means over the groups."""
        return self.state().compute()

    def means(self):
        """Means over videos, phases and groups, and every group alone."""
        return self.state().means()
