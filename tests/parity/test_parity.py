"""The parity runner on its fixtures, and its verdict on numbers that are wrong."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.parity import actionformer, detections, nms, report
from tests.parity.__main__ import check_file, main

GOLDEN = Path(__file__).parents[1] / "golden"
ALL_GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden"
CASES = (
    "iuUU_m2_o2o",
    "iuU_m_o2o",
    "iUUU_m2_o2m",
    "ln_grouped",
    "transcript_gru_seq",
    "transcript_sca_seq",
    "sepverbnoun",
)


# One network of every system; those of MS-TCN are checked in tests/app/test_frame_model_conversion.py. FACT's slow ones
# hold no optimiser step, for their size.
@pytest.mark.parametrize(
    "name",
    [
        "fact_match",
        "fact_metrics",
        "fact_iuU_m_o2o",
        "faformer_gtea_small",
        "asformer_small",
        "actionformer_nms",
        "actionformer_map",
        "actionformer_trunc",
        "actionformer_small",
        "carl_scl_loss",
        "carl_tcc_tcn_cls_loss",
        "carl_embedder_small",
        "cast_small",
        "cast_layer_decay.json",
        "cast_sampling",
        pytest.param("fact_sepverbnoun", marks=pytest.mark.slow),
        pytest.param("actionformer_fpn_small", marks=pytest.mark.slow),
    ],
)
def test_fixture_agrees(name):
    rows = check_file(GOLDEN / (name if name.endswith(".json") else f"{name}.npz"))
    assert rows
    assert [row for row in rows if not row.ok] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *(f"fact_{case}" for case in CASES),
        "faformer_gtea_small",
        "faformer_iuUU_small",
        "asformer_small",
        "actionformer_conv_small",
        "actionformer_anet_small",
        "carl_resnet_block",
        "cast_compo_small",
    ],
)
def test_every_fixture_at_hand_agrees(name):
    path = ALL_GOLDEN / f"{name}.npz"
    if not path.is_file():
        pytest.skip("the full set of fixtures is not beside this checkout")
    own = GOLDEN / path.name
    if own.is_file() and own.read_bytes() == path.read_bytes():
        pytest.skip("the same file is checked from tests/golden")
    assert [row for row in check_file(path) if not row.ok] == []


def test_wrong_numbers_fail(tmp_path, capsys):
    with np.load(GOLDEN / "fact_match.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["full1_o2o/action_ind"] = arrays["full1_o2o/action_ind"][::-1]
    np.savez(tmp_path / "wrong.npz", **arrays)
    assert main([str(tmp_path / "wrong.npz"), "--failures"]) == 1
    printed = capsys.readouterr().out
    assert "full1_o2o/action_ind" in printed and "FAIL" in printed
    assert "full1_o2o/seg_ind" not in printed


def test_a_table_of_parameter_groups_counts(tmp_path, capsys):
    table = json.loads((GOLDEN / "cast_layer_decay.json").read_text())
    table["ssv2_single"]["params"]["blocks.3.t2s_cross.clip_time_pos"]["weight_decay"] = 0.05
    table["ssv2_single"]["params"]["head.bias"]["lr_scale"] = 0.75
    renamed = table["ek100_composition"]["params"]
    renamed["clip_ln_post.shift"] = renamed.pop("clip_ln_post.bias")
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(table))
    assert main([str(path), "--failures"]) == 1
    failing = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("FAIL")}
    assert {"ssv2_single/weight_decay", "ssv2_single/lr_scale"} < failing
    assert {"ek100_composition/clip_ln_post.shift", "ek100_composition/clip_ln_post.bias"} < failing
    path.write_text("[1, 2]")
    assert main([str(path)]) == 2


@pytest.mark.slow
def test_every_array_of_a_file_counts(tmp_path, capsys):
    with np.load(GOLDEN / "faformer_gtea_small.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    wrong = (
        "out/block1/enc_layer2",
        "out/block2/sf_merge",
        "match/a2f_soft_iou",
        "noop_pos/out/block0/frame_clogit",
        "grad/block_list.1.frame_branch.encoder.layers.2.att_layer.query_conv.weight",
        "loss/block2/seg",
    )
    for name in wrong:
        arrays[name] = arrays[name] * 1.01
    arrays["out/block0/unknown"] = np.zeros(3, np.float32)
    np.savez(tmp_path / "wrong.npz", **arrays)
    assert main([str(tmp_path / "wrong.npz"), "--failures"]) == 1
    printed = capsys.readouterr().out
    failing = {line.split()[0] for line in printed.splitlines() if line.endswith("FAIL")}
    assert failing == {*wrong, "out/block0/unknown"}


def test_parameters_left_over_are_refused(tmp_path, capsys):
    with np.load(GOLDEN / "fact_iuU_m_o2o.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["param/block_list.0.extra.weight"] = np.zeros(3, np.float32)
    del arrays["param/block_list.1.f2a_layer.X_K.bias"]
    np.savez(tmp_path / "odd.npz", **arrays)
    assert main([str(tmp_path / "odd.npz")]) == 2
    printed = capsys.readouterr().err
    assert "block_list.0.extra.weight" in printed and "block_list.1.f2a_layer.X_K.bias" in printed


@pytest.mark.parametrize("content", [None, b"not an archive", "other"])
def test_files_that_are_no_fixture_are_reported(tmp_path, capsys, content):
    path = tmp_path / "file.npz"
    if content == "other":
        np.savez(path, something=np.zeros(2))
    elif content is not None:
        path.write_bytes(content)
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_nan_is_equal_to_nan_only_where_that_is_asked_for():
    both = [1.0, np.nan], [1.0, np.nan]
    assert report.compare("x", *both, same_nan=True).ok and not report.compare("x", *both).ok
    for found in ([1.0, 2.0], [np.nan, np.nan], [1.1, np.nan]):
        assert not report.compare("x", found, both[1], same_nan=True).ok


def test_options_that_stand_in_a_sentence():
    raw = "raw ops: softnms iou_threshold 0.25 sigma 1 min_score 1e-3, methods 0 hard. sigma of others 2"
    assert nms._raw_options({"raw": raw}) == {"iou_threshold": 0.25, "sigma": 1.0, "min_score": 0.001}
    notes = {"notes": "Raw features at fps 7.5, stride 8, num_frames 32; trunc_thresh 0.3; tIoU 0.1..0.5 step 0.1"}
    assert detections._told(notes, "at fps #, stride #, num_frames #", []) == [7.5, 8.0, 32.0]
    assert detections._told(notes, "trunc_thresh #", []) == [0.3] and detections._told({}, "x #", [5]) == [5]


@pytest.mark.parametrize(
    ("change", "ok"),
    [
        ({}, True),
        ({"scores": [0.9, 0.7, 0.4]}, True),  # one more, which lies at the threshold
        ({"scores": [0.9, 0.7, 0.45]}, False),
        ({"scores": [0.9, 0.6, 0.4]}, False),
        ({"labels": [0, 0, 2]}, False),
        ({"segments": [[0, 1], [2, 4.1], [5, 6]]}, False),
        ({"segments": [[0, 1], [2, 4], [5, 5.5]], "scores": [0.9, 0.7, 0.6]}, True),  # as short as they may be
    ],
)
def test_candidates_may_differ_where_rounding_decides(change, ok):
    theirs = {"segments": [[0.0, 1.0], [2.0, 4.0]], "scores": [0.9, 0.7], "labels": [0, 1]}
    npz = {f"v/pre_nms/{part}": np.array(values) for part, values in theirs.items()}
    ours = {"segments": [[0.0, 1.0], [2.0, 4.0], [5.0, 6.0]], "scores": [0.9, 0.7, 0.1], "labels": [0, 1, 2]} | change
    found = {part: np.array(values, float)[None] for part, values in ours.items()}
    found["valid"] = np.array([[True, True, bool(change)]])
    npz["v/cls_logits_0"], npz["v/mask_0"] = np.array([[0.0]]), np.array([[1.0]])
    settings = SimpleNamespace(threshold=0.4, per_level=5, min_duration=0.5)
    fixture = SimpleNamespace(npz=npz, task=SimpleNamespace(candidate_config=settings))
    assert all(row.ok for row in actionformer._check_candidates(fixture, "v", found)) == ok
