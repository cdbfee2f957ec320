"""Representation learning: an embedding for every frame of a raw video, with or without labels."""

import dataclasses

from fact_jax.app.kinds.base import SET, Kind, Lazy, PredictConfig, ReadWhere, flag
from fact_jax.models.carl.config import EMBEDDERS, TRAIN_BACKBONE
from fact_jax.types import why_no_value

LAYOUTS = ("folder", "pouring", "penn_action", "finegym", "kinetics")
TASKS = ("classification", "progress", "tau", "retrieval", "linear_probe")
# What the modules of the losses and the metrics say as well, which import jax and scikit-learn.
_CHOICES = {
    "data.reader": ("videos", "tfds", "synthetic"),
    "data.layout": LAYOUTS,
    "data.evaluation_layout": ("", *LAYOUTS),
    "data.clip.strategy": ("time_augment", "offset_uniform"),
    "data.augmentation.evaluation_crop": ("center", "whole"),
    "train.sampling": ("random",),  # all clips have one length
    "model.embedder": EMBEDDERS,
    "model.train_backbone": TRAIN_BACKBONE,
    "model.backbone_stages": (2, 3, 4),
    "loss.objective": ("scl", "tcc", "tcn", "classification"),
    "loss.negatives": ("single_noself", "batch_noself", "single", "batch"),
    "loss.positives": ("gauss", "none"),
    "loss.cycle": ("regression_mse_var", "regression_mse", "regression_huber", "classification"),
    "loss.similarity": ("l2", "cosine"),
    "eval.tau_distance": ("sqeuclidean", "cosine"),
}
_RANGES = (
    (("model.stem_dim", "model.stage_dims", "model.chunk_frames", "model.conv_dims",
      "model.fc_dims", "model.hidden_dim", "model.ff_dim", "model.num_heads", "model.embedding_dim",
      "loss.label_variance", "loss.temperature", "loss.cycle_temperature", "data.clip.num_frames",
      "data.clip.num_contexts", "data.clip.context_stride", "data.augmentation.size", "eval.frames_per_chunk",
      "eval.frame_stride", "eval.stride", "eval.retrieval_sizes", "eval.probe.learning_rate", "eval.probe.epochs",
      "eval.probe.videos_per_step"),
     lambda value: value > 0, "more than 0"),
    (("model.stage_blocks", "model.frames_at_once", "model.num_layers", "model.projection_dim", "loss.variance_weight",
      "loss.regularization", "optimizer.warmup_rate", "data.num_classes", "data.num_workers",
      "data.clip.sampling_region", "data.video.rate", "data.video.short_side", "data.synthetic.jitter",
      "eval.pixel_size", "eval.probe.weight_decay"),
     lambda value: value >= 0, "0 or more"),
    (("data.synthetic.num_train_videos", "data.synthetic.num_test_videos", "data.synthetic.min_frames",
      "data.synthetic.max_frames"),
     lambda value: value >= 1, "1 or more"),
    (("data.synthetic.size",), lambda value: value >= 16, "16 or more"),
    (("data.synthetic.num_phases",), lambda value: value >= 2, "2 or more"),
    (("data.video.stream",), lambda value: value >= -1, "a number from 0, or -1 for the only one"),
    (("data.clip.consistent_offset", "data.augmentation.strength"), lambda value: 0 <= value <= 1, "between 0 and 1"),
    (("data.copy_quality",), lambda value: 0 <= value <= 100, "between 0 and 100"),
    (("data.train_fraction",), lambda value: 0 < value <= 1, "more than 0 and at most 1"),
    (("data.test_share", "loss.label_smoothing", "eval.probe.momentum"),
     lambda value: 0 <= value < 1, "at least 0 and less than 1"),
)  # fmt: skip

_READS = (
    ReadWhere(("data.dir", "data.layout", "data.train_list", "data.test_list"), "data.reader", ("videos", "tfds")),
    ReadWhere(("data.copy_quality",), "data.reader", ("tfds",)),
    ReadWhere(("data.test_share",), "data.layout", ("folder",)),
    ReadWhere(("optimizer.warmup_rate",), "optimizer.warmup_epochs", SET),
    ReadWhere(("model.conv_dims",), "model.embedder", ("conv",)),
    ReadWhere(
        ("model.hidden_dim", "model.ff_dim", "model.num_heads", "model.num_layers"), "model.embedder", ("transformer",)
    ),
    ReadWhere(
        ("loss.negatives", "loss.positives", "loss.label_variance", "loss.temperature"), "loss.objective", ("scl",)
    ),
    ReadWhere(
        ("loss.cycle", "loss.similarity", "loss.cycle_temperature", "loss.label_smoothing", "loss.variance_weight",
         "loss.normalize_steps"),
        "loss.objective", ("tcc",),
    ),
    ReadWhere(("loss.regularization",), "loss.objective", ("tcn",)),
)  # fmt: skip


def _problems(values):
    """Messages about lists that cannot be; what is no list at all has one already, and is not here."""
    found = []
    tasks, fractions = values.get("eval.tasks"), values.get("eval.fractions")
    if tasks is not None and (not tasks or set(tasks) - set(TASKS)):
        found.append(f"config.eval.tasks is {tasks!r}, expected some of {', '.join(map(repr, TASKS))}.")
    if fractions is not None:
        valid = fractions and not any(why_no_value(share, float) for share in fractions)
        if not (valid and 0 < fractions[0] and fractions[-1] <= 1 and list(fractions) == sorted(set(fractions))):
            expected = "shares above 0 and up to 1, in ascending order"
            found.append(f"config.eval.fractions is {fractions!r}, expected {expected}.")
    if values.get("eval.retrieval_sizes") == ():
        found.append("config.eval.retrieval_sizes is empty, expected at least one number.")
    for name in ("stage_dims", "stage_blocks"):
        numbers = values.get(f"model.{name}")
        if numbers is not None and len(numbers) != 4:
            found.append(f"config.model.{name} is {numbers!r}, expected four numbers.")
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedVideosConfig(PredictConfig):
    """What --mode predict is told to embed the frames of videos."""

    align_to: str | None = flag("predict, embedding videos: the name of one, with which the others are shown in step.")


KIND = Kind(
    name="representation",
    systems=("carl",),
    choices=lambda values: _CHOICES,
    ranges=_RANGES,
    problems=_problems,
    reads=_READS,
    predict_config=EmbedVideosConfig,
    base_config=Lazy("configs._base.carl_base:whole_config"),
    tasks=Lazy("fact_jax.tasks.representation.systems"),
    runs=Lazy("fact_jax.app.runs.representation"),
    predictor=Lazy("fact_jax.inference.representation.predictor:RepresentationPredictor"),
    write_evaluation=Lazy("fact_jax.reporting.representation.writer:write_evaluation"),
    report=Lazy("fact_jax.reporting.report.representation:RepresentationReport"),
)
