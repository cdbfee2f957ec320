"""Compares the frames of clips, positions, chunks of an evaluation and learning rates with recorded ones of CARL."""

import json
import re

import numpy as np

from data_pipelines.video import clips
from fact_jax.models.carl.positions import stretched_positions
from fact_jax.training import schedules
from tests.parity.report import compare, identical

LR_RTOL = 1e-6  # of the largest rate of a schedule
POSITION_ATOL = 1e-6


def check(npz):
    """Checks a loaded file; returns a list of rows."""
    config = json.loads(str(npz["config"]))
    rows = []
    for name, case in config["cases"].items():
        for view in sorted({key.split("/")[2] for key in npz if key.startswith(f"out/{name}/")}):
            rows += _check_view(f"{name}/{view}", case, config.get("expand_ratio_float64", {}), npz)
    for key in npz:
        if found := re.fullmatch(r"out/pos/S(\d+)_train(\d+)_d(\d+)", key):
            size, trained, dim = map(int, found.groups())
            table = stretched_positions(np.array([size]), size, trained, dim)[0]
            rows.append(compare(key, table, npz[key], atol=POSITION_ATOL))
        elif found := re.fullmatch(r"out/lr/(\w+?)_E(\d+)_lr([\d.e-]+)_w([\d.e-]+)_n(\d+)", key):
            rows.append(compare(key, _rates(*found.groups()), npz[key], atol=LR_RTOL * npz[key].max()))
        elif found := re.fullmatch(r"(out/eval_chunks/L(\d+)_fpb(\d+)_ctx(\d+)_stride(\d+))/num_steps", key):
            rows += _check_chunks(found[1], *map(int, found.groups()[1:]), npz)
    return rows


def _check_view(name, case, ratios, npz):
    length, count = case["seq_len"], case["num_frames_arg"]
    permutation = npz.get(f"input/{name}/permutation")
    rows, size = [], length
    if case["strategy"] == "time_augment":
        key = f"input/{name}/expand_ratio"
        size = clips.block_length(length, count, ratios.get(key, float(npz[key])), case["dataset"] == "finegym")
        previous = npz.get(f"input/{name}/pre_offset")
        previous = None if previous is None else int(previous)
        bounds = clips.offset_bounds(length, count, size, case["consistent_offset"], previous)
        rows.append(identical(f"out/{name}/offset_low_high", np.array(bounds), npz[f"out/{name}/offset_low_high"]))
        steps = clips.time_augment(length, count, int(npz[f"input/{name}/offset"]), permutation)
    else:
        steps = clips.offset_uniform(length, count, permutation)
    if case["algo"] == "tcn":
        steps = clips.interleave_positives(steps, npz[f"input/{name}/tcn_pos_offset"])
    clip = clips.make_clip(steps, length, case["num_contexts"], case["context_stride"])
    if permutation is not None:
        key = f"out/{name}/permutation_length"
        rows.append(identical(key, size, npz.get(key, len(permutation))))
    found = {"steps": clip.frames, "chosen_steps": clip.steps, "video_mask": clip.mask}
    return rows + [identical(f"out/{name}/{key}", value, npz[f"out/{name}/{key}"]) for key, value in found.items()]


def _rates(decay, epochs, rate, start, warm):
    """The learning rate of every epoch."""
    epochs, warm, rate = int(epochs), int(warm), float(rate)
    if decay == "fixed":
        return np.full(epochs, rate)
    if decay == "cosine":
        schedule = schedules.cosine(rate, 0.0, epochs + 1)
    else:
        schedule = schedules.warm_up(rate, warm, schedules.cosine(rate, 0.0, epochs + 1 - warm), float(start))
    return np.asarray(schedules.by_epoch(schedule, 3)(3 * np.arange(epochs) + 2))


def _check_chunks(name, length, size, contexts, stride, npz):
    chunks = clips.evaluation_chunks(length, size)
    rows = [identical(f"{name}/num_steps", [chunk.stop - chunk.start for chunk in chunks], npz[f"{name}/num_steps"])]
    for number, chunk in enumerate(chunks):
        frames = clips.expand_contexts(clips.sample_all(length)[chunk], length, contexts, stride)
        key = f"{name}/frame_index/{number}"
        rows.append(identical(key, frames, npz[key]))
    return rows
