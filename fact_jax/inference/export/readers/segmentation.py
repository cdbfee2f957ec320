"""Labels every row of features with jax and NumPy alone.

    python predict.py OUTPUT VIDEO.npy ...

writes OUTPUT/VIDEO.txt, the class of every row, and VIDEO.csv, the segments. From Python:

    model = Model()
    found = model.predict(features)  # labels and probabilities of every row
    model.segments(found)  # start and end of every segment, its label and confidence
"""

import numpy as np

from fact_jax.inference.export.readers.exported import Exported, start


class Model(Exported):
    """An exported network that labels rows of features."""

    def predict(self, features):
        """{"labels": int [N], "confidence": [N], "probabilities": [N, C], ...} of features [N, D], at the full rate."""
        found = self.run(np.asarray(features, np.float32))
        return {name: values[: len(features)] for name, values in found.items() if values.ndim}

    def segments(self, found, edges=None):
        """[{"start", "end", "start_sec", "end_sec", "label", "confidence"}] of what `predict` gave.

        `edges` [N + 1]: seconds from which on each row lasts, and the end; by default the fps of the run tells, if any.
        """
        labels, fps = found["labels"], self.about["fps"]
        edges = np.arange(len(labels) + 1) / fps if edges is None and fps else edges
        bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        segments = []
        for first, end in zip(bounds[:-1], bounds[1:], strict=True):
            row = {"start": first, "end": end}
            if edges is not None:
                row |= {"start_sec": float(edges[first]), "end_sec": float(edges[end])}
            confidence = float(np.mean(found["confidence"][first:end], dtype=np.float64))
            segments.append(row | {"label": self.about["class_names"][labels[first]], "confidence": confidence})
        return segments


if __name__ == "__main__":
    start(Model)
