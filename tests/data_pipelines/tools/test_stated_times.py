"""Proposals for features that say where they lie in time, and labels of both forms in one folder."""

import json

import numpy as np
import pytest

from data_pipelines import make_splits, write_config
from data_pipelines.core.feature_times import FeatureTimes
from fact_jax.types import UserError

FRAMES, FPS = (40, 55, 61, 72), 25.0


@pytest.fixture
def folder(tmp_path):
    """Extracted features of every frame, annotations without fps, and a label for every frame."""
    rng, database = np.random.default_rng(0), {}
    for name in ("features", "groundTruth"):
        (tmp_path / name).mkdir()
    for number, frames in enumerate(FRAMES):
        name, cut = f"v{number}", frames // 2
        path = tmp_path / "features" / f"{name}.npy"
        np.save(path, rng.standard_normal((frames, 6), np.float32))
        video = {"file": f"{name}.mp4", "sha256": "0", "duration": frames / FPS, "frames": frames, "fps": FPS}
        centres = (np.arange(frames) + 0.5) / FPS
        FeatureTimes.of_centres(centres, dim=6, video=video, window=1 / FPS, made_by={"program": "own"}).write(path)
        (tmp_path / "groundTruth" / f"{name}.txt").write_text("pour\n" * cut + "stir\n" * (frames - cut))
        segments = [("pour", 0.0, cut / FPS), ("stir", cut / FPS, frames / FPS)]
        annotations = [{"label": label, "segment": [start, end]} for label, start, end in segments]
        database[name] = {"duration": frames / FPS, "annotations": annotations}
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    return tmp_path


def test_both_forms_of_labels_are_split(folder, capsys):
    make_splits.main([str(folder), "--test", "0.5"])
    capsys.readouterr()
    make_splits.main([str(folder), "--test", "0.5", "--annotation_file", "annotations.json"])
    assert "write_config " + str(folder) + " --system actionformer" in capsys.readouterr().out
    assert sorted(path.name for path in (folder / "splits").iterdir()) == [
        "subsets.split1.csv",
        "test.split1.bundle",
        "train.split1.bundle",
    ]


def test_the_features_say_where_they_lie(folder, tmp_path, capsys):
    make_splits.main([str(folder), "--test", "0.5", "--annotation_file", "annotations.json"])
    options = [str(folder), "--system", "actionformer", "--output", str(tmp_path / "own.py")]
    write_config.main(options)
    out = capsys.readouterr().out
    assert "VIDEO.json beside the features says where they lie in time: every 0.04 s" in out
    assert "actions last 20 to 30.9 features (5 to 95 %), 25 in the middle" in out
    with pytest.raises(UserError, match=r"--feature_stride is 8, and v0\.json says 1"):
        write_config.main([*options, "--overwrite", "--feature_stride", "8"])
