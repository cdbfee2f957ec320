"""Files of the form of CAST's recordings beside its network, in other sizes, by a plain rendering of its rules.

It shares nothing with the library: loops, Python's math, NumPy's own generator.
"""

import json
import math
import random

import numpy as np


def sampling(seed):
    """Arrays by name of a file such as cast_sampling.npz."""
    draw, arrays = random.Random(seed), {}
    config = {
        "num_frames": 2 * draw.randint(2, 9), "k400_sampling_rate": draw.randint(1, 5), "k400_test_segments": 3,
        "ssv2_epic_test_segments": 2, "crops": draw.randint(2, 5),
    }  # fmt: skip
    count, stride = config["num_frames"], config["k400_sampling_rate"]
    for length in {1, count - 1, count, count * stride, count * stride + 1, *draw.sample(range(2, 500), 8)}:
        for dataset in ("ssv2", "epic"):
            name = f"{dataset}/test/len{length}"
            tick = length / count
            both = sorted([int(tick * k) for k in range(count)] + [int(tick / 2 + tick * k) for k in range(count)])
            arrays[f"{name}/decoded"] = np.array(both)
            arrays[f"{name}/clip_frames"] = np.array([both[0::2], both[1::2]])
            arrays[f"{dataset}/random/len{length}/npseed{seed}"] = _drawn_parts(length, count, seed)
        _windows(arrays, length, count, stride, config["k400_test_segments"], seed)
    for dataset in ("ssv2", "epic"):
        arrays[f"{dataset}/test_order"] = np.array([(t, s) for t in (0, 1) for s in range(config["crops"])])
    _sizes(arrays, config["crops"], draw)
    config["lr"] = {name: _rates(arrays, name, draw, steps) for name, steps in (("by_epoch", 0), ("by_step", 5))}
    arrays["config"] = np.array(json.dumps(config))
    return arrays


def _drawn_parts(length, count, seed):
    part = length // count
    offsets = np.random.RandomState(seed).randint(part, size=count) if part else None
    return np.array([k * part + offsets[k] if part else 0 for k in range(count)])


def _windows(arrays, length, count, stride, segments, seed):
    """Frames of Kinetics."""
    window = count * stride
    if length <= window:
        spread = [length * k / max(length // stride - 1, 1) for k in range(length // stride)]
        spread += [length] * (count - len(spread))
        low, high = 0, length - 1
    else:
        end = np.random.RandomState(seed).randint(window, length)
        low, high = end - window, end - 1
        spread = [low + window * k / (count - 1) for k in range(count)]
    arrays[f"k400/random/len{length}/npseed{seed}"] = np.array([int(min(max(place, low), high)) for place in spread])
    every = list(range(0, length, stride))
    every += [every[-1]] * (count - len(every))
    arrays[f"k400/test/len{length}/decoded"] = np.array(every)
    step = max((len(every) - count) / (segments - 1), 0)
    starts = [int(chunk * step) for chunk in range(segments)]
    arrays[f"k400/test/len{length}/clip_frames"] = np.array([every[start : start + count] for start in starts])


def _sizes(arrays, crops, draw):
    """Sizes of resized frames, and crops along their longer side."""
    given, wanted = [], []
    for _ in range(20):
        height, width, short = draw.randint(20, 400), draw.randint(20, 400), draw.randint(8, 300)
        given.append((height, width, short))
        low = min(height, width)
        wanted.append([short if side == low else int(short * side / low) for side in (height, width)])
        height, width = wanted[-1]
        gap = (max(height, width) - short) / (crops - 1)
        boxes = [(int(s * gap), 0) if height >= width else (0, int(s * gap)) for s in range(crops)]
        arrays[f"crop/h{height}_w{width}_short{short}/top_left_h_w"] = np.array([(*b, short, short) for b in boxes])
    arrays["resize/in_hw_short"], arrays["resize/out_hw"] = np.array(given), np.array(wanted)


def _rates(arrays, name, draw, warmup_steps):
    """Adds the learning rate of every update; returns the arguments."""
    told = {"base": draw.uniform(1e-4, 1e-2), "epochs": 6, "niter": draw.randint(2, 9), "warmup_epochs": 2}
    told["final"] = told["base"] / 1000
    warm = warmup_steps or told["warmup_epochs"] * told["niter"]
    rest = told["epochs"] * told["niter"] - warm
    rising = [told["base"] * k / (warm - 1) for k in range(warm)]
    falling = [(1 + math.cos(math.pi * k / rest)) / 2 for k in range(rest)]
    rates = rising + [told["final"] + (told["base"] - told["final"]) * share for share in falling]
    arrays[f"lr/{name}"] = np.array(rates)
    return told | ({"warmup_steps": warmup_steps} if warmup_steps else {})
