"""Action segmentation: a class for every frame of a video."""

import dataclasses

from fact_jax.app.kinds.base import SET, Kind, Lazy, PredictFeaturesConfig, ReadWhere, flag
from fact_jax.metrics.segmentation import METRIC_NAMES
from fact_jax.models.fact import letters
from fact_jax.types import UserError

_BLOCKS = ("input_block", "update_block", "temporal_block")
# Sizes of a block that are counts.
_SIZES = (
    "hidden_dim", "frame_dim", "frame_layers", "frame_groups", "action_dim", "action_layers", "action_heads",
    "action_ff_dim", "segment_layers", "encoder_layers", "encoder_dim", "encoder_reduction",
)  # fmt: skip
_CHOICES = {
    "data.reader": ("npy", "tfds", "synthetic"),
    "data.time_axis": ("last", "first"),
    "model.windows": ("released", "banded"),
    "model.input_block.action_branch": ("sca", "gru", "gru_om"),
    "model.update_block.action_branch": ("sa", "gru", "gru_om"),
    "model.temporal_block.action_branch": ("sa", "gru", "gru_om"),
    **{f"model.{block}.frame_branch": ("m", "m2", "t") for block in _BLOCKS},
    "loss.match": ("o2o", "o2m", "seq"),
    "eval.select_metric": METRIC_NAMES,
}
_RANGES = (
    (("data.max_buckets", "data.buckets", "model.segment_buckets", "model.time_mask.max_frames", "model.num_layers",
      "model.num_stages", "model.num_refinement_layers", "model.query_reduction", "model.value_reduction",
      "loss.smoothing_clip", *(f"model.{block}.{size}" for block in _BLOCKS for size in _SIZES)),
     lambda value: value > 0, "more than 0"),
    (("data.background_ids", "data.average_transcript_length", "data.length_tolerance", "data.gain_deviation",
      "data.offset_deviation", "model.num_tokens",
      "model.num_refinements", "model.num_decoders", "model.time_mask.count", "loss.prob_cost", "loss.overlap_cost",
      "loss.background_weight", "loss.smoothing_weight", *(f"model.{block}.encoder_attention" for block in _BLOCKS)),
     lambda value: value >= 0, "0 or more"),
    (("model.channel_dropout_rate", "data.max_padding",
      *(f"model.{block}.{rate}" for block in _BLOCKS for rate in ("dropout_rate", "encoder_channel_dropout_rate"))),
     lambda value: 0 <= value < 1, "at least 0 and less than 1"),
    (("data.max_speed",), lambda value: value == 0 or 1 <= value < float("inf"), "1 or more, or 0 for never"),
    (("data.crop_share", "model.frame_weight", "model.time_mask.max_fraction"),
     lambda value: 0 <= value <= 1, "between 0 and 1"),
    (("loss.null_weight",), lambda value: value >= 0 or value == -1, "0 or more, or -1 for automatic"),
)  # fmt: skip

_READS = (
    ReadWhere(
        ("data.dir", "data.feature_dir", "data.label_dir", "data.mapping_file", "data.train_split_file",
         "data.test_split_file", "data.time_axis", "data.length_tolerance"),
        "data.reader", ("npy", "tfds"),
    ),
    ReadWhere(("model.time_mask.max_frames", "model.time_mask.max_fraction"), "model.time_mask.count", SET),
    ReadWhere(("loss.prob_cost", "loss.overlap_cost"), "loss.match", ("o2o", "o2m")),
    ReadWhere(("data.transcript_dir",), "model.use_transcript", SET),
    ReadWhere(("model.soft_vote",), "model.use_transcript", (False,)),
    ReadWhere(("data.average_transcript_length",), "loss.null_weight", (-1,)),
)  # fmt: skip


def _problems(values):
    """Messages about the letters of the blocks."""
    try:
        letters.check_blocks(values.get("model.blocks", "iU"))
    except UserError as error:
        return [str(error)]
    return []


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelFramesConfig(PredictFeaturesConfig):
    """What --mode predict is told to label the frames of videos."""

    transcripts: str | None = flag("predict: folder of VIDEO.txt with the actions in order.")
    probabilities: bool = flag("predict: also write every frame's class probabilities.", False)

    def check_transcripts(self, needed: bool) -> None:
        """Raises UserError where transcripts are needed and not given, or the other way round."""
        if needed and self.transcripts is None:
            where = "--transcripts FOLDER with VIDEO.txt, one action on each line."
            raise UserError(f"This model needs the transcript of every video: {where}")
        if self.transcripts is not None and not needed:
            raise UserError("--transcripts: this model was trained without transcripts; leave the flag out.")


KIND = Kind(
    name="segmentation",
    systems=("fact", "faformer", "mstcn", "mstcn++", "asformer"),
    choices=lambda values: _CHOICES,
    ranges=_RANGES,
    problems=_problems,
    reads=_READS,
    predict_config=LabelFramesConfig,
    base_config=Lazy("configs._base.frame_model_base:whole_config"),
    tasks=Lazy("fact_jax.tasks.segmentation.systems"),
    runs=Lazy("fact_jax.app.runs.segmentation"),
    predictor=Lazy("fact_jax.inference.segmentation.predictor:SegmentationPredictor"),
    write_evaluation=Lazy("fact_jax.reporting.segmentation.writer:write_evaluation"),
    read_published=Lazy("fact_jax.models.fact.published_config:read"),
    report=Lazy("fact_jax.reporting.report.segmentation:SegmentationReport"),
    ensembles=Lazy("fact_jax.tasks.segmentation.ensemble"),
    folds=Lazy("fact_jax.app.runs.segmentation_folds:folds"),
)
