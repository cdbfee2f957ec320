"""Scoring, tables and pictures of one pass over a set of segmented videos."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.metrics.base import merge_states
from fact_jax.metrics.segmentation import SegmentationMetric
from fact_jax.ops.resampling import upsample
from fact_jax.reporting import curves, tables
from fact_jax.reporting.segmentation import segment_files, timelines


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What an evaluation has to know about the dataset.

    Attributes:
      metric: SegmentationMetric; its background ids are empty when background is evaluated.
      class_names: name of every class.
      background_ids: classes drawn as background, evaluated or not.
      dataset, split: names shown in tables and titles.
      fps: frames per second of the full-rate labels, 0 when unknown.
      full_labels: gives the labels of a video at the full rate, int [N].
      max_timelines: most videos of which timelines are drawn; 0: of all.
    """

    metric: SegmentationMetric
    class_names: tuple[str, ...]
    background_ids: tuple[int, ...]
    dataset: str
    split: str
    fps: float
    full_labels: Callable[[str], np.ndarray]
    max_timelines: int = 0


def protocol_of(config, class_names, full_labels: Callable[[str], np.ndarray]) -> Protocol:
    """The Protocol of a run with this config, on a dataset with these classes."""
    background_ids = tuple(int(label) for label in config.data.background_ids)
    return Protocol(
        metric=SegmentationMetric(len(class_names), () if config.data.evaluate_background else background_ids),
        class_names=tuple(class_names),
        background_ids=background_ids,
        dataset=config.data.dataset,
        split=config.data.split,
        fps=config.data.fps,
        full_labels=full_labels,
        max_timelines=config.eval.max_timelines,
    )


class SegmentationEvaluation:
    """Accumulates predictions (implements `fact_jax.tasks.base.Evaluation`).

    Of every frame it keeps three labels, a byte each with up to 256 classes.
    """

    def __init__(self, protocol):
        self._protocol = protocol
        self._label_type = np.min_scalar_type(len(protocol.class_names) - 1)
        self._states = []
        self._predictions = {}

    def add(self, batch, outputs):
        """Stretches every valid row's labels to the full rate and counts it."""
        for row, video_id in enumerate(batch.video_ids):
            if not batch.arrays["video_mask"][row]:
                continue
            truth = self._protocol.full_labels(video_id)
            num_frames = int(batch.arrays["mask"][row].sum())
            strips = {
                name: upsample(np.asarray(outputs[key][row, :num_frames]), len(truth))
                for name, key in timelines.STRIPS.items()
                if key in outputs
            }
            self._states.append(self._protocol.metric.from_video(strips["prediction"], truth, video_id))
            self._predictions[video_id] = {name: row.astype(self._label_type) for name, row in strips.items()}

    def state(self):
        """The merged SegmentationState of everything added."""
        return merge_states(self._states, self._protocol.metric.empty())

    def metrics(self):
        """Scores in percent by published name."""
        return self.state().compute()

    def write(self, workdir, *, figures):
        """Writes predictions/, tables/ and figures/ below `workdir`; returns lines about what was left out."""
        workdir, protocol, state = Path(workdir), self._protocol, self.state()
        for video_id, strips in self._predictions.items():
            names = [protocol.class_names[label] for label in strips["prediction"]]
            path = workdir / "predictions" / f"{files.safe_name(video_id)}.txt"
            files.atomic_write_text(path, "".join(f"{name}\n" for name in names))
        tables.write_tables(workdir / "tables", state, protocol.class_names)
        segment_files.write_segments(workdir, self._segmented())
        return self._draw(workdir / "figures", state) if figures else ()

    def _segmented(self):
        protocol = self._protocol
        videos = [
            segment_files.SegmentedVideo(
                video_id,
                segment_files.to_runs(protocol.full_labels(video_id)),
                segment_files.to_runs(self._predictions[video_id]["prediction"]),
            )
            for video_id in sorted(self._predictions)
        ]
        return segment_files.SegmentedSet(
            metric=protocol.metric,
            class_names=protocol.class_names,
            background_ids=protocol.background_ids,
            dataset=protocol.dataset,
            split=protocol.split,
            fps=protocol.fps,
            videos=tuple(videos),
        )

    def _draw(self, folder, state):
        protocol, videos = self._protocol, state.per_video()
        drawn = _spread(videos, protocol.max_timelines or len(videos))
        for scores in drawn:
            video_id = scores["video_id"]
            figure = timelines.plot_timeline(
                {"ground truth": protocol.full_labels(video_id), **self._predictions[video_id]},
                protocol.class_names,
                fps=protocol.fps,
                title=f"{protocol.dataset} · {video_id}",
                metrics_text="   ".join(f"{name} {scores[name]:.1f}" for name in ("Acc", "Edit", "F1@0.50")),
                background_ids=protocol.background_ids,
            )
            files.save_figure(folder / f"timeline_{files.safe_name(video_id)}.png", figure)
        title = f"{protocol.dataset}, {protocol.split}: predicted against true class of every frame"
        confusion = curves.plot_confusion(state.confusion(), protocol.class_names, title=title)
        files.save_figure(folder / "confusion_matrix.png", confusion)
        if len(drawn) == len(videos):
            return ()
        return (
            f"drew the timelines of {len(drawn)} of {len(videos)} videos, from the worst to the best; "
            "--config.eval.max_timelines=0 draws all",
        )


def _spread(videos, count):
    """Rows of at most `count` videos, evenly over their order by correct frames, as sorted as they came."""
    if count >= len(videos):
        return videos
    ranked = np.argsort([scores["AccB"] for scores in videos], kind="stable")
    places = np.linspace(0, len(videos) - 1, count).round().astype(int)
    return [videos[place] for place in sorted(ranked[places])]
