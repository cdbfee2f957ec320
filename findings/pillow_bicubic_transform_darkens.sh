#!/usr/bin/env bash
# Guess: BICUBIC means the same in Image.transform and Image.rotate as in Image.resize: Catmull-Rom (a = -0.5), rounded
# to the nearest level, so that a picture that is moved by a part of a pixel keeps its mean.
# Found: transform and rotate use a kernel of their own (a = -1), which overshoots twice as much at edges, and drop the
# fraction. Noise that is moved by half a pixel loses half a level, every time it is done. What equals Pillow on paper
# is a level off in many pixels for that alone. Even a move by whole pixels is not safe: one of 36 pixels that is computed
# as 36.00000000000001 (0.36 of a width of 100) lowers values by one where the picture falls off.
# Tried: pillow 13.0.0, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import numpy as np
from PIL import Image

noise = np.random.default_rng(0).integers(100, 150, (64, 180), np.uint8)


def moved(pixels, by):
    picture = Image.fromarray(pixels)
    matrix = (1, 0, by, 0, 1, 0)
    return np.asarray(picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))


inner = slice(4, -4)
once = moved(noise, 0.5)[:, inner].mean() - noise[:, inner].mean()
print(f"mean after a move by half a pixel: {once:+.2f} levels")
assert -0.6 < once < -0.4

edge = np.where(np.arange(32) < 16, 50, 150).astype(np.uint8)[None].repeat(4, 0)
lowest = int(moved(edge, 0.5).min(initial=255, where=np.arange(32) < 30))
row = edge[0].astype(float)
catmull_rom = [np.dot((-0.0625, 0.5625, 0.5625, -0.0625), row[start : start + 4]) for start in range(29)]
print(f"lowest value beside an edge of 50 and 150: {lowest}, Catmull-Rom {min(catmull_rom)}")
assert lowest == 37 and min(catmull_rom) == 43.75

by = 0.8 * 0.45 * 100
changed = moved(noise, by)[:, :28].astype(int) - noise[:, 36:64]
print(f"a move by {by!r} pixels: {np.mean(changed == -1):.0%} of the values are one lower")
assert set(np.unique(changed)) == {-1, 0} and 0.3 < np.mean(changed == -1) < 0.6
PY
"$folder/venv/bin/python" "$folder/probe.py"
