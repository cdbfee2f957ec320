"""Features of two videos that were exchanged: they have the other's length, and nothing else is wrong with them."""

import itertools

import numpy as np

from data_pipelines.core.feature_files import open_checked

# Bytes of all feature files up to which they are looked at, as whole files are read where channels come first.
_MAX_BYTES = 2**30
# Frames of a video, and channels, that are looked at.
_FRAMES, _CHANNELS = 64, 256
# Fewer videos do not say how well features fit labels.
_MIN_VIDEOS = 6
# Share of frames that fit, in the median video, from which on features tell classes apart; the part of it that
# exchanged videos have at most; and the part that they have at least with the labels of the other.
_TELLING, _ASTRAY, _MENDED = 0.4, 0.6, 0.8


def exchanged_notes(index):
    """Lines about pairs of videos whose features fit each other's labels, and not their own; () without one.

    A frame fits where the nearest mean of a class, over the frames of all other videos, is that of its own class. A
    pair is told only if both videos fit far worse than others do, and about as well as those once they are exchanged:
    so a video that is merely hard is no false alarm. `index` is a DatasetIndex without problems.
    """
    paths = {video: index.layout.feature_file(video) for video in index.labels}
    if len(paths) < _MIN_VIDEOS or sum(path.stat().st_size for path in paths.values()) > _MAX_BYTES:
        return ()
    labels = {video: index.common_labels(video) for video in paths}
    fit = _Fit({video: _some_frames(index, path, len(labels[video])) for video, path in paths.items()}, labels)
    own = {video: fit.share(video, video) for video in paths}
    usual = np.median(list(own.values()))
    if usual < _TELLING:
        return ()
    astray = [video for video, share in own.items() if share <= _ASTRAY * usual]
    notes = []
    for one, other in itertools.combinations(astray, 2):
        near = abs(len(labels[one]) - len(labels[other])) <= index.layout.data.length_tolerance
        if near and min(fit.share(one, other), fit.share(other, one)) >= _MENDED * usual:
            shares = [fit.share(one, other), fit.share(other, one), own[one], own[other]]
            mended, other_mended, *found = (f"{100 * share:.0f} %" for share in shares)
            notes.append(
                f"the features of {one} fit the labels of {other} ({mended} of the frames are nearest to the mean of "
                f"their class, {found[0]} with its own labels), and those of {other} the labels of {one} "
                f"({other_mended}, {found[1]} with its own): were the two files exchanged?"
            )
    return tuple(notes)


def _some_frames(index, path, num_frames):
    """(float32 [S, C], numbers of these frames [S]): some frames, and channels, of a video."""
    every = max(1, num_frames // _FRAMES)
    numbers = np.arange(0, num_frames, every)
    shape, options = (len(numbers), index.feature_dim), {"num_frames": num_frames, "sample_rate": every}
    found = np.asarray(open_checked(path, index.layout.data.time_axis, shape, **options))
    return found[:, :: -(-index.feature_dim // _CHANNELS)], numbers


class _Fit:
    """How well features fit labels, by the means of the classes."""

    def __init__(self, frames, labels):
        """`frames`: see `_some_frames`, `labels`: int [N], by video."""
        self._frames, self._labels = frames, labels
        scale = np.std(np.concatenate([found for found, _ in frames.values()]), axis=0, dtype=np.float64)
        self._scale = np.where(scale > 0, scale, 1.0)
        num_classes = 1 + max(int(found.max(initial=0)) for found in labels.values())
        self._sums = {video: self._sum(video, num_classes) for video in frames}
        self._total = [sum(parts) for parts in zip(*self._sums.values(), strict=True)]

    def share(self, video, of):
        """Share of the frames of `video` that are nearest to the class that the labels of the video `of` say."""
        features, numbers = self._frames[video]
        left_out = {video, of}
        sums, counts = (
            total - sum(self._sums[name][part] for name in left_out) for part, total in enumerate(self._total)
        )
        known = np.flatnonzero(counts)
        means = sums[known] / counts[known, None]
        scaled = features / self._scale
        # The square of the frame itself is the same for all classes.
        distances = np.square(means).sum(1) - 2.0 * scaled @ means.T
        labels = self._labels[of]
        return float(np.mean(known[distances.argmin(1)] == labels[np.minimum(numbers, len(labels) - 1)]))

    def _sum(self, video, num_classes):
        """(sums [K, C] of the frames of every class, how many [K])."""
        features, numbers = self._frames[video]
        members = np.eye(num_classes)[self._labels[video][numbers]]
        return members.T @ (features / self._scale), members.sum(0)
