"""Some of the videos of a source."""

from collections.abc import Collection

import numpy as np


class SelectedExamples:
    """`core.batching.Examples` of the videos with certain names, in the order of the others."""

    def __init__(self, examples, video_ids: Collection[str]):
        """Of Examples; names that none of their videos has are left out."""
        wanted = set(video_ids)
        self._places = [place for place, video in enumerate(examples.video_ids) if video in wanted]
        self._examples = examples
        self.video_ids = tuple(examples.video_ids[place] for place in self._places)
        self.lengths, self.heavy = np.asarray(examples.lengths)[self._places], examples.heavy

    def arrays(self, length):
        """See core.batching.Examples."""
        return self._examples.arrays(length)

    def fill(self, row, position, draw):
        """See core.batching.Examples."""
        self._examples.fill(row, self._places[position], draw)
