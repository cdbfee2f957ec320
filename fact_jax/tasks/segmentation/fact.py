"""Action segmentation: binds a network to its objective, its decoding and the segmentation metrics."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.models.fact import config as fact_config
from fact_jax.models.fact import published
from fact_jax.models.fact.classes import classes_of
from fact_jax.models.fact.decode import decode, decode_scores
from fact_jax.models.fact.network import Fact, compose
from fact_jax.models.fact.objective import FactLossConfig, automatic_null_weight, fact_loss, ground_truth_of
from fact_jax.ops import matching
from fact_jax.ops.dropout_rng import video_seeds
from fact_jax.tasks.base import FINITE, LossOutput, Task, all_finite
from fact_jax.tasks.segmentation.evaluation import SegmentationEvaluation, SegmentationProtocol, protocol_of
from fact_jax.tasks.segmentation.inputs import correct_frames, network_inputs, video_terms
from fact_jax.types import UserError, VerbNouns

TRANSCRIPT_KEYS = ("segment_labels", "segment_mask")


@dataclasses.dataclass(frozen=True)
class FactTask(Task):
    """Trains and evaluates FACT; without a loss, whose null weight is resolved, and a protocol it only predicts."""

    model: fact_config.FactConfig
    loss_config: FactLossConfig | None = None
    protocol: SegmentationProtocol | None = None

    @property
    def network(self):
        return Fact(self.model)

    @property
    def predict_keys(self):
        return ("features", "mask", "row") + (TRANSCRIPT_KEYS if self.model.use_transcript else ())

    @property
    def conv_channels(self):
        return max(block.frame_dim for block in self.model.block_configs)

    @property
    def uses_transcript(self):
        """Whether `predict` reads transcripts."""
        return self.model.use_transcript

    def compose(self, params, batch):
        """MS-TCN++ layers as one convolution each, where that pays; see the protocol."""
        return compose(self.model, params, None if batch is None else batch["mask"].size)

    def init(self, rng, batch):
        """Draws initial parameters as PyTorch does."""
        types = (jnp.int32, bool) if self.model.use_transcript else ()
        transcript = (jax.ShapeDtypeStruct((1, 2), dtype) for dtype in types)
        variables = self.network.lazy_init(rng, *network_inputs(batch), None, *transcript)
        return {"params": variables["params"], "state": {}}

    def loss(self, params, state, batch, rng):
        """Sums FACT's objective over the videos of one device; see the protocol.

        Terms: "loss"; "loss_frame", "loss_token", "loss_segment", "loss_f2a", "loss_a2f", "loss_smooth", the
        unweighted parts averaged over the blocks that have them; "accuracy", correct training frames.
        """
        outputs = self._run(params, batch, video_seeds(rng, batch["row"]))
        segments = batch["segment_labels"], batch["segment_mask"]
        ground_truth = ground_truth_of(batch["labels"], batch["mask"], *segments)
        token_mask = jnp.ones(outputs[-1].action_logits.shape[:2], bool)
        if self.model.use_transcript:
            token_mask = batch["segment_mask"]
        losses, blocks, _ = fact_loss(self.loss_config, self.model.classes, outputs, ground_truth, token_mask)
        parts = _average_terms([parts for _, parts in blocks])
        terms = video_terms(batch, {"loss": losses} | {f"loss_{name}": values for name, values in parts.items()})
        labels = decode(self.model, outputs[-1], *self._transcript(batch))["labels"]
        return LossOutput(terms | {"accuracy": correct_frames(labels, batch)}, state)

    def predict(self, params, state, batch):
        """Labels of every frame: see `fact_jax.models.fact.decode`; and FINITE."""
        output = self._run(params, batch)[-1]
        return decode(self.model, output, *self._transcript(batch)) | {FINITE: self._finite(output, batch)}

    def predict_scores(self, params, state, batch):
        """Labels of every frame and how sure they are: see `fact_jax.models.fact.decode.decode_scores`; and FINITE."""
        output = self._run(params, batch)[-1]
        return decode_scores(self.model, output, *self._transcript(batch)) | {FINITE: self._finite(output, batch)}

    def _finite(self, output, batch):
        """Whether what frames and tokens say, and how they attend to one another, are numbers: bool [B]."""
        mask, tokens = batch["mask"], output.action_logits
        if self.model.use_transcript:
            tokens = (tokens, batch["segment_mask"])
        return all_finite((output.frame_logits, mask), tokens, (output.a2f_attention, mask))

    def _transcript(self, batch):
        return tuple(batch[key] for key in TRANSCRIPT_KEYS) if self.model.use_transcript else (None, None)

    def _run(self, params, batch, dropout_rng=None):
        features, mask = batch["features"], batch["mask"]
        return self.network.apply({"params": params}, features, mask, dropout_rng, *self._transcript(batch))

    def links(self):
        return published.links(self.model)

    def evaluation(self):
        return SegmentationEvaluation(self.protocol)


def _average_terms(blocks):
    """Averages every loss part over the blocks that have it; the smoothness parts of a block are added first."""
    gathered = {}
    for terms in blocks:
        plain = {name: value for name, value in terms.items() if not name.startswith("smooth")}
        smooth = sum(terms[name] for name in terms if name not in plain)
        for name, value in {**plain, "smooth": smooth}.items():
            gathered.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in gathered.items()}


def build(
    config: Any,
    *,
    class_names,
    statistics,
    full_labels: Callable[[str], np.ndarray],
    verb_nouns: VerbNouns | None = None,
) -> FactTask:
    """Builds the task of a run.

    Args:
      config: resolved config of the run.
      class_names: name of every class.
      statistics: of the training videos: `average_transcript_length(match)`, `max_segments`, `max_actions`.
      full_labels: gives the labels of an evaluated video at the full rate, int [N].
      verb_nouns: what the classes are made of, if they are pairs of a verb and a noun.

    Raises:
      UserError: settings contradict each other or the data, e.g. fewer tokens than segments in some video.
    """
    model = fact_config.from_settings(config.model, classes_of(len(class_names), verb_nouns), config.dtype)
    background_ids = tuple(int(label) for label in config.data.background_ids)
    loss = config.loss
    largest, video_id = statistics.max_actions if loss.match == "o2m" else statistics.max_segments
    average = config.data.average_transcript_length or statistics.average_transcript_length(loss.match)
    at_least = math.floor(average) + 1 if loss.null_weight == -1 else 0
    if not model.use_transcript:
        matching.check_matchable(loss.match, model.num_tokens, largest, video_id, at_least)
    names = "match", "prob_cost", "overlap_cost", "background_weight", "smoothing_weight"
    weights = {name: loss[name] for name in names} | {"null_weight": _null_weight(loss.null_weight, average, model)}
    loss_config = FactLossConfig(**weights, background_ids=background_ids)
    if loss.match != "seq" and loss.prob_cost <= 0 and loss.overlap_cost <= 0:
        raise UserError("loss.prob_cost and loss.overlap_cost are both 0: nothing is left to match tokens by.")
    return FactTask(model, loss_config, protocol_of(config, class_names, full_labels))


def _null_weight(setting, average, model):
    if setting != -1:
        return float(setting)
    if average >= model.num_tokens and not model.use_transcript:
        raise UserError(
            f"loss.null_weight=-1 (automatic) needs more tokens than the average transcript has: model.num_tokens is "
            f"{model.num_tokens}, the average is {average:.1f}. Raise model.num_tokens or set loss.null_weight."
        )
    return automatic_null_weight(model.num_tokens, average, model.classes.null_weight_classes)


def restore(config: Any, derived: Mapping[str, Any]) -> FactTask:
    """Builds the task of a recorded run for prediction alone; see `systems.restore`."""
    pairs = derived.get("verb_nouns")
    verb_nouns = VerbNouns(**{name: tuple(values) for name, values in pairs.items()}) if pairs else None
    classes = classes_of(len(derived["class_names"]), verb_nouns)
    return FactTask(fact_config.from_settings(config["model"], classes, config.get("dtype", "float32")))
