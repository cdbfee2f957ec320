"""Files of the form of CARL's recordings, in other sizes, by a plain rendering of the published rules.

It shares nothing with the library: loops, Python's random numbers, Pillow, SciPy and linear algebra.
"""

import json
import math
import random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from scipy.stats import kendalltau

_ORDER = ("brightness", "contrast", "saturation", "hue")


def sampling(seed):
    """Arrays by name of a file such as carl_sampling.npz."""
    draw, arrays, cases, ratios = random.Random(seed), {}, {}, {}
    kinds = [
        (dataset, strategy, algo)
        for dataset in ("pouring", "finegym")
        for strategy, algo in (("time_augment", "scl"), ("offset_uniform", "tcc"), ("offset_uniform", "tcn"))
        for _ in range(3)
    ]
    for number, (dataset, strategy, algo) in enumerate(kinds):
        case = {
            "dataset": dataset, "seq_len": draw.randint(2, 200), "num_frames_arg": draw.randint(3, 60),
            "strategy": strategy, "sampling_region": 1.5, "consistent_offset": draw.choice([0.0, 0.2, 0.7, 1.0]),
            "num_contexts": draw.choice([1, 3]), "context_stride": draw.randint(1, 9), "algo": algo,
        }  # fmt: skip
        cases[f"case{number}"], previous = case, None
        for view in range(2):
            previous = _view(arrays, f"case{number}/view{view}", case, previous, draw, ratios)
    for size, trained, dim in ((1, 9, 6), (9, 9, 6), (33, 20, 8)):
        places = range(size) if size == trained else np.linspace(0, trained - 1, size)
        table = [[(math.cos if i % 2 else math.sin)(p / 10000 ** (i / dim)) for i in range(dim)] for p in places]
        arrays[f"out/pos/S{size}_train{trained}_d{dim}"] = np.array(table, np.float32)
    for length, per_chunk, contexts, stride in ((1, 4, 1, 1), (17, 4, 3, 2)):
        name, start = f"out/eval_chunks/L{length}_fpb{per_chunk}_ctx{contexts}_stride{stride}", 0
        size = math.ceil(length / math.ceil(length / per_chunk))
        chunks = [list(range(start, min(start + size, length))) for start in range(0, length, size)]
        arrays[f"{name}/num_steps"] = np.array([len(chunk) for chunk in chunks])
        for number, chunk in enumerate(chunks):
            frames = [max(0, s - back * stride) for s in chunk for back in range(contexts - 1, -1, -1)]
            arrays[f"{name}/frame_index/{number}"] = np.array(frames)
    rate, epochs, warm, start = 0.003, 7, 3, 0.0006
    cosine = [rate * (1 + math.cos(math.pi * e / (epochs + 1))) / 2 for e in range(epochs)]
    rest = [rate * (1 + math.cos(math.pi * e / (epochs + 1 - warm))) / 2 for e in range(epochs - warm)]
    arrays[f"out/lr/cosine_E{epochs}_lr{rate}_w0.0_n1"] = np.array(cosine)
    arrays[f"out/lr/cosinewarmup_E{epochs}_lr{rate}_w{start}_n{warm}"] = np.array(
        [start, (start + rate) / 2, rate, *rest]
    )
    arrays["config"] = np.array(json.dumps({"cases": cases, "expand_ratio_float64": ratios}))
    return arrays


def _view(arrays, name, case, previous, draw, ratios):
    """Adds the arrays of one view; returns the smallest frame that it reads."""
    length, count = case["seq_len"], case["num_frames_arg"]
    valid = min(length, count)
    if previous is not None:
        arrays[f"input/{name}/pre_offset"] = np.array(previous)
    if case["strategy"] == "time_augment":
        ratio = draw.uniform(1.0, 1.5)
        ratios[f"input/{name}/expand_ratio"] = ratio
        arrays[f"input/{name}/expand_ratio"] = np.float32(ratio)
        block = math.ceil(ratio * (valid if case["dataset"] == "finegym" else length))
        low, high = 0, max(length - block, 1)
        if previous is not None and case["consistent_offset"] != 0:
            shift = int((1 - case["consistent_offset"]) * valid)
            low = max(0, min(length - block, previous - shift))
            high = max(1, min(length - block + 1, previous + shift + 1))
        offset = draw.randrange(low, high)
        order = draw.sample(range(block), block)
        steps = sorted(offset + place for place in order[:valid]) + [length] * (count - valid)
        arrays[f"out/{name}/offset_low_high"], arrays[f"input/{name}/offset"] = np.array([low, high]), np.array(offset)
    elif length >= count:
        order = draw.sample(range(length), length)
        steps = sorted(order[:count])
    else:
        order, steps = None, list(range(count))
    if order is not None:
        arrays[f"input/{name}/permutation"] = np.array(order)
        arrays[f"out/{name}/permutation_length"] = np.array(len(order))
    if case["algo"] == "tcn":
        shifts = [draw.randint(-5, -1) for _ in steps]
        arrays[f"input/{name}/tcn_pos_offset"] = np.array(shifts)
        steps = [step + by for step, shift in zip(steps, shifts, strict=True) for by in (0, shift)]
    contexts, stride = case["num_contexts"], case["context_stride"]
    frames = [min(max(s - b * stride, 0), length - 1) for s in steps for b in range(contexts - 1, -1, -1)]
    arrays[f"out/{name}/steps"] = np.array(frames)
    arrays[f"out/{name}/chosen_steps"] = np.array([min(max(step, 0), length - 1) for step in steps])
    arrays[f"out/{name}/video_mask"] = np.array([0 <= step < length for step in steps], np.float32)
    return min(frames)


def augment(seed, height=17, width=23, size=9):
    """Arrays by name of a file such as carl_augment.npz."""
    draw, meta = random.Random(seed), {}
    video = np.random.default_rng(seed).integers(0, 256, (3, 3, height, width)).astype(np.float32) / np.float32(255)
    arrays = {"input/video": video, "out/flip": video[..., ::-1]}
    for number, sides in enumerate([(30, 40), (90, 20), (20, 90), (5, 5)]):
        meta[f"crop_param_case{number}"] = _crop(*sides, draw)
    for number in range(3):
        box = [draw.randint(0, 3), draw.randint(0, 3), draw.randint(5, height - 3), draw.randint(5, width - 3)]
        arrays[f"input/crop{number}_ijhw"] = np.array(box)
        part = video[:, :, box[0] : box[0] + box[2], box[1] : box[1] + box[3]]
        arrays[f"out/crop{number}_resized"] = _resize(part, size)
    arrays["out/resize"] = _resize(video, size)
    tall = video.swapaxes(2, 3)
    for place in range(3):
        for name, picture in (("", video), ("_T", tall)):
            sides = picture.shape[2:]
            starts = [math.ceil((side - size) / 2) for side in sides]
            longer = 0 if sides[0] > sides[1] else 1
            starts[longer] = (0, starts[longer], sides[longer] - size)[place]
            cut = picture[:, :, starts[0] : starts[0] + size, starts[1] : starts[1] + size]
            arrays[f"out/uniform_crop{name}_idx{place}"] = cut
    luma = 0.299 * video[:, 0] + 0.587 * video[:, 1] + 0.114 * video[:, 2]
    arrays["out/gray"] = np.repeat(luma[:, None], 3, axis=1)
    mean, std = (np.array(values)[:, None, None] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    arrays["out/norm"] = (video - mean) / std
    for number in range(6):
        drawn = {name: draw.uniform(0.2, 1.8) for name in _ORDER[:3]} | {"hue": draw.uniform(-0.2, 0.2)}
        drawn["order"] = draw.sample(range(4), 4)
        if number % 2:
            drawn |= {"blur_radius": draw.uniform(0.1, 2.0), "blur_applied": True}
        meta[f"color_jitter{number}"] = drawn
        arrays[f"out/color_jitter{number}"] = _jitter(video, drawn)
    arrays["out/contrast_jitter_0.61"] = _jitter(video, {"order": [1], "contrast": 0.61})
    arrays["config"] = np.array(json.dumps({"size": size, "meta": meta}))
    return arrays


def _crop(height, width, draw):
    draws = []
    for _ in range(10):
        draws += [draw.uniform(0.8, 1.0), draw.uniform(math.log(3 / 4), math.log(4 / 3))]
        area, ratio = draws[-2] * height * width, math.exp(draws[-1])
        wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if wide <= width and high <= height:
            draws += [draw.randint(0, height - high), draw.randint(0, width - wide)]
            return {"height": height, "width": width, "draws": draws, "ijhw": [*draws[-2:], high, wide]}
    wide, high = width, height
    if width / height < 3 / 4:
        high = round(width / (3 / 4))
    elif width / height > 4 / 3:
        wide = round(height * (4 / 3))
    box = [(height - high) // 2, (width - wide) // 2, high, wide]
    return {"height": height, "width": width, "draws": draws, "ijhw": box}


def _resize(planes, size):
    """By a matrix per axis, in float64."""
    matrices = []
    for side in planes.shape[2:]:
        matrix = np.zeros((size, side))
        for row in range(size):
            place = max((row + 0.5) * side / size - 0.5, 0)
            low = int(place)
            matrix[row, low] += 1 - (place - low)
            matrix[row, min(low + 1, side - 1)] += place - low
        matrices.append(matrix)
    return np.einsum("ih,tchw,jw->tcij", matrices[0], planes, matrices[1])


def _jitter(video, drawn):
    found = []
    for frame in video:
        picture = Image.fromarray(np.ascontiguousarray((frame * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)))
        for code in drawn["order"]:
            if code == 3:
                hue, *rest = picture.convert("HSV").split()
                turn = int(drawn["hue"] * 255)
                picture = Image.merge("HSV", (hue.point([(value + turn) % 256 for value in range(256)]), *rest))
                picture = picture.convert("RGB")
            else:
                kind = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)[code]
                picture = kind(picture).enhance(drawn[_ORDER[code]])
            if drawn.get("blur_applied"):
                picture = picture.filter(ImageFilter.GaussianBlur(drawn["blur_radius"]))
        found.append(np.asarray(picture).transpose(2, 0, 1) / 255)
    return np.array(found)


def metrics(seed, datasets=(("three", 3), ("two", 2)), num_train=6, num_val=4, dim=5):
    """Arrays by name of a file such as carl_metrics.npz."""
    rng, arrays, options = np.random.default_rng(seed), {}, {}
    for name, num_classes in datasets:
        options[name] = {"num_classes": num_classes}
        videos = {subset: [_video(rng, num_classes, dim) for _ in range(number)] for subset, number in
                  (("train", num_train), ("val", num_val))}  # fmt: skip
        for subset, found in videos.items():
            for number, (embeddings, labels) in enumerate(found):
                path = f"input/{name}/{subset}/{number}"
                arrays[f"{path}/embs"], arrays[f"{path}/labels"] = embeddings, labels
            for stride in (1, 3):
                arrays[f"out/{name}/kendall_tau/stride{stride}/{subset}"] = _tau([e[::stride] for e, _ in found])
        arrays[f"out/{name}/retrieval/stride3/AP@7"] = _precision(videos["val"], 7, 3)
        _probes(arrays, name, videos, num_classes)
        if "out/dtw/path0" not in arrays:
            _warp(arrays, *(embeddings.astype(np.float64) for embeddings, _ in videos["val"][:2]))
    arrays["config"] = np.array(json.dumps({"datasets": options, "fractions": [0.5, 1.0]}))
    return arrays


def _video(rng, num_classes, dim):
    labels = np.sort(np.append(np.arange(num_classes), rng.integers(0, num_classes, rng.integers(15, 30))))
    time = np.linspace(0, 1, len(labels))[:, None]
    embeddings = np.sin(time * np.arange(1, dim + 1)) + 0.3 * rng.normal(size=(len(labels), dim))
    return embeddings.astype(np.float32), labels


def _squares(one, other):
    return ((one[:, None].astype(np.float64) - other[None].astype(np.float64)) ** 2).sum(-1)


def _tau(videos):
    found = [
        kendalltau(np.arange(len(one)), _squares(one, other).argmin(1)).statistic
        for i, one in enumerate(videos)
        for j, other in enumerate(videos)
        if i != j
    ]
    return np.nanmean(found)


def _precision(videos, size, stride):
    means = []
    for number, (embeddings, labels) in enumerate(videos):
        others = [video for place, video in enumerate(videos) if place != number]
        pool, theirs = (np.concatenate([part[place][::stride] for part in others]) for place in (0, 1))
        nearest = np.argsort(_squares(embeddings[::stride], pool), axis=1, kind="stable")[:, :size]
        means.append((theirs[nearest] == labels[::stride, None]).mean())
    return np.mean(means)


def _probes(arrays, name, videos, num_classes):
    targets = {
        subset: [
            np.array([[(t - max(np.flatnonzero(labels == c))) / len(labels) for c in range(num_classes - 1)]
                      for t in range(len(labels))])
            for _, labels in found
        ]
        for subset, found in videos.items()
    }  # fmt: skip
    for number, values in enumerate(targets["val"]):
        arrays[f"out/{name}/val_progress_target/{number}"] = values
    val = [np.concatenate([video[part] for video in videos["val"]]) for part in (0, 1)]
    for fraction in (0.5, 1.0):
        count = max(1, int(fraction * len(videos["train"])))
        train = [np.concatenate([video[part] for video in videos["train"][:count]]) for part in (0, 1)]
        aims = np.concatenate(targets["train"][:count])
        layer = _newton(train[0].astype(np.float64), train[1], num_classes)
        columns = np.linalg.lstsq(_with_ones(train[0]), aims, rcond=None)[0]
        parts = {"train": (*train, aims), "val": (*val, np.concatenate(targets["val"]))}
        for subset, (features, labels, aim) in parts.items():
            right = (_with_ones(features) @ layer.T).argmax(1) == labels
            arrays[f"out/{name}/linear/{subset}_{fraction}_accuracy"] = right.mean()
            errors = ((aim - _with_ones(features) @ columns) ** 2).sum(0) / ((aim - aim.mean(0)) ** 2).sum(0)
            arrays[f"out/{name}/event_completion/{subset}_{fraction}_score"] = (1 - errors).mean()
        if fraction == 1.0:
            scores = np.exp(_with_ones(val[0]) @ layer.T)
            rows = layer[1:] if num_classes == 2 else layer
            path = f"out/{name}/linear/frac1.0_tight"
            arrays[f"{path}/coef"], arrays[f"{path}/intercept"] = rows[:, :-1], rows[:, -1]
            arrays[f"{path}/val_proba"] = scores / scores.sum(1, keepdims=True)


def _with_ones(features):
    return np.concatenate([features.astype(np.float64), np.ones((len(features), 1))], axis=1)


def _newton(features, labels, num_classes):
    """The optimum of the multinomial logistic regression with C = 1, [K, D + 1]; the intercepts' sum is 0."""
    inputs = _with_ones(features)
    count, width = inputs.shape
    layer = np.zeros((num_classes, width))
    penalty = np.ones(width)
    penalty[-1] = 0
    truth = np.eye(num_classes)[labels]
    for _ in range(60):
        shares = np.exp(inputs @ layer.T)
        shares /= shares.sum(1, keepdims=True)
        gradient = ((shares - truth).T @ inputs + penalty * layer).ravel()
        hessian = np.einsum("nk,kl,ni,nj->kilj", shares, np.eye(num_classes), inputs, inputs)
        hessian -= np.einsum("nk,nl,ni,nj->kilj", shares, shares, inputs, inputs)
        hessian = hessian.reshape(num_classes * width, -1) + np.diag(np.tile(penalty, num_classes))
        layer -= np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0].reshape(layer.shape)
    layer[:, -1] -= layer[:, -1].mean()
    return layer


def _warp(arrays, one, other):
    costs = _squares(one, other)
    total = np.full((len(one) + 1, len(other) + 1), np.inf)
    total[0, 0] = 0
    for i in range(len(one)):
        for j in range(len(other)):
            total[i + 1, j + 1] = costs[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    path, (i, j) = [(len(one) - 1, len(other) - 1)], (len(one), len(other))
    while (i, j) != (1, 1):
        i, j = min([(i - 1, j - 1), (i - 1, j), (i, j - 1)], key=lambda place: total[place])
        path.append((i - 1, j - 1))
    path.reverse()
    arrays["out/dtw/accumulated"], arrays["out/dtw/distance"] = total[1:, 1:], total[-1, -1]
    arrays["out/dtw/path0"], arrays["out/dtw/path1"] = np.array(path).T
    arrays["out/dtw/aligned"] = np.array([next(j for i, j in path if i == query) for query in range(len(one))])
    arrays["out/nn/aligned"] = costs.argmin(1)
