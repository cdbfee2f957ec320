"""How features carry class probabilities: one softmax over classes, or one over verbs and one over nouns.

The last channels of every frame, segment and token are logits. A dataset whose classes are pairs of a verb and a noun
(EPIC-Kitchens) has a block of channels for each and two independent softmaxes; the probability of a class is then the
product of its two parts. Blocks, losses and decoding ask the objects below and are the same for both.

Source: published models/blocks_SepVerbNoun.py.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from fact_jax.layers.factored import Features, with_last_channels
from fact_jax.ops.arrays import Array
from fact_jax.types import VerbNouns


@dataclasses.dataclass(frozen=True)
class PlainClasses:
    """One softmax over C classes; tokens have one more channel for "no action"."""

    num_classes: int

    # Of the frame, segment and token losses beside the alignment losses.
    term_weight = 1.0

    @property
    def frame_parts(self):
        """Channels of every softmax of frames and segments."""
        return (self.num_classes,)

    @property
    def token_parts(self):
        """Channels of every softmax of tokens; the last channel of a part is its "no action"."""
        return (self.num_classes + 1,)

    @property
    def null_weight_classes(self):
        """The number of classes in the formula of the automatic null weight."""
        return self.num_classes

    def most_likely(self, features: Float[Array, "*batch h"]) -> Int[Array, "*batch"]:
        """Class of features whose last channels are probabilities (see `read_classes`)."""
        return jnp.argmax(features[..., -self.num_classes :], axis=-1)

    def log_probs(self, logits: Float[Array, "*batch F"]) -> Float[Array, "*batch C"]:
        """Log-probabilities of the classes from the logits of frames or segments; of tokens "no action" last."""
        return jax.nn.log_softmax(logits)

    token_log_probs = log_probs


@dataclasses.dataclass(frozen=True)
class VerbNounClasses:
    """Two softmaxes, over V verbs and N nouns, whose pairs the classes are; tokens have "no verb" and "no noun" too."""

    num_verbs: int
    num_nouns: int
    verb_of_action: tuple[int, ...]
    noun_of_action: tuple[int, ...]

    term_weight = 0.5

    @property
    def num_classes(self):
        """C, pairs of a verb and a noun that occur in the dataset."""
        return len(self.verb_of_action)

    @property
    def frame_parts(self):
        return (self.num_verbs, self.num_nouns)

    @property
    def token_parts(self):
        return (self.num_verbs + 1, self.num_nouns + 1)

    @property
    def null_weight_classes(self):
        return (self.num_verbs + self.num_nouns) / 2

    def most_likely(self, features: Float[Array, "*batch h"]) -> Int[Array, "*batch"]:
        verbs = features[..., -(self.num_verbs + self.num_nouns) : -self.num_nouns]
        nouns = features[..., -self.num_nouns :]
        # Not renormalised over the pairs that exist, as published.
        return jnp.argmax(verbs[..., np.array(self.verb_of_action)] * nouns[..., np.array(self.noun_of_action)], -1)

    def log_probs(self, logits: Float[Array, "*batch F"]) -> Float[Array, "*batch C"]:
        return self._pairs(*_log_softmaxes(logits, self.num_verbs))

    def token_log_probs(self, logits: Float[Array, "*batch A"]) -> Float[Array, "*batch C_null"]:
        verbs, nouns = _log_softmaxes(logits, self.num_verbs + 1)
        return jnp.concatenate([self._pairs(verbs, nouns), verbs[..., -1:] + nouns[..., -1:]], axis=-1)

    def _pairs(self, verbs, nouns):
        return verbs[..., np.array(self.verb_of_action)] + nouns[..., np.array(self.noun_of_action)]


def _log_softmaxes(logits, num_verbs):
    return jax.nn.log_softmax(logits[..., :num_verbs]), jax.nn.log_softmax(logits[..., num_verbs:])


Classes = PlainClasses | VerbNounClasses


def classes_of(num_classes: int, verb_nouns: VerbNouns | None) -> Classes:
    """The classes of a dataset, with `verb_nouns` None for plain ones."""
    if verb_nouns is None:
        return PlainClasses(num_classes)
    pairs = tuple(verb_nouns.verb_of_action), tuple(verb_nouns.noun_of_action)
    return VerbNounClasses(len(verb_nouns.verbs), len(verb_nouns.nouns), *pairs)


def read_classes(
    features: Float[Array, "*batch h"], parts: tuple[int, ...]
) -> tuple[Float[Array, "*batch h"], Float[Array, "*batch F"]]:
    """Reads logits off the last channels and replaces them by their softmaxes (published `process_feature`).

    `parts` are the channels of every softmax, in order. Gives (features with probabilities for logits, logits).
    """
    logits = features[..., -sum(parts) :]
    probs = map(jax.nn.softmax, jnp.split(logits, np.cumsum(parts)[:-1], axis=-1))
    return jnp.concatenate([features[..., : features.shape[-1] - sum(parts)], *probs], axis=-1), logits


def read_frame_classes(features: Features, parts: tuple[int, ...]) -> tuple[Features, Float[Array, "B T F"]]:
    """As `read_classes`, for `Features`."""
    probs, logits = read_classes(features.last(sum(parts)), parts)
    return with_last_channels(features, probs), logits
