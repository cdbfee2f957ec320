#!/usr/bin/env bash
# Guess: a decoded frame costs nothing once it is gone, so its side data (the display matrix) can be looked at.
# Found: PyAV keeps memory for ever of every frame whose `side_data` is looked at, tens of bytes: 20 MiB for the frames
# of three hours. `frame.rotation` reads the same matrix and keeps nothing.
# Tried: av 18.1.0, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import gc
import sys

import av
import numpy as np

path = sys.argv[1]
with av.open(path, "w") as file:
    stream = file.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
    for number in range(60):
        frame = np.full((64, 128, 3), number, np.uint8)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
    file.mux(stream.encode(None))


def kept(look):
    """Bytes of memory that a frame leaves behind."""
    for passes in (100, 400):
        before = int(open("/proc/self/statm").read().split()[1]) * 4096
        for _ in range(passes):
            with av.open(path) as file:
                file.streams.video[0].codec_context.thread_count = 1
                for frame in file.decode(video=0):
                    look(frame)
        gc.collect()
    return (int(open("/proc/self/statm").read().split()[1]) * 4096 - before) / (400 * 60)


rotation, side_data = kept(lambda frame: frame.rotation), kept(lambda frame: frame.side_data.get("none"))
print(f"frame.rotation keeps {rotation:.0f} bytes a frame, frame.side_data {side_data:.0f}")
assert rotation < 10 < side_data
PY
"$folder/venv/bin/python" "$folder/probe.py" "$folder/a.mp4"
