"""The files of recognised videos: likely labels of every window, all probabilities, and a picture."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fact_jax import files
from fact_jax.inference.output import FIGURES, PREDICTIONS, VideoFiles, json_with_rows
from fact_jax.reporting import tables
from fact_jax.reporting.recognition.score_files import SCORES_FILE
from fact_jax.reporting.recognition.windows import plot_windows
from fact_jax.reporting.recognition.writer import CLIPS_FILE

NUM_LIKELY = 5
MOST_LABELS = 10  # in a picture
_DECIMALS = 6  # of probabilities and seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecognitionFiles(VideoFiles):
    """predictions/VIDEO.csv and VIDEO.json, figures/prediction_VIDEO.png; see the base.

    The table has a row for each of the NUM_LIKELY most likely labels of every window; of two heads a label is a pair.
    The record holds the probabilities of all classes as well. Predictions are `predictions.RecognisedVideo`s.
    """

    heads: Mapping[str, tuple[str, ...]]  # names of the classes by the name of a head
    settings: Mapping[str, Any]  # of windows, views and frames: JSON values that predictions depend on

    def paths(self, video):
        name = files.safe_name(video.video_id)
        return {Path(PREDICTIONS) / f"{name}.csv": True, Path(FIGURES) / f"prediction_{name}.png": self.figures}

    def contents(self, video, prediction):
        rows = [
            {"start_sec": guess.start, "end_sec": guess.end, "rank": rank}
            | {"label": guess.label, "probability": guess.probability}
            for guesses in _likely(prediction)
            for rank, guess in enumerate(guesses, start=1)
        ]
        return {next(iter(self.paths(video))): tables.to_csv(rows).encode()}

    def draw(self, video, prediction):
        labels, chances = prediction.likely(MOST_LABELS, NUM_LIKELY)
        count = len(chances)
        facts = f"{count} window{'s' * (count != 1)}   checkpoint {self.origin['checkpoint']['step']}"
        title = f"{self.origin['name']} · {video.video_id}"
        return plot_windows(prediction.times, labels, chances, title=title, note=facts)

    def is_record(self, content, video):
        return content.get("video") == video.video_id and isinstance(content.get("windows"), list)

    def record(self, video, prediction, vouched):
        windows = [
            {
                "start": round(guesses[0].start, _DECIMALS),
                "end": round(guesses[0].end, _DECIMALS),
                "likely": [{"label": one.label, "probability": round(one.probability, _DECIMALS)} for one in guesses],
                "probabilities": {
                    head: [round(value, _DECIMALS) for value in prediction.probabilities[head][place].tolist()]
                    for head in self.heads
                },
            }
            for place, guesses in enumerate(_likely(prediction))
        ]
        content = {
            "video": video.video_id,
            "num_frames": video.num_frames,
            "class_names": {head: list(names) for head, names in self.heads.items()},
            "windows": windows,
        }
        return json_with_rows(content | vouched, "windows")

    def evaluated(self, folder):
        """A video called as the table of an evaluation, where there is one, would take its place; see the base."""
        table = folder / CLIPS_FILE
        is_there = (folder / SCORES_FILE).is_file() and table.is_file() and not table.with_suffix(".json").exists()
        return {CLIPS_FILE.stem: table} if is_there else {}

    def agrees(self, evaluated, prediction):
        return False

    def made_from(self, video):
        options = {"figures": self.figures}
        return {"model": dict(self.origin), "recognition": dict(self.settings), "options": options}


def _likely(prediction):
    """The most likely labels of every window."""
    return [prediction.best(window, NUM_LIKELY) for window in range(len(prediction.times))]
