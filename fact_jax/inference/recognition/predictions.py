"""What is recognised in one video: the probabilities of its windows."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fact_jax.ops.clip_views import likely_classes


class Guess(NamedTuple):
    """What may happen in a window: seconds, the names of the classes of all heads, and their probability.

    Of a verb and a noun the label is "VERB NOUN" and the probability the product of both.
    """

    start: float
    end: float
    label: str
    probability: float


@dataclasses.dataclass(frozen=True, eq=False)
class RecognisedVideo:
    """One video of W windows; a clip that was seen as a whole has one.

    Attributes:
      times: float64 [W, 2], seconds at which windows start and end.
      probabilities: float32 [W, K] by the name of a head, means over the views of a window; rows add up to 1.
      class_names: by the name of a head, in the order of the classes.
    """

    times: Float[np.ndarray, "W 2"]
    probabilities: Mapping[str, Float[np.ndarray, "W K"]]
    class_names: Mapping[str, tuple[str, ...]]

    @property
    def labels(self) -> tuple[str, ...]:
        """The most likely label of every window."""
        return tuple(self.best(window, 1)[0].label for window in range(len(self.times)))

    def best(self, window: int = 0, count: int = 5) -> tuple[Guess, ...]:
        """The `count` most likely labels of a window, the most likely first; of two heads pairs of verb and noun."""
        start, end = self.times[window].tolist()
        return tuple(Guess(start, end, self._name(classes), p) for classes, p in self._ranked(window, count))

    def likely(self, count: int, listed: int = 5) -> tuple[tuple[str, ...], Float[np.ndarray, "W n"]]:
        """(labels, float64 [W, n]): at most `count` labels, and how probable each is in every window.

        They are of the `listed` most likely ones of any window, those that are the most probable anywhere first.
        """
        highest: dict[tuple[int, ...], float] = {}
        for window in range(len(self.times)):
            for classes, probability in self._ranked(window, listed):
                highest[classes] = max(highest.get(classes, 0.0), probability)
        chosen = sorted(highest, key=lambda classes: -highest[classes])[:count]
        chances = np.ones((len(self.times), len(chosen)))
        for head, ids in zip(self._spoken, zip(*chosen, strict=True), strict=True):
            chances *= self.probabilities[head][:, ids]
        return tuple(self._name(classes) for classes in chosen), chances

    @property
    def _spoken(self):
        """The heads in the order of their names in a label: verb, noun."""
        return list(self.probabilities)[::-1]

    def _name(self, classes):
        return " ".join(self.class_names[head][k] for head, k in zip(self._spoken, classes, strict=True))

    def _ranked(self, window, count):
        """[(a class of every head as it is spoken, probability)] of the `count` most likely labels of a window."""
        # Pairs with a class behind the first `count` have `count` pairs before them.
        guesses: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
        for head in self._spoken:
            own = self.probabilities[head][window]
            listed = likely_classes(own[None].astype(np.float64), count)[0].tolist()
            guesses = [((*classes, k), p * float(own[k])) for classes, p in guesses for k in listed]
        return sorted(guesses, key=lambda guess: -guess[1])[:count]
