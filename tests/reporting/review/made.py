"""Made videos whose frames carry their own number, and folders of predictions of them."""

import json

import numpy as np

from fact_jax.mp4 import write_mp4

HEIGHT, WIDTH, BITS = 96, 160, 8
NAMES = ("background", "take cup", 'pour, "hot"', "stir")


def picture(number):
    """uint8 [HEIGHT, WIDTH, 3]: the bits of a number as white and black columns."""
    bits = [255 * (number >> place & 1) for place in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8), WIDTH // BITS)
    return np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3))


def number_in(pixels):
    """The number that a picture of any size, uint8 [H, W, 3], carries."""
    row = pixels[pixels.shape[0] // 2].mean(axis=1)
    centres = ((np.arange(BITS) + 0.5) * len(row) / BITS).astype(int)
    return sum(int(row[place] > 128) << bit for bit, place in enumerate(centres))


def write_video(path, times):
    """Writes a video whose frames, which carry their numbers, are shown at `times`, seconds."""
    frames = (np.ascontiguousarray(picture(number)) for number in range(len(times)))
    return write_mp4(path, frames, times, (HEIGHT, WIDTH), key_every=12)


def varying_times(count=60):
    """float64 [count]: 25 frames per second, and 12.5 from second 1 on."""
    gaps = np.where(np.arange(count - 1) < 25, 0.04, 0.08)
    return np.concatenate([[0.0], np.cumsum(gaps)])


def labelled(video, segments, count, *, names=NAMES, fps=None, source=""):
    """The record of a prediction of segmentation; `segments`: (start, end, label, confidence) in rows."""
    keys = ("start", "end", "label", "confidence")
    return _record(source) | {
        "video": video,
        "num_frames": count,
        "fps": fps,
        "class_names": list(names),
        "background": [names[0]],
        "segments": [dict(zip(keys, segment, strict=True)) for segment in segments],
    }


def detected(video, segments, duration, *, source=""):
    """The record of a prediction of localization; `segments`: (start, end, label, score) in seconds."""
    found = [{"label": label, "segment": [start, end], "score": score} for start, end, label, score in segments]
    return _record(source) | {"results": {video: found}, "duration": duration}


def write_record(folder, name, record):
    """Writes a record as --mode predict does, and returns the folder."""
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    (folder / "predictions" / f"{name}.json").write_text(json.dumps(record))
    return folder


def _record(source):
    return {"made_from": {"source": {"path": str(source)}, "model": {"name": "made"}}, "files": {}}
