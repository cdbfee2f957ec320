"""What an evaluation of the toy kind leaves, and how a report counts it again."""

import dataclasses
from pathlib import Path, PurePath

import numpy as np

from fact_jax.reporting import evaluation_files
from fact_jax.reporting.report.kind import ReportKind

SIZES_FILE = PurePath("predictions", "sizes.json")


@dataclasses.dataclass(frozen=True)
class Sized:
    """A video with the size of its square, and what was found."""

    video_id: str
    true: float
    found: float

    @property
    def error(self):
        return abs(self.found - self.true)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Videos that were evaluated; at once what is counted of them."""

    videos: tuple[Sized, ...]
    dataset = "squares"
    metric = ("Score",)

    def state(self):
        return self

    def compute(self):
        return {"Score": 100.0 / (1.0 + np.mean([video.error for video in self.videos]))}

    def means(self):
        return []


def write_evaluation(evaluation, folder, *, figures):
    """Writes the file that reports read; see `fact_jax.reporting.segmentation.writer`."""
    del figures
    videos = [
        {"id": name, "true": true, "found": found}
        for sizes in evaluation.sizes.values()
        for name, (true, found) in sizes.items()
    ]
    evaluation_files.write_evaluation(Path(folder) / SIZES_FILE, {}, videos)
    return ()


class SizeReport(ReportKind):
    """A number is found for every video; there are no classes."""

    task = "sizes of squares"
    file = SIZES_FILE
    evidence, truth = "sizes", "sizes"
    first_score = "Score"
    class_counts, seen_by, unseen = (), (), ""
    how_resampled = "scores are computed anew from the errors of each resample"
    errors = "mark errors"
    styles, scripts = ("page.css",), ("page_basics.js",)

    def read(self, workdir):
        def parse(content):
            return Sizes(
                evaluation_files.by_name(Sized(row["id"], row["true"], row["found"]) for row in content["videos"])
            )

        return evaluation_files.read_evaluation(Path(workdir) / SIZES_FILE, parse)

    def comparable(self, evaluated):
        return {"datasets": evaluated.dataset}

    def truth_of(self, video):
        return [video.true]

    def names(self, metric):
        return metric

    def class_scores(self, run):
        return []

    def video_scores(self, run):
        return [{"video_id": video.video_id, "Score": 100.0 / (1.0 + video.error)} for video in run.evaluated.videos]

    def sample(self, state, video_ids):
        errors = {video.video_id: video.error for video in state.videos}
        chosen = np.array([errors[video_id] for video_id in video_ids])
        return lambda weights: 100.0 / (1.0 + weights @ chosen / weights.sum(1))[:, None]

    def protocol(self, evaluated):
        return "Score in percent."

    def classes(self, evaluated):
        return {}

    def page_columns(self, metric):
        return []

    def text_columns(self, metric):
        return ()

    def page_settings(self, evaluated):
        return {"fps": 0}

    def page_videos(self, run, groups):
        return {video.video_id: (1, [], []) for video in run.evaluated.videos}
