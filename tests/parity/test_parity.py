"""The parity runner on its fixtures, and its verdict on numbers that are wrong."""

from pathlib import Path

import numpy as np
import pytest

from tests.parity.__main__ import check_file, main

GOLDEN = Path(__file__).parents[1] / "golden"
ALL_GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden"
CASES = (
    "iuUU_m2_o2o", "iuU_m_o2o", "iUUU_m2_o2m", "ln_grouped", "transcript_gru_seq", "transcript_sca_seq", "sepverbnoun",
)


# FACT's slow ones hold no optimiser step, for their size.
@pytest.mark.parametrize(
    "name",
    [
        "fact_match", "fact_metrics", "fact_iuU_m_o2o",
        "actionformer_nms", "actionformer_map", "actionformer_trunc",
        pytest.param("fact_transcript_gru_seq", marks=pytest.mark.slow),
        pytest.param("fact_sepverbnoun", marks=pytest.mark.slow),
        pytest.param("faformer_gtea_small", marks=pytest.mark.slow),
        pytest.param("asformer_small", marks=pytest.mark.slow),
        *(pytest.param(f"actionformer_{case}small", marks=pytest.mark.slow) for case in ("", "fpn_", "conv_", "anet_")),
    ],
)
def test_fixture_agrees(name):
    rows = check_file(GOLDEN / f"{name}.npz")
    assert rows
    assert [row for row in rows if not row.ok] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*(f"fact_{case}" for case in CASES), "faformer_gtea_small", "faformer_iuUU_small", "asformer_small"]
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


@pytest.mark.slow
def test_every_array_of_a_file_counts(tmp_path, capsys):
    with np.load(GOLDEN / "faformer_gtea_small.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    wrong = ("out/block1/enc_layer2", "out/block2/sf_merge", "match/a2f_soft_iou", "noop_pos/out/block0/frame_clogit",
             "grad/block_list.1.frame_branch.encoder.layers.2.att_layer.query_conv.weight", "loss/block2/seg")
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
