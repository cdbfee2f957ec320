"""Scores of embeddings from what was counted in every evaluated video, for the videos themselves and for resamples.

Linear models are fitted once, and what frames are retrieved from stays all evaluated videos: a video that counts twice
is one that was scored twice. A video has no tau with itself, however often it counts.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from fact_jax.metrics.frame_scores import NAMES, frame_scores, mean_row


@dataclasses.dataclass(frozen=True)
class VideoScores:
    """What was counted in one evaluated video.

    Attributes:
      dataset: number of the dataset that it belongs to.
      true: int [T], phases of the frames, -1 where there is none; None without labels.
      predicted: int [T], those that the last classifier says, -1 where `true` is; None without one.
      right: frames whose phase a classifier says, by the name of the score.
      progress: float64 [3, K - 1] by the name of the score: sums over the frames of squared errors, of the targets less
        those of an average frame of the dataset, and of the squares of these. {} for a video that lacks a phase.
      retrieved: shares of retrieved frames that have the phase of the query, by the name of the score.
      taus: float64 [V], tau with every evaluated video of the dataset, in their order; NaN where it has none.
    """

    video_id: str
    dataset: int
    true: Int[np.ndarray, " T"] | None
    predicted: Int[np.ndarray, " T"] | None
    right: Mapping[str, int]
    progress: Mapping[str, Float[np.ndarray, "3 _"]]
    retrieved: Mapping[str, float]
    taus: Float[np.ndarray, " V"]

    @property
    def num_labelled(self) -> int:
        """Frames that have a phase."""
        return 0 if self.true is None else int(np.sum(self.true >= 0))


@dataclasses.dataclass(frozen=True)
class RepresentationScores:
    """All evaluated videos, those of a dataset in the order of their taus; `metric` is a RepresentationMetric."""

    metric: Any
    videos: tuple[VideoScores, ...]

    def select(self, video_ids) -> "RepresentationScores":
        """These videos alone, in this order; no id is there twice."""
        place_of = {video.video_id: place for place, video in enumerate(self.videos)}
        chosen, columns, found = [place_of[video_id] for video_id in video_ids], {}, []
        for number in range(len(self.metric.num_classes)):
            members = [place for place, video in enumerate(self.videos) if video.dataset == number]
            columns[number] = [members.index(place) for place in chosen if self.videos[place].dataset == number]
        for video in (self.videos[place] for place in chosen):
            taus = video.taus[columns[video.dataset]] if len(video.taus) else video.taus
            found.append(dataclasses.replace(video, taus=taus))
        return RepresentationScores(self.metric, tuple(found))

    def compute(self) -> dict[str, float]:
        """Scores by name, see `RepresentationMetric.names`: means over the datasets that have them; otherwise NaN.

        Classification, AP and the linear probe in percent, progress (R^2) and tau up to 1.
        """
        values = self.resample(np.ones((1, len(self.videos))))[0]
        return dict(zip(self.metric.names(), values.tolist(), strict=True))

    def per_dataset(self) -> tuple[dict[str, float], ...]:
        """The same for every dataset alone."""
        names, every = self.metric.names(), np.ones((1, len(self.videos)))
        return tuple(
            dict(zip(names, self._resample_dataset(every, number)[0].tolist(), strict=True))
            for number in range(len(self.metric.num_classes))
        )

    def resample(self, weights: Float[np.ndarray, "R V"]) -> Float[np.ndarray, "R _"]:
        """The scores in the order of their names for every row of `weights`, which say how often each video counts."""
        parts = [self._resample_dataset(weights, number) for number in range(len(self.metric.num_classes))]
        return _mean(np.stack(parts), axis=0)

    def _resample_dataset(self, weights, number):
        places = [place for place, video in enumerate(self.videos) if video.dataset == number]
        videos, weights = [self.videos[place] for place in places], weights[:, places]
        found = np.full((len(weights), len(self.metric.names())), math.nan)
        for column, name in enumerate(self.metric.names()):
            if name.startswith(("Classification", "Linear")):
                found[:, column] = _shares(weights, videos, name)
            elif name.startswith("Progress"):
                found[:, column] = _determination(weights, videos, name)
            elif name == "Tau":
                found[:, column] = _pair_mean(weights, videos)
            else:
                has = [place for place, video in enumerate(videos) if name in video.retrieved]
                values = np.array([videos[place].retrieved[name] for place in has])
                found[:, column] = 100.0 * _divide(weights[:, has] @ values, weights[:, has].sum(axis=1))
        return found

    def per_video(self) -> list[dict]:
        """A dict per video, in order: its number of frames that have a phase, and scores in it alone.

        Tau is the mean over its pairs.
        """
        rows, names = [], self.metric.names()
        for number, video in enumerate(self.videos):
            values = dict(zip(names, self.resample(np.eye(1, len(self.videos), number))[0].tolist(), strict=True))
            if "Tau" in values:
                others = [v.taus for v in self.videos if v.dataset == video.dataset]
                place = [v.video_id for v in self.videos if v.dataset == video.dataset].index(video.video_id)
                values["Tau"] = float(_mean(np.append(video.taus, np.stack(others)[:, place])))
            rows.append({"video_id": video.video_id, "frames": video.num_labelled, **values})
        return rows

    def confusion(self, dataset) -> Int[np.ndarray, "K K"]:
        """Frames by (phase, phase that the last classifier says)."""
        count = self.metric.num_classes[dataset]
        pairs = [v for v in self.videos if v.dataset == dataset and v.predicted is not None]
        flat = [(v.true * count + v.predicted)[v.true >= 0] for v in pairs]
        return np.bincount(np.concatenate([np.zeros(0, np.int64), *flat]), minlength=count * count).reshape(
            count, count
        )

    def per_phase(self) -> list[dict]:
        """A dict per phase and dataset: counts of frames and scores of the last classifier, NaN where undefined."""
        rows = []
        for number in range(len(self.metric.num_classes)):
            table = self.confusion(number)
            counts = {"true_frames": table.sum(axis=1), "predicted_frames": table.sum(axis=0)}
            scores = frame_scores(np.diag(table), *counts.values())
            for phase in range(len(table)):
                row = {"dataset": number, "phase": phase} | {name: int(of[phase]) for name, of in counts.items()}
                rows.append(row | {name: float(scores[name][phase]) for name in NAMES})
        return rows

    def means(self) -> list[dict]:
        """Rows as of `frame_scores.mean_row`: over videos, phases and datasets, and every dataset alone."""
        rows, main = [], self.metric.main_names()
        for name in main:
            if name.startswith(("Classification", "Linear")):
                values = [100.0 * v.right[name] / v.num_labelled for v in self.videos if name in v.right]
                rows.append(mean_row(name, "videos", values))
        if rows:
            phases = self.per_phase()
            rows += [mean_row(name, "phases", [row[name] for row in phases]) for name in NAMES]
        parts = self.per_dataset()
        if len(parts) > 1:
            rows += [mean_row(name, "datasets", [part[name] for part in parts]) for name in self.metric.names()]
            for number, part in enumerate(parts):
                about = {"over": "videos", "number": sum(v.dataset == number for v in self.videos)}
                title = self.metric.title(number)
                rows += [{"score": f"{name} of {title}", **about, "mean": part[name], "std": math.nan} for name in main]
        return rows


def _divide(part, whole):
    """part / whole, NaN where nothing is whole."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), math.nan)


def _mean(values, axis=None):
    """Mean of the values that are defined, NaN of none."""
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))


def _shares(weights, videos, name):
    """Percent of the labelled frames that a classifier gets right: float64 [R]."""
    right, whole = np.array(
        [[v.right[name], v.num_labelled] if name in v.right else [0, 0] for v in videos] or [[0, 0]]
    ).T
    weights = weights if videos else np.zeros((len(weights), 1))
    return 100.0 * _divide(weights @ right, weights @ whole)


def _determination(weights, videos, name):
    """R^2, the mean over its columns: float64 [R]. A column that does not vary counts as 1 if it is met, else as 0."""
    has = [place for place, video in enumerate(videos) if name in video.progress]
    if not has:
        return np.full(len(weights), math.nan)
    weights, counts = weights[:, has], np.array([videos[place].num_labelled for place in has])
    errors, targets, squares = np.moveaxis(np.tensordot(weights, [videos[p].progress[name] for p in has], 1), 1, 0)
    frames = (weights @ counts)[:, None]
    whole = squares - targets**2 / np.maximum(frames, 1.0)
    varies = whole > 1e-12 * squares
    scores = np.where(varies, 1.0 - errors / np.where(varies, whole, 1.0), errors == 0)
    return np.where(frames[:, 0] > 0, scores.mean(axis=1), math.nan)


def _pair_mean(weights, videos):
    """Mean of tau over the pairs of different videos that have one: float64 [R]."""
    if not videos:
        return np.full(len(weights), math.nan)
    taus = np.stack([video.taus for video in videos])
    known = ~np.isnan(taus)
    sums = [np.einsum("ri,ri->r", weights @ values, weights) for values in (np.where(known, taus, 0.0), known * 1.0)]
    return _divide(*sums)
