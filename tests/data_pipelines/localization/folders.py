"""Small localization datasets on disk."""

import json

import numpy as np

from data_pipelines.localization.config import LocalizationDataConfig

LENGTHS = {"a": 20, "b": 31, "c": 40, "d": 25}


def entries(**changes):
    """Annotations of four videos, two to train with and two to test on; `changes` replace those of a video."""
    found = {}
    for number, (name, length) in enumerate(LENGTHS.items()):
        found[name] = {
            "subset": "Training" if number < 2 else "Validation",
            "duration": length * 4 / 30 + 1,
            "fps": 30.0,
            "annotations": [
                {"label": "jump", "label_id": 0, "segment": [0.5, 1.5]},
                {"label": "run", "label_id": 1, "segment": [1.0, 2.0]},
            ],
        }
    return {**found, **changes}


def features(name, length=None, width=6):
    """float32 [T, D] of a video."""
    rng = np.random.default_rng([ord(letter) for letter in name])
    return rng.standard_normal((length or LENGTHS.get(name, 20), width)).astype(np.float32)


def write_folder(root, videos=None, *, suffix=".npy"):
    """Writes annotations.json and a feature file for every video."""
    videos = entries() if videos is None else videos
    (root / "features").mkdir(parents=True, exist_ok=True)
    (root / "annotations.json").write_text(json.dumps({"database": videos}))
    for name in videos:
        if suffix == ".npz":
            np.savez(root / "features" / f"{name}.npz", feats=features(name))
        else:
            np.save(root / "features" / f"{name}.npy", features(name))
    return root


def settings(root, **changes):
    """LocalizationDataConfig of such a folder."""
    fields = {"dir": str(root), "feature_stride": 4.0, "window": 8.0, "max_frames": 32}
    return LocalizationDataConfig(**(fields | changes))
