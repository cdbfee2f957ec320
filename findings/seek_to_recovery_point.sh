#!/usr/bin/env bash
# Guess: a seek in MKV or MP4 leads to a key frame, from which on frames are those of decoding from the start.
# Found: a stream that refreshes column by column (x264: intra-refresh) has packets marked as key frames at which the
# picture only begins to come right. Frames decoded after a seek to one differ, and nothing says so. Only an IDR
# picture, or a recovery point of 0 frames that says it is exact, is where decoding can begin.
# Tried: av 18.1.0, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import sys

import av
import numpy as np

path, background = sys.argv[1], np.random.default_rng(0).integers(0, 200, (64, 128, 3), np.uint8)
with av.open(path, "w") as file:
    stream = file.add_stream("libx264", rate=30, options={"x264-params": "intra-refresh=1:bframes=0:scenecut=0"})
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 64, "yuv420p", 12
    for number in range(60):
        frame = background.copy()
        frame[:, 2 * number : 2 * number + 20] = 255
        file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
    file.mux(stream.encode(None))
with av.open(path) as file:
    keys = [packet.pts for packet in file.demux(video=0) if packet.size and packet.is_keyframe]
with av.open(path) as file:
    right = {frame.pts: frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)}
differing = 0
for key in keys:
    with av.open(path) as file:
        file.seek(key, stream=file.streams.video[0])
        frames = {frame.pts: frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)}
    differing += sum(not np.array_equal(frame, right[pts]) for pts, frame in frames.items() if pts >= key)
print(f"{len(keys)} packets marked as key frames; {differing} frames differ after a seek to one of them")
assert len(keys) > 1 and differing > 0
PY
"$folder/venv/bin/python" "$folder/probe.py" "$folder/a.mkv"
