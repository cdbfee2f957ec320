"""What all sources of raw video offer: frames by number, and when they are shown."""

import numpy as np

from data_pipelines.video.errors import VideoError
from data_pipelines.video.frame_times import frame_at


class RawVideo:
    """A video of N frames, whatever it is stored in. It holds no file open, and worker processes may get copies of it.

    Attributes:
      path: the file or folder.
      size: (height, width) in pixels of all frames, as a player shows them.
      times: float64 [N], seconds at which frames are shown; they rise.
      rate: frames per second, on average where the rate varies.
      warnings: what is odd about it, in words; reading goes on.
      is_cut_off: whether it goes on in the file behind the last frame that can be read.
    """

    path: str
    size: tuple[int, int]
    times: np.ndarray
    rate: float
    warnings: tuple[str, ...] = ()
    is_cut_off: bool = False

    def __len__(self):
        return len(self.times)

    def frames(self, indices):
        """Returns uint8 [len(indices), H, W, 3], RGB: the frames of these numbers, in any order, also several times.

        They are what decoding all from the start gives, pixel for pixel. Raises VideoError where the file is no longer
        what it was, IndexError for numbers outside of 0 to N - 1.
        """
        numbers = self._checked(indices)
        frames = np.empty((len(numbers), *self.size, 3), np.uint8)
        distinct, first, of = np.unique(numbers, return_index=True, return_inverse=True)
        for place, write in self._decode(distinct):
            write(frames[first[place]])
        for place, same in enumerate(first[of].tolist()):
            if place != same:
                frames[place] = frames[same]
        return frames

    def batches(self, indices, batch_size):
        """Yields what `frames` gives of `batch_size` numbers after the other, which have to rise.

        One pass over the file gives all, and no more than a batch is held: for videos of hours.
        """
        numbers = self._checked(indices)
        if np.any(np.diff(numbers) <= 0):
            raise IndexError("expected numbers of frames that rise")
        started, done = {}, 0  # number of the batch -> (frames, how many have come)
        for place, write in self._decode(numbers):
            batch, place = divmod(place, batch_size)
            if batch not in started:
                size = min(batch_size, len(numbers) - batch * batch_size)
                started[batch] = np.empty((size, *self.size, 3), np.uint8), 0
            frames, come = started[batch]
            write(frames[place])
            started[batch] = frames, come + 1
            # A file in which a seek went wrong gives some frames late.
            while done in started and started[done][1] == len(started[done][0]):
                yield started.pop(done)[0]
                done += 1

    def frame_at(self, seconds):
        """The number of the frame that is shown at `seconds`, by its time and not by a rate."""
        return frame_at(self.times, seconds)

    def check_labels(self, num_labels):
        """Raises VideoError where labels, one per frame, are not as many as frames."""
        if num_labels != len(self):
            raise VideoError(
                self.path,
                f"{num_labels} labels for {len(self)} frames{self._stated()}",
                "expected one label for every frame that can be decoded",
            )

    def _checked(self, indices):
        numbers = np.asarray(indices)
        if not numbers.size:
            numbers = np.zeros(0, np.int64)
        if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
            raise IndexError(f"numbers of frames of shape {numbers.shape} and type {numbers.dtype}; expected int [N]")
        if numbers.size and not (0 <= numbers.min() and numbers.max() < len(self)):
            raise IndexError(
                f"{self.path} has the frames 0 to {len(self) - 1}; asked for {numbers.min()} to {numbers.max()}"
            )
        return numbers.astype(np.int64)

    def _stated(self):
        """What a header claims, as the end of a sentence, or ""."""
        return ""

    def _decode(self, numbers):
        """Yields every place of `numbers`, int64 [N] that rise, and what writes its frame to uint8 [H, W, 3]."""
        raise NotImplementedError
