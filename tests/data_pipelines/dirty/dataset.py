"""A sound dataset, what faults have done to it, and what has to come of that."""

import numpy as np

from tests.data_pipelines.folders import settings

CLASS_NAMES = ("background", "take cup", "pour_milk", "café")
WIDTH = 6
TRAIN, TEST = {"v0": 37, "v1": 22, "v2": 41}, {"w0": 30, "w1": 25, "w2": 19}
TOLERANCE = 2


class Dataset:
    """A dataset folder, with what a reader has to make of it.

    Attributes:
      base: folder of the case; holds data/ (the dataset), outside/ (where nothing may change) and work/ (where results
        go).
      root: the dataset.
      canary: a file that faults try to have written.
      videos: dict from video id to [features float32 [N, D], labels int [N]], what a sound reader gives.
      splits: dict from "train" and "test" to lists of video ids.
      class_names: by id.
      refused: list of (path, regular expression, options): the file that has to be named, and what is said of it.
      also: paths that may be named too, because a fault elsewhere concerns them.
      unread: videos of a list that is refused, which may stay unread.
    """

    def __init__(self, base, seed=0):
        self.base, self.root, self.canary = base, base / "data", base / "outside" / "CANARY"
        rng = np.random.default_rng(seed)
        self.videos, self.class_names = {}, list(CLASS_NAMES)
        self.splits = {"train": list(TRAIN), "test": list(TEST)}
        self.refused, self.also, self.unread = [], set(), set()
        for name, length in (TRAIN | TEST).items():
            runs = np.repeat(rng.integers(0, len(CLASS_NAMES), length), rng.integers(2, 7, length))
            # Eighths, which every float type holds.
            features = rng.integers(-64, 64, (length, WIDTH)).astype(np.float32) / 8
            self.videos[name] = [features, runs[:length]]

    def write(self):
        """Writes everything; returns self."""
        for folder in ("data/features", "data/groundTruth", "data/splits", "data/transcripts", "outside", "work"):
            (self.base / folder).mkdir(parents=True)
        (self.base / "outside" / "precious.txt").write_text("untouched")
        lines = [f"{label} {name}\n" for label, name in enumerate(CLASS_NAMES)]
        self.mapping_file.write_text("".join(lines), "utf-8")
        for name, (features, labels) in self.videos.items():
            np.save(self.feature_file(name), np.ascontiguousarray(features.T))
            text = "".join(f"{CLASS_NAMES[label]}\n" for label in labels)
            self.label_file(name).write_text(text, "utf-8")
            self.transcript_file(name).write_text(text, "utf-8")
        for subset, names in self.splits.items():
            self.split_file(subset).write_text("".join(f"{name}.txt\n" for name in names))
        return self

    @property
    def mapping_file(self):
        return self.root / "mapping.txt"

    def feature_file(self, video):
        return self.root / "features" / f"{video}.npy"

    def label_file(self, video):
        return self.root / "groundTruth" / f"{video}.txt"

    def transcript_file(self, video):
        return self.root / "transcripts" / f"{video}.txt"

    def split_file(self, subset):
        return self.root / "splits" / f"{subset}.split1.bundle"

    def settings(self, **changes):
        return settings(self.root, length_tolerance=TOLERANCE, **changes)

    def refuse(self, path, words, *, values=False, tools=None):
        """Expects that `path` is named.

        Args:
          path: the file.
          words: regular expression of what is said of it.
          values: only whoever reads the values can know.
          tools: regular expression of what the tools that look for split lists say instead.
        """
        self.refused.append((str(path), words, {"values": values, "tools": tools}))

    def transcript(self, video):
        labels = self.videos[video][1]
        return labels[np.flatnonzero(np.diff(labels, prepend=-1))].tolist()
