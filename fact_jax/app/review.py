"""The page review.html of a folder with predictions or an evaluation: after they are made, and with --mode review."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from fact_jax import run_record
from fact_jax.app.runs.review_media import FoundFeatures, find_media
from fact_jax.reporting.review import content
from fact_jax.reporting.review.evaluations import read_evaluation
from fact_jax.reporting.review.predictions import read_predictions
from fact_jax.reporting.review.write import write_page
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReviewConfig:
    """What a page is told: `videos`, `way`, `features` as `find_media`, and names of classes, with or without segments.

    `class_names` come first in its menu.
    """

    videos: Sequence[str] = ()
    way: str = "link"
    features: FoundFeatures = FoundFeatures()
    class_names: Sequence[str] = ()


def write_review(folder, told: ReviewConfig, say: Callable) -> Path | None:
    """Writes the page of what lies in `folder` into it and returns its path; None where nothing there has segments."""
    folder = Path(folder)
    evaluated, predicted = read_evaluation(folder), read_predictions(folder)
    review = predicted if evaluated is None else evaluated
    if review is None:
        return None
    if evaluated is not None and predicted is not None:
        review = content.merged(evaluated, predicted)
    review = review.with_names(told.class_names)
    media = find_media(review, folder, videos=told.videos, features=told.features, way=told.way, say=say)
    path = write_page(review, media, folder)
    shown = sum(found.path is not None for found in media.values())
    what = f"{len(media)} video{'s' * (len(media) != 1)} ({shown} with pictures)"
    say(f"wrote {path}, to look at {what} beside the timeline and to correct labels: open it in a browser")
    return path


def of_folder(folder, workdir, videos, way, say) -> None:
    """What --mode review does: writes the page of `folder`, of a run whose workdir is `workdir` or the folder itself.

    Raises UserError where there is nothing to show.
    """
    if not Path(folder).is_dir():
        raise UserError(f"--input {folder} is no folder; expected one with predictions, or a workdir.")
    told = ReviewConfig(videos=videos, way=way)
    record = run_record.read(workdir or folder)
    if workdir and record is None:
        raise UserError(f"--workdir {workdir} holds no run: {run_record.FILE} is missing.")
    if record is not None:
        names = record["derived"].get("class_names") or ()
        features = features_of(record["config"]["data"])
        told = dataclasses.replace(told, class_names=tuple(names), features=features)
    if write_review(folder, told, say) is None:
        expected = "expected what --mode predict or --mode eval of segmentation, localization or recognition leaves"
        raise UserError(f"{folder} holds no predictions with segments: {expected} (predictions/VIDEO.json, tables/).")


def features_of(data) -> FoundFeatures:
    """Where the features of a dataset lie, from its settings, a mapping."""
    places = data.get("feature_places") or [data.get("feature_dir")]
    folders = tuple(Path(data["dir"]) / place for place in places if data.get("dir") and place)
    return FoundFeatures(folders=folders, prefix=data.get("feature_prefix") or "")
