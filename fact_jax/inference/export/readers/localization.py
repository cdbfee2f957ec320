"""Finds actions in videos with an exported network; needs jax and NumPy alone.

    python predict.py OUTPUT VIDEO.npy ...

writes OUTPUT/VIDEO.csv, the detections in seconds, the best first. From Python: Model().predict(features).
"""

import math

import numpy as np

from fact_jax.inference.export.readers.common import Exported, main, write_csv


class Model(Exported):
    """An exported network that finds actions."""

    def predict(self, features, fps=None, duration=None, times=None):
        """(segments [P, 2] in seconds, scores [P], labels [P]) of features float [N, D], the best first.

        `fps`: video frames per second, by default those of the run; `duration`: seconds of the video; `times`: what
        `Model.times` gives of a file whose rows say where they lie, needed where the run was trained with such.
        """
        grid, stored = self.about["grid"], self.check(features)
        fps = fps or self.about["fps"]
        if times is None and self.about["timed"]:
            raise ValueError("the run knows where rows lie by VIDEO.json: predict(features, times=model.times(path))")
        if times is None and not fps and grid["stride"] > 0:
            raise ValueError("the frames per second are not known; give them: predict(features, fps=...)")
        if times is None and duration is None and grid["stride"] <= 0:
            raise ValueError(
                "the features are spread over the video; give its seconds: predict(features, duration=...)"
            )
        fitted = interpolate(stored[:: grid["every"]], grid["resize_to"] or None)
        found = self.run(features=fitted, mask=np.ones(len(fitted), bool))
        kept = found["valid"]
        segments, scores, labels = suppress(
            *(found[name][kept] for name in ("segments", "scores", "labels")), self.about["nms"]
        )
        if times is not None:
            return placed(segments, *times, grid), scores, labels
        if grid["stride"] <= 0:
            stride = window = duration * (fps := fps or 1.0) / len(fitted)
        elif grid["resize_to"]:
            stride = window = ((len(stored) - 1) * grid["stride"] + grid["window"]) / len(fitted)
        else:
            stride, window = grid["stride"] * grid["every"], grid["window"]
        if duration is None:
            duration = ((len(fitted) - 1) * stride + window) / fps
        seconds = (segments * np.float32(stride) + np.float32(0.5 * window)) / np.float32(fps)
        seconds = np.where(seconds <= 0, np.float32(0), seconds)
        return np.where(seconds >= duration, np.float32(duration), seconds), scores, labels

    def predict_file(self, path, result):
        """Writes the detections of one file of features."""
        rows = []
        for (start, end), score, label in zip(
            *(values.tolist() for values in self.predict(self.features(path), times=self.times(path))), strict=True
        ):
            if math.isfinite(start) and math.isfinite(end):
                row = {"video-id": path.stem, "t-start": digits(start), "t-end": digits(end)}
                rows.append(row | {"label": self.about["class_names"][label], "score": digits(score)})
        write_csv(f"{result}.csv", rows, str)


def placed(positions, centres, edges, grid):
    """Seconds, float32, of positions among rows with these centres; nothing outside of the video."""
    if size := grid["resize_to"]:
        places = (np.arange(size) + 0.5) * len(centres) / size - 0.5
        centres = seconds_at(places, centres, edges).astype(np.float64)
    found = seconds_at(positions, centres[:: grid["every"]], edges)
    return np.clip(found, np.float32(edges[0]), np.float32(edges[-1]))


def seconds_at(places, centres, edges):
    """Between two centres in proportion; before the first and behind the last one as far as the mean gap tells."""
    last = len(centres) - 1
    gap = (centres[-1] - centres[0]) / last if last else edges[-1] - edges[0]
    places = np.asarray(places, np.float64)
    found = np.interp(places, np.arange(last + 1), centres)
    return (found + (np.minimum(places, 0) + np.maximum(places - last, 0)) * gap).astype(np.float32)


def digits(value):
    """A number with the digits that float32 has."""
    return float(f"{value:.9g}")


def interpolate(values, size):
    """Resamples [N, D] to `size` rows in straight lines between them; None: as they are."""
    if size in (None, len(values)):
        return values
    scale = np.float64(np.float32(len(values)) / np.float32(size))
    place = np.clip((scale * (np.arange(size) + 0.5) - 0.5).astype(np.float32), 0, np.float32(len(values) - 1))
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, len(values) - 1)
    share = (place - before.astype(np.float32))[:, None]
    return (np.float32(1) - share) * values[before] + share * values[after]


def tiou(start, end, starts, ends, epsilon=0.0):
    """Temporal intersection over union of a segment with others; `epsilon` is added to every length."""
    epsilon = np.float32(epsilon)
    overlap = np.maximum(np.minimum(ends, end) - np.maximum(starts, start), np.float32(0))
    return overlap / ((ends - starts + epsilon) + (end - start + epsilon) - overlap)


def suppress(segments, scores, labels, nms):
    """Non-maximum suppression of one video in the order of the published operator; see `nms` of model.json."""
    if nms["method"] == "none" or not len(scores):
        return segments, scores, labels
    groups = labels if nms["per_class"] else np.zeros_like(labels)
    taken, kept = [], []
    for group in np.unique(groups):
        found = _suppress_group(segments, scores, np.flatnonzero(groups == group), nms)
        taken, kept = taken + found[0], kept + found[1]
    taken, kept = np.array(taken, np.int64), np.array(kept, np.float32)
    best = np.argsort(-kept, kind="stable")[: nms["max_detections"]]
    chosen = segments[taken[best]]
    if nms["voting_threshold"] > 0 and not nms["per_class"]:
        chosen = _vote(chosen, segments, scores, nms["voting_threshold"])
    return chosen, kept[best], labels[taken[best]]


def _suppress_group(segments, scores, items, nms):
    """([item], [lowered score]) of the items that see each other, in the order in which they are taken."""
    if nms["method"] == "hard" and nms["min_score"] > 0:
        items = items[scores[items] > np.float32(nms["min_score"])]
    left, score = items.copy(), scores[items].copy()
    taken, kept, threshold = [], [], np.float32(nms["iou_threshold"])
    while len(left):
        best = int(np.argmax(score))
        taken.append(int(left[best]))
        kept.append(score[best])
        start, end = segments[left[best]]
        if nms["method"] == "hard":
            left, score = np.delete(left, best), np.delete(score, best)
        else:  # the first of the list goes where the best was
            left[best], score[best] = left[0], score[0]
            left, score = left[1:], score[1:]
        overlap = tiou(start, end, *segments[left].T, 1e-6)
        if nms["method"] == "hard":
            stays = overlap < threshold
            left, score = left[stays], score[stays]
            continue
        if nms["method"] == "gaussian":
            score = score * np.exp(-(overlap * overlap) / np.float32(nms["sigma"]))
        else:
            score = np.where(overlap >= threshold, np.float32(1) - overlap, np.float32(1)) * score
        stays = score >= np.float32(nms["min_score"])
        size = int(stays.sum())  # the last items of the list come to the places of those that are dropped
        holes, movers = np.flatnonzero(~stays[:size]), size + np.flatnonzero(stays[size:])[::-1]
        left[holes], score[holes] = left[movers], score[movers]
        left, score = left[:size], score[:size]
    return taken, kept


def _vote(chosen, segments, scores, threshold):
    """Means of the segments that overlap the chosen ones, weighted by score times overlap."""
    starts, ends = segments.T
    found = []
    for start, end in np.asarray(chosen, np.float32):
        with np.errstate(invalid="ignore", divide="ignore"):
            overlap = tiou(start, end, starts, ends)
            weights = (overlap >= np.float32(threshold)).astype(np.float32) * scores * overlap
            found.append(weights / weights.sum())
    return np.array(found, np.float32).reshape(-1, len(segments)) @ segments


if __name__ == "__main__":
    main(Model().predict_file)
