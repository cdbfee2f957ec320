"""Labels every frame of videos with an exported network; needs jax and NumPy alone.

    python predict.py OUTPUT VIDEO.npy ...

writes OUTPUT/VIDEO.txt, the class of every frame, and VIDEO.csv, the segments. From Python: Model().predict(features).
"""

import numpy as np

from fact_jax.inference.export.readers.common import Exported, main, write_csv


class Model(Exported):
    """An exported network that labels frames."""

    def predict(self, features):
        """{"labels": int [N], "confidence": [N], "probabilities": [N, C], ...} of features float [N, D]."""
        features = self.check(features)
        sampled = features[:: self.about["sample_rate"]]
        found = self.run(features=sampled, mask=np.ones(len(sampled), bool))
        index = np.arange(len(features))
        if len(sampled) < len(features):
            index = np.floor(index.astype(np.float32) * (np.float32(len(sampled)) / np.float32(len(features))))
            index = np.minimum(index.astype(np.int64), len(sampled) - 1)
        return {name: values[: len(sampled)][index] for name, values in found.items()}

    def segments(self, found, times=None):
        """[{"start", "end", "label", "confidence"}] of what `predict` gave: frames, end excluded; names; means.

        With seconds too where they are known, from the run or from `times`, what `Model.times` gives of a file.
        """
        labels, fps = found["labels"], self.about["fps"]
        starts = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
        ends = np.append(starts[1:], len(labels))
        means = np.add.reduceat(found["confidence"].astype(np.float64), starts) / (ends - starts)
        rows = []
        for start, end, mean in zip(starts.tolist(), ends.tolist(), means.tolist(), strict=True):
            seconds = {"start_sec": start / fps, "end_sec": end / fps} if fps else {}
            if times is not None:
                seconds = {"start_sec": float(times[1][start]), "end_sec": float(times[1][end])}
            label = self.about["class_names"][labels[start]]
            rows.append({"start": start, "end": end, **seconds, "label": label, "confidence": mean})
        return rows

    def predict_file(self, path, result):
        """Writes the results of one file of features."""
        found = self.predict(self.features(path))
        names = [self.about["class_names"][label] for label in found["labels"]]
        with open(f"{result}.txt", "w", encoding="utf-8", newline="") as file:
            file.writelines(f"{name}\n" for name in names)
        write_csv(f"{result}.csv", self.segments(found, self.times(path)))


if __name__ == "__main__":
    main(Model().predict_file)
