"""Action recognition: a label, or a verb and a noun, for every short clip of raw video."""

import dataclasses
import math

from fact_jax.app.kinds.base import SET, Kind, Lazy, PredictConfig, ReadWhere, flag
from fact_jax.types import UserError

LAYOUTS = ("custom", "epic", "ssv2", "kinetics")
EXPERTS = ("both", "clip", "videomae")
# What the modules of data and network say as well, which import more.
_CHOICES = {
    "data.reader": ("videos", "synthetic"),
    "data.layout": LAYOUTS,
    "data.sampling.strategy": ("segment", "dense"),
    "data.sampling.evaluation": ("center", "random"),
    "train.sampling": ("random",),  # all clips have one length
    "model.experts": EXPERTS,
    "model.drop_path_axis": ("sample", "token"),
    "model.frozen_dtype": ("float32", "bfloat16", "float16"),
}
_RANGES = (
    (("model.patch_size", "model.tubelet", "model.dim", "model.num_layers", "model.num_heads", "model.mlp_ratio",
      "model.adapter_ratio", "model.down_ratio", "loss.mixup_alpha", "data.sampling.num_frames",
      "data.sampling.stride", "data.sampling.num_samples", "data.sampling.test_chunks", "data.sampling.test_crops",
      "data.augmentation.size"),
     lambda value: 0 < value <= 65_536, "more than 0 and at most 65536"),
    (("data.num_workers", "model.init_scale", "model.start_scale", "data.video.rate", "data.video.short_side"),
     lambda value: value >= 0, "0 or more"),
    (("data.video.stream",), lambda value: value >= -1, "a number from 0, or -1 for the only one"),
    (("optimizer.layer_decay",), lambda value: 0 < value <= 1, "more than 0 and at most 1"),
    (("loss.mixup_probability", "data.augmentation.flip", "data.augmentation.erase"),
     lambda value: 0 <= value <= 1, "between 0 and 1"),
    (("loss.label_smoothing", "model.drop_path", "model.head_dropout_rate"),
     lambda value: 0 <= value < 1, "at least 0 and less than 1"),
)  # fmt: skip

_READS = (
    ReadWhere(
        ("data.dir", "data.layout", "data.train_list", "data.test_list", "data.skip_unreadable"),
        "data.reader",
        ("videos",),
    ),
    ReadWhere(("data.augmentation.single_crop",), "data.sampling.test_crops", (1,)),
    ReadWhere(("data.sampling.stride",), "data.sampling.strategy", ("dense",)),
    ReadWhere(("loss.mixup_alpha",), "loss.mixup_probability", SET),
    ReadWhere(("model.adapters",), "model.experts", ("clip", "videomae")),
    ReadWhere(("model.down_ratio",), "model.experts", ("both",)),
    ReadWhere(("model.tubelet",), "model.experts", ("both", "videomae")),
    ReadWhere(("model.frozen_dtype",), "model.train_experts", (False,)),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecogniseClipsConfig(PredictConfig):
    """What --mode predict is told to recognise what happens in clips, or in windows of long videos."""

    window: float | None = flag(
        "predict, recognising actions: seconds of a window of a long video (default: all); extract: seconds that a row "
        "of features sees."
    )
    every: float | None = flag(
        "predict, recognising actions: seconds from a window to the next (default: one window); extract: from a row "
        "to the next."
    )

    def __post_init__(self):
        wrong = [
            f"--{name} is {value}; expected seconds, more than 0."
            for name, value in (("window", self.window), ("every", self.every))
            if value is not None and not (math.isfinite(value) and value > 0)
        ]
        if self.every is not None and self.window is None:
            wrong.append("--every goes with --window, the seconds of a window.")
        if wrong:
            raise UserError("\n".join(wrong))


KIND = Kind(
    name="recognition",
    systems=("cast",),
    choices=lambda values: _CHOICES,
    ranges=_RANGES,
    reads=_READS,
    predict_config=RecogniseClipsConfig,
    base_config=Lazy("configs._base.cast_base:whole_config"),
    tasks=Lazy("fact_jax.tasks.recognition.systems"),
    runs=Lazy("fact_jax.app.runs.recognition"),
    predictor=Lazy("fact_jax.inference.recognition.predictor:RecognitionPredictor"),
    write_evaluation=Lazy("fact_jax.reporting.recognition.writer:write_evaluation"),
    report=Lazy("fact_jax.reporting.report.recognition:RecognitionReport"),
    ensembles=Lazy("fact_jax.tasks.recognition.ensemble"),
)
