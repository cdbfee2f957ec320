"""What CARL and its baselines minimise: one of four losses on the embeddings of a batch."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.losses.classification import labelled_cross_entropy
from fact_jax.losses.contrastive import NEGATIVES, POSITIVES, n_pairs, sequence_contrastive
from fact_jax.losses.cycle import LOSSES, SIMILARITIES, cycle_consistency
from fact_jax.ops.arrays import Array
from fact_jax.types import UserError, check_choice

OBJECTIVES = ("scl", "tcc", "tcn", "classification")
Terms = dict[str, tuple[Float[Array, ""], Float[Array, ""]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CARLLossConfig:
    """Settings of the loss. Published names stand in brackets.

    Attributes:
      objective: "scl", sequence contrastive; "tcc", cycle consistency; "tcn", n-pairs; "classification" of frames by
        their labels (TRAINING_ALGO).
      negatives, positives, label_variance, temperature: of scl (SCL.NEGATIVE_TYPE, POSITIVE_TYPE, LABEL_VARIENCE,
        SOFTMAX_TEMPERATURE).
      cycle, similarity, cycle_temperature, label_smoothing, variance_weight, normalize_steps: of tcc (TCC.LOSS_TYPE,
        SIMILARITY_TYPE, SOFTMAX_TEMPERATURE, LABEL_SMOOTHING, VARIANCE_LAMBDA, NORMALIZE_INDICES).
      regularization: of tcn (TCN.REG_LAMBDA).
    """

    objective: str = "scl"
    negatives: str = "single_noself"
    positives: str = "gauss"
    label_variance: float = 10.0
    temperature: float = 0.1
    cycle: str = "regression_mse_var"
    similarity: str = "l2"
    cycle_temperature: float = 0.1
    label_smoothing: float = 0.1
    variance_weight: float = 0.001
    normalize_steps: bool = True
    regularization: float = 0.002

    def __post_init__(self):
        choices = {
            "objective": OBJECTIVES,
            "negatives": NEGATIVES,
            "positives": POSITIVES,
            "cycle": LOSSES,
            "similarity": SIMILARITIES,
        }
        for name, valid in choices.items():
            check_choice(f"config.loss.{name}", getattr(self, name), valid)
        numbers = ("label_variance", "temperature", "cycle_temperature")
        wrong = [f"config.loss.{name} is {getattr(self, name)}" for name in numbers if not getattr(self, name) > 0]
        if wrong:
            raise UserError(f"{', '.join(wrong)}; expected more than 0.")

    @property
    def projects(self) -> bool:
        """Whether the loss compares behind the projection head; the others take the embeddings themselves."""
        return self.objective == "scl"

    @property
    def compares_videos(self) -> bool:
        """Whether the loss of a video depends on the other videos of the batch."""
        return self.objective == "tcc" or (self.objective == "scl" and self.negatives.startswith("batch"))


def loss_terms(
    config: CARLLossConfig,
    embeddings: Float[Array, "B T C"],
    batch: Mapping[str, jax.Array],
    video_mask: Bool[Array, " V"],
    logits: Float[Array, "B T K"] | None = None,
) -> Terms:
    """The loss, and what is logged beside it: name -> (sum, normalizer), see `fact_jax.tasks.base.LossOutput`.

    The B clips are the views of V videos in a row, one or two of each.

    Args:
      embeddings: what the network gives; of scl behind the head.
      batch: of every clip the numbers of its frames in the video, "steps" int [B, T], the frames of the video,
        "lengths" int [B], and which frames exist, "mask" bool [B, T]; for classification "labels" int [B, T], less
        than 0 where there is none.
      logits: of the classifier, for classification.
    """
    exists = jnp.repeat(video_mask, len(embeddings) // len(video_mask))
    if config.objective == "classification":
        if logits is None:
            raise ValueError("a loss of classification needs logits")
        valid = batch["mask"] & exists[:, None]
        entropy, correct, count = labelled_cross_entropy(logits, batch["labels"], valid)
        return {"loss": (entropy, count), "accuracy": (correct, count)}
    if config.objective == "tcn":
        losses = n_pairs(embeddings, regularization=config.regularization)
        return {"loss": (jnp.sum(jnp.where(exists, losses, 0.0)), jnp.sum(exists, dtype=jnp.float32))}
    if config.objective == "tcc":
        return _cycle_terms(config, embeddings, batch["steps"], batch["lengths"], exists)
    pairs = (len(video_mask), 2)
    total, count = sequence_contrastive(
        embeddings.reshape(pairs + embeddings.shape[1:]),
        batch["steps"].reshape(*pairs, -1),
        batch["lengths"].reshape(pairs),
        batch["mask"].reshape(*pairs, -1),
        video_mask,
        negatives=config.negatives,
        positives=config.positives,
        label_variance=config.label_variance,
        temperature=config.temperature,
    )
    return {"loss": (total, count)}


def _cycle_terms(config, embeddings, steps: Int[Array, "B T"], lengths, exists) -> Terms:
    found = cycle_consistency(
        embeddings,
        steps,
        lengths,
        exists,
        loss=config.cycle,
        similarity=config.similarity,
        temperature=config.cycle_temperature,
        label_smoothing=config.label_smoothing,
        variance_weight=config.variance_weight,
        normalize_steps=config.normalize_steps,
    )
    terms = {"loss": (found.loss, found.count)}
    if config.cycle == "regression_mse_var":
        terms |= {
            "squared_error": (found.squared_error, found.count),
            "log_variance": (found.log_variance, found.count),
        }
    return terms
