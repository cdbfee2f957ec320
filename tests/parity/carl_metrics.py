"""Compares scores of embeddings with recorded ones of CARL, and of scikit-learn and SciPy."""

import json
import re

import numpy as np

from fact_jax.metrics import alignment, phase_probes
from tests.parity.report import compare, identical

SCALAR_ATOL = 1e-6  # recorded in float32
SOLVER_ATOL = 2e-5  # of coefficients and probabilities at the optimum
SCORE_ATOL = 5e-6  # R^2 of float32 targets


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    rows, videos = [], {}
    for name, options in config["datasets"].items():
        videos[name] = {subset: _videos(npz, name, subset) for subset in ("train", "val")}
        rows += _check_order(npz, name, videos[name])
        rows += _check_probes(npz, name, videos[name], options["num_classes"], config["fractions"])
    if "out/dtw/path0" in npz:
        rows += _check_alignment(npz, *next(iter(videos.values()))["val"][0][:2])
    return rows


def _videos(npz, dataset, subset):
    """(embeddings, labels) of all videos."""
    numbers = sorted(int(key.split("/")[3]) for key in npz if re.fullmatch(f"input/{dataset}/{subset}/\\d+/embs", key))
    paths = [f"input/{dataset}/{subset}/{number}" for number in numbers]
    return [npz[f"{path}/embs"] for path in paths], [npz[f"{path}/labels"] for path in paths]


def _check_order(npz, dataset, videos):
    """Kendall's tau and retrieval."""
    rows = []
    for key in npz:
        if found := re.fullmatch(f"out/{dataset}/kendall_tau/stride(\\d+)(_cosine)?/(train|val)", key):
            distance = "cosine" if found[2] else "sqeuclidean"
            tau = alignment.kendalls_tau(videos[found[3]][0], int(found[1]), distance)
            rows.append(compare(key, tau, npz[key], atol=SCALAR_ATOL))
        elif found := re.fullmatch(f"out/{dataset}/retrieval/stride(\\d+)/AP@(\\d+)", key):
            size = int(found[2])
            precision = alignment.retrieval_precision(*videos["val"], (size,), int(found[1]))[size]
            rows.append(compare(key, precision, npz[key], atol=SCALAR_ATOL))
    return rows


def _check_probes(npz, dataset, videos, num_classes, fractions):
    """Phase classification and progression."""
    rows, targets = [], {}
    for subset, (_, labels) in videos.items():
        targets[subset] = [phase_probes.progress_targets(values, num_classes) for values in labels]
    for number, values in enumerate(targets["val"]):
        key = f"out/{dataset}/val_progress_target/{number}"
        rows.append(compare(key, values, npz[key], atol=SCALAR_ATOL))
    (val, val_labels), val_targets = (map(np.concatenate, videos["val"])), np.concatenate(targets["val"])
    for fraction in fractions:
        count = max(1, int(fraction * len(videos["train"][0])))
        train, labels = (np.concatenate(part[:count]) for part in videos["train"])
        aims = np.concatenate(targets["train"][:count])
        classifier, regression = phase_probes.fit_phases(train, labels), phase_probes.fit_progress(train, aims)
        for subset, frames, truth, aim in (("train", train, labels, aims), ("val", val, val_labels, val_targets)):
            # With another solver a frame on the border may fall on the other side.
            key = f"out/{dataset}/linear/{subset}_{fraction}_accuracy"
            rows.append(compare(key, classifier.accuracy(frames, truth), npz[key], atol=1.01 / len(truth)))
            key = f"out/{dataset}/event_completion/{subset}_{fraction}_score"
            rows.append(compare(key, regression.score(frames, aim), npz[key], atol=SCORE_ATOL))
        if f"out/{dataset}/linear/frac{fraction}_tight/coef" in npz:
            rows += _check_optimum(npz, f"out/{dataset}/linear/frac{fraction}_tight", train, labels, val)
    return rows


def _check_optimum(npz, path, train, labels, val):
    found = phase_probes.fit_phases(train, labels, tolerance=1e-9)
    # Recorded of two classes is the second row; the first one is its opposite.
    rows = slice(1, None) if len(found.classes) == 2 else slice(None)
    return [
        compare(f"{path}/coef", found.weights[rows], npz[f"{path}/coef"], atol=SOLVER_ATOL),
        compare(f"{path}/intercept", found.intercepts[rows], npz[f"{path}/intercept"], atol=SOLVER_ATOL),
        compare(f"{path}/val_proba", found.probabilities(val), npz[f"{path}/val_proba"], atol=SOLVER_ATOL),
    ]


def _check_alignment(npz, one, other):
    total, path = alignment.warp(alignment.frame_distances(one, other))
    return [
        compare("out/dtw/accumulated", total, npz["out/dtw/accumulated"], atol=1e-5),
        compare("out/dtw/distance", total[-1, -1], npz["out/dtw/distance"], atol=1e-5),
        identical("out/dtw/path0", path[:, 0], npz["out/dtw/path0"]),
        identical("out/dtw/path1", path[:, 1], npz["out/dtw/path1"]),
        identical("out/dtw/aligned", alignment.aligned_frames(one, other), npz["out/dtw/aligned"]),
        identical("out/nn/aligned", alignment.aligned_frames(one, other, False), npz["out/nn/aligned"]),
    ]
