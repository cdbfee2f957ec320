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
    _scores(arrays, draw, seed)
    config["note"] = f"smoothing {_mixed(arrays, draw, seed)}"
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


def _scores(arrays, draw, seed):
    """Merged views of clips and their percentages, and those of a validation over the first view of every clip."""
    clips, views, heads = draw.randint(5, 30), draw.randint(1, 6), {"noun": draw.randint(6, 20), "verb": 7}
    random_state = np.random.RandomState(seed)
    labels = np.array([[draw.randrange(count) for count in heads.values()] for _ in range(clips)])
    logits = {head: random_state.normal(size=(clips, views, count)) * 2 for head, count in heads.items()}
    for place, head in enumerate(heads):
        logits[head][range(clips), :, labels[:, place]] += 2
    arrays |= {f"merge/compo/logits_{head}": values for head, values in logits.items()}
    arrays |= {"merge/compo/label_noun_verb": labels}
    arrays |= {"merge/single/logits": logits["verb"], "merge/single/label": labels[:, 1]}
    places, firsts = (
        [[_place(logits[head][clip][:seen], labels[clip][k]) for k, head in enumerate(heads)] for clip in range(clips)]
        for seen in (views, 1)
    )
    nouns, verbs = zip(*places, strict=True)
    found = [
        [max(pair) < 1 for pair in places], [max(pair) < 5 for pair in places],
        [n < 1 for n in nouns], [n < 5 for n in nouns], [v < 1 for v in verbs], [v < 5 for v in verbs],
    ]  # fmt: skip
    shares = [100 * sum(hits) / clips for hits in found]
    arrays["merge/compo/action1_action5_noun1_noun5_verb1_verb5_pct"] = np.array(shares)
    arrays["merge/single/top1_top5_pct"] = np.array(shares[4:])
    ranked = [[noun == verb < limit for noun, verb in firsts] for limit in (1, 5)]
    arrays["val/action_acc1_acc5_pct"] = np.array([100 * sum(hits) / clips for hits in ranked])


def _place(views, label):
    """How many classes are more likely than the label, by the mean probabilities of the views."""
    means = [0.0] * len(views[0])
    for view in views:
        powers = [math.exp(value) for value in view]
        means = [mean + power / sum(powers) for mean, power in zip(means, powers, strict=True)]
    return sum(mean > means[label] for mean in means)


def _mixed(arrays, draw, seed):
    """Adds mixed clips and targets of one head and of two; returns the smoothing."""
    smoothing, random_state = draw.choice([0.1, 0.25]), np.random.RandomState(seed)
    for form, heads in (("single", {"target": 9}), ("compo", {"target_noun": 11, "target_verb": 4})):
        name, count, weight = f"mixup/{form}/npseed{seed}", 2 * draw.randint(1, 3), draw.random()
        clips = random_state.normal(size=(count, 3, 2, 5, 4)).astype(np.float32)
        labels = np.array([[draw.randrange(size) for size in heads.values()] for _ in range(count)])
        arrays |= {f"{name}/lam": np.array(weight), f"{name}/x_in": clips}
        arrays[f"{name}/label"] = labels[:, 0] if form == "single" else labels
        arrays[f"{name}/x_out"] = np.stack([weight * clips[k] + (1 - weight) * clips[-1 - k] for k in range(count)])
        for place, (head, size) in enumerate(heads.items()):
            target = np.full((count, size), smoothing / size)
            for clip in range(count):
                target[clip, labels[clip, place]] += weight * (1 - smoothing)
                target[clip, labels[count - 1 - clip, place]] += (1 - weight) * (1 - smoothing)
            arrays[f"{name}/{head}"] = target
    return smoothing
