"""The metrics against numbers of other people's code: the fixture in tests/golden, and real predictions if present."""

import json
import pathlib

import numpy as np
import pytest

from fact_jax.metrics import base, segmentation
from tests.parity import metrics as parity

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="real predictions lie outside the project")


def golden():
    with np.load(ROOT / "tests" / "golden" / "fact_metrics.npz", allow_pickle=False) as file:
        return dict(file)


def test_the_check_covers_every_part_and_the_crashes():
    names = [row[0] for row in parity.check(golden())]
    for part in ("pairs/", "joint/", "shrink_expand/", "expand_index/"):
        assert any(name.startswith(part) for name in names)
    assert sum("crashes" in name for name in names) == 2


@pytest.mark.parametrize("part", ["pairs", "joint"])
def test_the_check_notices_a_wrong_score(part):
    file = golden()
    items = json.loads(str(file[part]))
    items[0]["metrics"]["F1@0.25"] += 1e-6
    rows = parity.check(file | {part: np.array(json.dumps(items))})
    assert [name for name, *_, ok in rows if not ok] == [rows[0][0] if part == "pairs" else "joint/0"]


def test_the_check_notices_a_missing_nan_and_a_wrong_expansion():
    pair = {"name": "x", "gt": [0, 0], "pred": [0, 0], "bg": [0], "metrics": {"Acc": 0.0}}
    assert not parity.check({"pairs": np.array(json.dumps([pair]))})[0][-1]
    pair = {"name": "x", "gt": [0, 1], "pred": [0], "bg": [], "metrics": {"AccB": 50.0}, "expanded_pred": [0, 1]}
    assert not parity.check({"pairs": np.array(json.dumps([pair]))})[0][-1]


def merged(videos, num_classes, background):
    metric = segmentation.SegmentationMetric(num_classes, background)
    return base.merge_states([metric.from_video(*video) for video in videos], metric.empty())


def check_against_stored(state, stored, tolerance):
    """Compares with scores stored without epsilons, at `tolerance` plus what the published epsilons can change."""
    found = state.compute()
    assert found["AccB"] == pytest.approx(stored["acc"], abs=tolerance)
    assert found["Edit"] == pytest.approx(stored["edit"], abs=tolerance)
    per_video = state.per_video()
    assert np.mean([row["AccB"] for row in per_video]) == pytest.approx(stored["acc_pv"], abs=tolerance)
    predicted = sum(len(video.predicted_segments) for video in state.videos)
    true = sum(len(video.true_segments) for video in state.videos)
    for index, wanted in enumerate(stored["f1"]):
        hits = sum(len(video.hit_segments[index]) for video in state.videos)
        assert 200 * hits / (predicted + true) == pytest.approx(wanted, abs=tolerance)
        # p and r each lose at most 1e-5 / segments, their mean 1e-5 / (2 F1): below 0.005 points here.
        assert found[segmentation.f1_name(segmentation.THRESHOLDS[index])] == pytest.approx(wanted, abs=0.005)


def stored_tcn_scores():
    path = DATA / "tcn_predictions" / "expected_scores.json"
    return json.loads(path.read_text())["computed"] if path.is_file() else {}


@needs_data
@pytest.mark.parametrize("name", sorted(stored_tcn_scores()))
@pytest.mark.parametrize("key, background", [("with_background_excluded", (0,)), ("all_classes", ())])
def test_tcn_predictions(name, key, background):
    stored = stored_tcn_scores()[name]
    with np.load(DATA / "tcn_predictions" / f"{name}.npz", allow_pickle=False) as file:
        ids = sorted(key.removeprefix("pred_") for key in file.files if key.startswith("pred_"))
        videos = [(file[f"pred_{video}"], file[f"gt_{video}"]) for video in ids]
    state = merged(videos, stored["n_classes"], background)
    assert len(state.videos) == stored["n_videos"] and state.confusion().sum() == stored["n_frames"]
    # The stored values have four decimals.
    check_against_stored(state, stored[key], tolerance=0.5e-4 + 1e-9)


@needs_data
@pytest.mark.parametrize("split", ["0", "1", "2"])
def test_asformer_predictions(split):
    stored = json.loads((DATA / "vts" / "asformer_expected_scores.json").read_text())[split]
    with np.load(DATA / "vts" / "asformer_predictions_30hz.npz", allow_pickle=False) as file:
        prefix = f"pred_s{split}_"
        ids = [key.removeprefix(prefix) for key in file.files if key.startswith(prefix)]
        videos = [(file[prefix + video], file[f"gt_s{split}_{video}"]) for video in ids]
    state = merged(videos, 6, ())
    assert len(ids) == stored["n"]
    # Stored at full precision.
    check_against_stored(state, stored["computed"], tolerance=1e-9)
