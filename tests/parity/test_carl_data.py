"""Sampling, pixels and scores of CARL against a plain rendering in other sizes, and against its recordings."""

from pathlib import Path

import numpy as np
import pytest

from tests.parity import carl_renderings
from tests.parity.__main__ import check_file

ALL_GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden"


@pytest.mark.parametrize("kind", ["sampling", "augment", "metrics"])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_files_of_other_sizes_agree(tmp_path, kind, seed):
    path = tmp_path / "file.npz"
    arrays = getattr(carl_renderings, kind)(seed)
    np.savez(path, **arrays)
    rows = check_file(path)
    assert len(rows) > 20 and [row for row in rows if not row.ok] == []
    # Every number that a file holds is looked at.
    wrong = [name for name in sorted(arrays) if name.startswith("out/")]
    for name in wrong:
        arrays[name] = arrays[name] + 1
    np.savez(path, **arrays)
    failing = {row.name.removesuffix(" by Pillow") for row in check_file(path) if not row.ok}
    assert failing == set(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sampling", "augment", "metrics"])
def test_recordings_at_hand_agree(kind):
    path = ALL_GOLDEN / f"carl_{kind}.npz"
    if not path.is_file():
        pytest.skip("the full set of fixtures is not beside this checkout")
    assert [row for row in check_file(path) if not row.ok] == []
