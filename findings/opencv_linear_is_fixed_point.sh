#!/usr/bin/env bash
# Guess: cv2.resize with INTER_LINEAR on uint8 is bilinear interpolation rounded to the nearest level, so any exact
# bilinear resize (PyTorch's, half-pixel centres) gives the same pixels after rounding.
# Found: weights are whole numbers of 11 bits, 4 bits of each row and 16 of each product are dropped, and only what is
# left is rounded: an eighth of the values of noise is a level away. The pixels come out exactly with whole numbers, if
# at the upper and lower edge, unlike left and right, both weights are applied to the one row that is there.
# Tried: opencv-python-headless 5.0.0.93 on x86-64, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import cv2
import numpy as np


def taps(size, wanted):
    places = ((np.arange(wanted) + 0.5) * (1 / (wanted / size)) - 0.5).astype(np.float32)
    low = np.floor(places).astype(int)
    return low, places - low.astype(np.float32)


def exact(picture, height, width):
    rows = picture.astype(float)
    for axis, wanted in enumerate((height, width)):
        low, share = taps(picture.shape[axis], wanted)
        one, other = (np.take(rows, np.clip(low + by, 0, picture.shape[axis] - 1), axis) for by in (0, 1))
        share = share[:, None] if axis == 0 else share
        rows = one * (1 - share) + other * share
    return np.rint(rows)


def whole_numbers(picture, height, width, edges_alike):
    tall, wide = picture.shape
    low, share = taps(wide, width)
    share[(low < 0) | (low >= wide - 1)] = 0
    left, right = (np.rint(part * np.float32(2048)).astype(int) for part in (1 - share, share))
    columns = picture.astype(int)[:, np.clip(low, 0, wide - 1)] * left
    columns = (columns + picture.astype(int)[:, np.clip(low + 1, 0, wide - 1)] * right) >> 4
    low, share = taps(tall, height)
    if edges_alike:
        share[(low < 0) | (low >= tall - 1)] = 0
    upper, lower = (np.rint(part * np.float32(2048)).astype(int)[:, None] for part in (1 - share, share))
    one, other = (columns[np.clip(low + by, 0, tall - 1)] for by in (0, 1))
    return (((one * upper) >> 16) + ((other * lower) >> 16) + 2) >> 2


def differing(found, wanted):
    return np.mean(found != wanted)


rng = np.random.default_rng(0)
rounded, fixed, edges = [], [], []
for height, width, tall, wide in ((240, 320, 224, 298), (256, 454, 224, 397), (120, 90, 298, 224), (60, 80, 224, 298)):
    picture = rng.integers(0, 256, (height, width), np.uint8)
    found = cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_LINEAR)
    rounded.append(differing(found, exact(picture, tall, wide)))
    fixed.append(differing(found, whole_numbers(picture, tall, wide, False)))
    edges.append(differing(found, whole_numbers(picture, tall, wide, True)))
print("share of values that differ from exact ones, rounded:", [f"{share:.2%}" for share in rounded])
print(f"share of values that differ from whole numbers: {max(fixed):.2%}; with all edges alike: {max(edges):.2%}")
assert min(rounded) > 0.1 and not any(fixed) and max(edges) > 0
PY
"$folder/venv/bin/python" "$folder/probe.py"
