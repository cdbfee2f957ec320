"""Compares recorded numbers of CAST beside its network: frames of clips, views of a test, what `cast_scores` compares.

A file holds several parts; a function of PARTS checks each.
"""

import json
import re

import numpy as np

from data_pipelines.recognition import evaluation_views, sampling
from tests.parity import cast_scores
from tests.parity.report import identical

_FRAMES = re.compile(r"(ssv2|epic|k400)/(test|random)/len(\d+)/(\w+)")
_CROPS = re.compile(r"crop/h(\d+)_w(\d+)_short(\d+)/top_left_h_w")


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    return [row for part in PARTS for row in part(npz, config)]


def check_frames(npz, config):
    """Frames of clips in training and tests, and the order of the views of a test."""
    count, stride, chunks = config["num_frames"], config["k400_sampling_rate"], config["k400_test_segments"]
    for key in npz:
        if found := _FRAMES.fullmatch(key):
            dataset, kind, length, what = found[1], found[2], int(found[3]), found[4]
            if kind == "random":
                draws = np.random.RandomState(int(what.removeprefix("npseed")))
                frames = (_drawn_window if dataset == "k400" else _drawn_parts)(length, count, stride, draws)
            elif dataset == "k400":
                frames = sampling.dense_tests(length, count, stride, chunks)
                frames = sampling.dense_candidates(length, count, stride) if what == "decoded" else frames
            else:
                frames = sampling.segment_tests(length, count)
                frames = frames.T.reshape(-1) if what == "decoded" else frames
            yield identical(key, frames, npz[key])
        elif key.endswith("/test_order"):
            told = sampling.SamplingConfig(
                test_chunks=config["ssv2_epic_test_segments"], test_crops=config["crops"], num_frames=count
            )
            yield identical(key, sampling.views_of_test(told), npz[key])


def _drawn_parts(length, count, stride, draws):
    del stride
    part = length // count
    return sampling.segment_frames(length, draws.randint(part, size=count) if part else np.zeros(count))


def _drawn_window(length, count, stride, draws):
    window = count * stride
    start = draws.randint(window, length) - window if length > window else 0  # published: its end is drawn
    return sampling.dense_frames(length, count, stride, start)


def check_views(npz, config):
    """Sizes of resized frames, and the places of the crops of a test."""
    for key in npz:
        if found := _CROPS.fullmatch(key):
            height, width, size = map(int, found.groups())
            crops = range(config["crops"])
            boxes = [evaluation_views.crop_of_test(height, width, size, crop, config["crops"]) for crop in crops]
            yield identical(key, np.array(boxes), npz[key])
        elif key == "resize/out_hw":
            sizes = [evaluation_views.resized(*values) for values in npz["resize/in_hw_short"].tolist()]
            yield identical(key, np.array(sizes), npz[key])


PARTS = (check_frames, check_views, *cast_scores.PARTS)
