"""What lies around the network of an ActionFormer fixture: features and segments before it, detections after it.

From raw features and seconds (`input/raw{i}`) to what the network is given, from its candidates (`eval{i}/pre_nms`) to
detections in seconds (`eval{i}/final`), and with the scores of another system (`fusion`) to their metrics.
"""

import json
import random
import re

import numpy as np

from data_pipelines.localization.annotations import AnnotatedVideo
from data_pipelines.localization.source import SegmentRules, prepare_segments
from data_pipelines.localization.truncation import truncate
from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import Detections, NmsConfig, fuse_scores, suppress
from fact_jax.ops.time_grid import GridRule, TimeGrid
from tests.parity.nms import SEGMENT_RTOL
from tests.parity.report import compare, identical

SCORE_ATOL = 2e-6
SECOND_ATOL = 2e-5
FEATURE_ATOL = 1e-6


def check(npz):
    """Checks a loaded file of a model; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    evaluated = [f"eval{i}" for i in range(len(npz)) if f"eval{i}/final/scores" in npz]
    finals = {name: _final(npz, name, config["test_cfg"]) for name in evaluated}
    rows = []
    for name, found in finals.items():
        rows += _compare(f"{name}/final", found, npz)
    if "input/raw0/feats" in npz:
        rows += _check_raw(npz, config)
    if "fusion/mAP" in npz:
        rows += _check_fusion(npz, finals, config)
    return rows


def nms_settings(test_cfg):
    """NmsConfig from published keys."""
    return NmsConfig(
        method={"soft": "gaussian"}.get(test_cfg["nms_method"], test_cfg["nms_method"]),
        per_class=test_cfg["multiclass_nms"],
        max_detections=test_cfg["max_seg_num"],
        min_score=test_cfg["min_score"],
        sigma=test_cfg["nms_sigma"],
        iou_threshold=test_cfg["iou_threshold"],
        voting_threshold=test_cfg["voting_thresh"],
    )


def _told(config, words, published):
    """Numbers that the file's sentence gives after these words, where "#" is a place for one; else `published`."""
    pattern = re.escape(words).replace(r"\#", r"(\d+(?:\.\d+)?)")
    found = re.search(pattern, config.get("notes", ""))
    return [float(number) for number in found.groups()] if found else published


def _read(npz, path):
    return Detections(npz[f"{path}/segments"], npz[f"{path}/scores"], npz[f"{path}/labels"].astype(np.int32))


def _final(npz, name, test_cfg):
    fps, duration, stride, window = npz[f"{name}/meta"].tolist()
    found = suppress(_read(npz, f"{name}/pre_nms"), nms_settings(test_cfg))
    return found._replace(segments=TimeGrid(stride, window, fps).clamp_seconds(found.segments, duration))


def _compare(path, found, npz):
    """Sorted by score: the published sort leaves equal ones in any order."""
    wanted = _read(npz, path)
    return [
        compare(f"{path}/scores", found.scores, wanted.scores, atol=SCORE_ATOL),
        identical(f"{path}/labels", found.labels, wanted.labels),
        compare(f"{path}/segments", found.segments, wanted.segments, atol=SECOND_ATOL, rtol=SEGMENT_RTOL),
    ]


def _check_raw(npz, config):
    rows, model = [], config["model"]
    trained = sum(f"input/train{i}/feats" in npz for i in range(len(npz)))
    fps, stride, window = _told(config, "at fps #, stride #, num_frames #", [npz["eval0/meta"][0], 16, 16])
    (threshold,) = _told(config, "trunc_thresh #", [0.5])
    rule = GridRule(stride, window, resize_to=model["max_seq_len"])
    number = 0
    while (raw := f"input/raw{number}") + "/feats" in npz:
        training = number < trained
        name = f"input/train{number}" if training else f"input/eval{number - trained}"
        duration = float(npz[f"{raw}/duration"])
        grid = rule.grid(len(npz[f"{raw}/feats"]), fps, duration)
        video = AnnotatedVideo("v", "", duration, fps, npz[f"{raw}/segments_sec"], npz[f"{raw}/label_ids"])
        rules = SegmentRules(model["num_classes"] == 1, True, True, threshold)
        segments, labels = prepare_segments(video, model["max_seq_len"], grid, rules, training)
        rows.append(compare(f"{name}/feats", rule.fit(npz[f"{raw}/feats"]).T, npz[f"{name}/feats"], atol=FEATURE_ATOL))
        if training:
            window = truncate(
                model["max_seq_len"], segments, labels, max_length=model["max_seq_len"], threshold=threshold,
                offset=grid.offset, crop_ratio=None, draw=random.Random(0).randint,
            )  # fmt: skip
            rows.append(compare(f"{name}/segments", window.segments, npz[f"{name}/segments"], atol=SECOND_ATOL))
            rows.append(identical(f"{name}/labels", window.labels, npz[f"{name}/labels"]))
            rows.append(compare(f"{name}/feat_stride", grid.stride, npz[f"{name}/feat_stride"], rtol=1e-12))
        else:
            rows.append(compare(f"{name}/grid_segments", segments, npz[f"{name}/grid_segments"], atol=SECOND_ATOL))
        number += 1
    return rows


def _check_fusion(npz, finals, config):
    first, last, step = _told(config, "at tIoU #..# step #", [0.1, 0.5, 0.1])
    metric = LocalizationMetric(
        tuple(np.linspace(first, last, round((last - first) / step) + 1)), published_classes=True
    )
    rows, states = [], []
    trained = sum(f"input/train{i}/feats" in npz for i in range(len(npz)))
    for number, found in enumerate(finals.values()):
        fused = fuse_scores(found, npz[f"fusion/ext_scores{number}"])
        rows += _compare(f"fusion/eval{number}", fused, npz)
        raw = f"input/raw{trained + number}"
        truth = npz[f"{raw}/segments_sec"], npz[f"{raw}/label_ids"]
        states.append(metric.from_video(str(number), *truth, *fused))
    scores = merge_states(states, metric.empty()).per_class()
    return rows + [
        compare("fusion/mAP", scores.precision.mean(axis=1), npz["fusion/mAP"], atol=1e-6),
        compare("fusion/avg_mAP", scores.precision.mean(), npz["fusion/avg_mAP"], atol=1e-6),
        compare("fusion/recall", scores.recall.mean(axis=2), npz["fusion/recall"], atol=1e-6),
    ]
