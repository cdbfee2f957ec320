"""Temporal action localization: where actions begin and end, and what they are."""

import dataclasses
import math

from fact_jax.app.kinds.base import SET, Kind, Lazy, PredictFeaturesConfig, ReadWhere, flag
from fact_jax.metrics.localization import AVERAGE, DEFAULT_TOP_K
from fact_jax.models.actionformer.config import BACKBONES, NECKS
from fact_jax.ops.nms import METHODS
from fact_jax.types import why_no_value


def _choices(values):
    """Dotted key -> valid values."""
    thresholds = values.get("data.tiou_thresholds", ())
    return {
        "data.reader": ("files", "tfds", "synthetic"),
        "data.feature_suffix": (".npy", ".npz"),
        "detection.nms_method": METHODS,
        "model.backbone": BACKBONES,
        "model.neck": NECKS,
        "loss.center_sampling": ("radius", "none"),
        "eval.select_metric": (
            *(f"mAP@{value:.2f}" for value in thresholds if isinstance(value, int | float)),
            f"mAP@{AVERAGE}",
            *(f"Recall@{k}x@{AVERAGE}" for k in DEFAULT_TOP_K),
        ),
    }


_RANGES = (
    (("model.num_heads", "model.neck_dim", "model.head_dim", "model.stream_dims", "model.stream_widths"),
     lambda value: 0 < value <= 65_536, "more than 0 and at most 65536"),
    (("model.embedding_layers", "model.head_layers"),
     lambda value: 0 < value <= 100, "more than 0 and at most 100"),
    (("model.stem_layers",), lambda value: 0 <= value <= 100, "0 or more and at most 100"),
    (("model.branch_layers", "model.first_level"), lambda value: 0 <= value <= 20, "0 or more and at most 20"),
    (("model.scale_factor",), lambda value: 1 < value <= 16, "more than 1 and at most 16"),
    (("model.embedding_kernel", "model.head_kernel", "loss.center_radius"),
     lambda value: 0 < value <= 1000, "more than 0 and at most 1000"),
    (("detection.sigma",), lambda value: 0 < value <= 100, "more than 0 and at most 100"),
    (("data.max_frames", "loss.first_normalizer", "detection.candidates_per_level", "detection.max_detections"),
     lambda value: 0 < value <= 1_000_000, "more than 0 and at most 1000000"),
    (("loss.regression_weight", "detection.min_duration"),
     lambda value: 0 <= value <= 1000, "0 or more and at most 1000"),
    (("data.num_classes", "data.feature_stride", "data.window"),
     lambda value: 0 <= value <= 100_000, "0 or more and at most 100000"),
    (("data.truncation_threshold", "detection.iou_threshold", "detection.voting_threshold"),
     lambda value: 0 <= value <= 1, "between 0 and 1"),
    (("model.drop_path_rate", "loss.label_smoothing", "detection.candidate_threshold", "detection.min_score"),
     lambda value: 0 <= value < 1, "at least 0 and less than 1"),
    (("model.class_prior",), lambda value: 0 < value < 1, "more than 0 and less than 1"),
    (("model.window_sizes",),
     lambda value: -1 <= value <= 100_000, "1 or more and at most 100000, or -1 or 0 for all"),
)  # fmt: skip

_READERS = ("files", "tfds")
_READS = (
    ReadWhere(
        ("data.dir", "data.annotation_file", "data.test_annotation_file", "data.subset_file", "data.feature_places",
         "data.feature_prefix", "data.feature_suffix", "data.skip_missing", "data.train_subsets", "data.test_subsets"),
        "data.reader", _READERS,
    ),
    ReadWhere(("data.sample_rate",), "data.resize", (False,)),
    ReadWhere(("data.window",), "data.feature_stride", SET),
    ReadWhere(("detection.sigma",), "detection.nms_method", ("gaussian",)),
    ReadWhere(("detection.iou_threshold",), "detection.nms_method", ("linear", "hard")),
    ReadWhere(
        ("detection.per_class", "detection.max_detections", "detection.min_score", "detection.voting_threshold"),
        "detection.nms_method", ("gaussian", "linear", "hard"),
    ),
    ReadWhere(("detection.voting_threshold",), "detection.per_class", (False,)),
    ReadWhere(("loss.center_radius",), "loss.center_sampling", ("radius",)),
    ReadWhere(("model.num_heads", "model.relative_positions"), "model.backbone", ("transformer",)),
)  # fmt: skip


def _problems(values):
    """Messages about lists that cannot be; what is no list at all has one already, and is not here."""
    rules = {
        "data.crop_ratio": (
            lambda ratio: not ratio or (len(ratio) == 2 and 0 < ratio[0] <= ratio[1] <= 1),
            "two shares, 0 < least <= largest <= 1, or ()",
        ),
        "data.tiou_thresholds": (
            lambda found: found and 0 < found[0] and found[-1] <= 1 and list(found) == sorted(set(found)),
            "numbers above 0 and up to 1, in ascending order",
        ),
        **dict.fromkeys(
            ("model.regression_from", "model.regression_to"),
            (lambda found: found and min(found) >= 0, "distances of 0 or more, one per level"),
        ),
    }
    messages = [
        f"config.{key} is {values[key]!r}, expected {words}."
        for key, (holds, words) in rules.items()
        if key in values and (any(why_no_value(entry, float) for entry in values[key]) or not holds(values[key]))
    ]
    for name in ("train_subsets", "test_subsets", "feature_places"):
        if values.get(f"data.{name}") == ():
            messages.append(f"config.data.{name} is empty, expected at least one name.")
    least, most = (values.get(f"model.regression_{end}", ()) for end in ("from", "to"))
    if not messages and any(low >= high for low, high in zip(least, most, strict=False)):
        messages.append(
            f"config.model.regression_from is {least!r} and regression_to {most!r}: expected a smaller distance in the "
            "first one, level by level."
        )
    shortest, most = values.get("detection.min_duration", 0), values.get("data.max_frames", math.inf)
    if not any(why_no_value(value, float) for value in (shortest, most)) and shortest >= most:
        messages.append(
            f"config.detection.min_duration is {shortest!r}, expected less than config.data.max_frames, {most!r}: it "
            "is in features of the grid, and nothing shorter is ever found."
        )
    if values.get("train.sampling") == "by_length":
        messages.append(
            "config.train.sampling is 'by_length', which does nothing here: videos of any lengths share an update, as "
            "published. Leave it out, or set 'random'."
        )
    return messages


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
    reads=_READS,
    predict_config=FindActionsConfig,
    base_config=Lazy("configs._base.actionformer_base:whole_config"),
    tasks=Lazy("fact_jax.tasks.localization.systems"),
    runs=Lazy("fact_jax.app.runs.localization"),
    predictor=Lazy("fact_jax.inference.localization.predictor:LocalizationPredictor"),
    write_evaluation=Lazy("fact_jax.reporting.localization.writer:write_evaluation"),
    report=Lazy("fact_jax.reporting.report.localization:LocalizationReport"),
    ensembles=Lazy("fact_jax.tasks.localization.ensemble"),
)
