"""Finds actions in videos with jax and NumPy alone.

    python predict.py OUTPUT VIDEO.npy ...

writes OUTPUT/VIDEO.csv, the detections in seconds, the best first. From Python: Model().predict(features).
"""

import importlib

import numpy as np

from fact_jax.inference.export.readers.exported import Exported, start


class Model(Exported):
    """An exported network that finds actions."""

    def predict(self, features, fps=None, duration=None, times=None):
        """(segments [P, 2] in seconds, scores [P], labels [P]) of features [N, D], the best first.

        `fps`: video frames per second, by default those of the run; `duration`: seconds of the video; `times`, in place
        of both: (centres [M], start, end) in seconds, of the rows that the network sees and of the video.
        """
        given = {"fps": fps or self.about["fps"], "duration": duration, "times": times}
        if times is None and self.about["needs"] and not given[self.about["needs"]]:
            raise ValueError(f"predict(features, {self.about['needs']}=...) is needed: {self.about['why']}")
        rows = np.asarray(features, np.float32)
        if self.about["resize_to"]:
            rows = importlib.import_module("predict_rows").resized(rows, self.about["resize_to"])
        told = {"stored": len(features), "fps": given["fps"] or 1, "duration": duration or 0}
        found = self.run(rows, **{name: np.float32(value) for name, value in told.items()})
        seconds, places, *others = (found[name][: found["count"]] for name in ("seconds", "places", "scores", "labels"))
        if times is not None:
            (centres, start, end), last, places = times, len(times[0]) - 1, places.astype(np.float64)
            gap = (centres[-1] - centres[0]) / last if last else end - start
            beyond = np.minimum(places, 0) + np.maximum(places - last, 0)  # before the first row, behind the last one
            seconds = (np.interp(places, np.arange(last + 1), centres) + beyond * gap).astype(np.float32)
            seconds = np.clip(seconds, np.float32(start), np.float32(end))
        return seconds, *others


if __name__ == "__main__":
    start(Model)
