"""What an evaluation counts where a row of a batch is a part of a video."""

import numpy as np
import pytest

from fact_jax.tasks.base import FINITE
from fact_jax.training.evaluator import Evaluator
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.types import Batch


class Parts:
    """Batches of one row, a part of a video each."""

    def __init__(self, names):
        self.names, self.num_videos = names, len(set(names))

    def __iter__(self):
        for place, name in enumerate(self.names):
            yield Batch({"video_mask": np.array([True])}, (name,), (place,))


class Step:
    """Scores that are finite, except for these videos."""

    def __init__(self, bad):
        self.bad = bad

    def __call__(self, weights, state, batch):
        return {FINITE: np.array([batch.video_ids[0] not in self.bad])}

    def runs_beside(self, batch):
        return False

    def fetch(self, batch, outputs):
        return batch, outputs


class Rows:
    """Keeps what it is given."""

    def __init__(self):
        self.seen = []

    def add(self, batch, outputs):
        self.seen.append((batch.subset, batch.video_ids[0]))


SETS = {"train": Parts(["a", "a", "b"]), "test": Parts(["a", "c", "c", "c"])}


@pytest.mark.parametrize(("scored", "count"), [((), 4), (("test",), 2), (("train", "test"), 4)])
def test_videos_that_others_are_compared_with_are_not_counted(scored, count):
    assert Evaluator("test", SETS, Rows, scored=scored).num_videos == count


def test_a_bad_video_is_named_once_whatever_its_parts():
    evaluator = Evaluator("test", SETS, Rows)
    assert evaluator.run(Step(()), None, None).seen[2:4] == [("train", "b"), ("test", "a")]
    with pytest.raises(NonFiniteScores, match="finite for 1 of the 4 test videos: c. They") as caught:
        evaluator.run(Step("c"), None, None)
    assert caught.value.video_ids == ("c",)
