"""Temporal action localization: where actions begin and end, and what they are."""

import dataclasses

from fact_jax.app.kinds.base import Kind, Lazy, PredictFeaturesConfig, flag
from fact_jax.metrics.localization import AVERAGE, DEFAULT_TOP_K
from fact_jax.ops.nms import METHODS


def _choices(values):
    """Dotted key -> valid values."""
    thresholds = values.get("data.tiou_thresholds", ())
    return {
        "data.reader": ("files", "tfds", "synthetic"),
        "data.feature_suffix": (".npy", ".npz"),
        "detection.nms_method": METHODS,
        "eval.select_metric": (
            *(f"mAP@{value:.2f}" for value in thresholds if isinstance(value, int | float)),
            f"mAP@{AVERAGE}",
            *(f"Recall@{k}x@{AVERAGE}" for k in DEFAULT_TOP_K),
        ),
    }


_RANGES = (
    (("data.max_frames", "detection.candidates_per_level", "detection.max_detections", "detection.sigma",
      "data.synthetic.num_train_videos", "data.synthetic.num_test_videos", "data.synthetic.num_classes",
      "data.synthetic.feature_dim", "data.synthetic.min_length", "data.synthetic.max_length", "data.synthetic.noise"),
     lambda value: value > 0, "more than 0"),
    (("data.num_classes", "data.feature_stride", "data.window", "detection.min_duration"),
     lambda value: value >= 0, "0 or more"),
    (("data.truncation_threshold", "detection.candidate_threshold", "detection.min_score", "detection.iou_threshold",
      "detection.voting_threshold"),
     lambda value: 0 <= value <= 1, "between 0 and 1"),
)  # fmt: skip


def _problems(values):
    """Messages about lists of numbers that cannot be."""
    found = []
    ratio = values.get("data.crop_ratio", ())
    if ratio and not (len(ratio) == 2 and 0 < ratio[0] <= ratio[1] <= 1):
        found.append(f"config.data.crop_ratio is {ratio!r}, expected two shares, 0 < least <= largest <= 1, or ().")
    thresholds = values.get("data.tiou_thresholds", ())
    if not thresholds or not all(0 < value <= 1 for value in thresholds) or list(thresholds) != sorted(set(thresholds)):
        expected = "numbers above 0 and up to 1, in ascending order"
        found.append(f"config.data.tiou_thresholds is {thresholds!r}, expected {expected}.")
    for name in ("train_subsets", "test_subsets", "feature_places"):
        if not values.get(f"data.{name}"):
            found.append(f"config.data.{name} is empty, expected at least one name.")
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class FindActionsConfig(PredictFeaturesConfig):
    """What --mode predict is told to find the actions of videos."""

    durations: str | None = flag("predict, finding actions: JSON with the seconds of every video, or annotations.")
    class_scores: str | None = flag("predict, finding actions: a classifier's scores of every video, .json or .npz.")


KIND = Kind(
    name="localization",
    systems=("actionformer",),
    choices=_choices,
    ranges=_RANGES,
    problems=_problems,
    predict_config=FindActionsConfig,
    base_config=Lazy("configs._base.actionformer_base:whole_config"),
    tasks=Lazy("fact_jax.tasks.localization.systems"),
    runs=Lazy("fact_jax.app.runs.localization"),
    predictor=Lazy("fact_jax.inference.localization.predictor:LocalizationPredictor"),
    write_evaluation=Lazy("fact_jax.reporting.localization.writer:write_evaluation"),
    report=Lazy("fact_jax.reporting.report.localization:LocalizationReport"),
)
