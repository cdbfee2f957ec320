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
        # Pairs with a class behind the first `count` have `count` pairs before them.
        guesses: list[tuple[tuple[str, ...], float]] = [((), 1.0)]
        for head in list(self.probabilities)[::-1]:  # verb, noun
            own = self.probabilities[head][window]
            listed = likely_classes(own[None].astype(np.float64), count)[0].tolist()
            guesses = [((*names, self.class_names[head][k]), p * float(own[k])) for names, p in guesses for k in listed]
        guesses.sort(key=lambda guess: -guess[1])
        return tuple(Guess(start, end, " ".join(names), p) for names, p in guesses[:count])
