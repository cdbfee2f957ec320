"""Frames, sizes, learning rates, scores and mixup of CAST against a plain rendering in other sizes."""

import re

import numpy as np
import pytest

from tests.parity import cast_renderings
from tests.parity.__main__ import check_file


@pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
def test_files_of_other_sizes_agree(tmp_path, seed):
    path = tmp_path / "file.npz"
    arrays = cast_renderings.sampling(seed)
    np.savez(path, **arrays)
    rows = check_file(path)
    assert len(rows) > 60 and [row for row in rows if not row.ok] == []
    # Every number that a file holds is looked at.
    given = re.compile(r"config|resize/in_hw_short|merge/\w+/(logits|label)\w*|mixup/.*/(x_in|label|lam)")
    results = {name for name in arrays if not given.fullmatch(name)}
    np.savez(path, **{name: array + 1 if name in results else array for name, array in arrays.items()})
    assert {row.name for row in check_file(path) if not row.ok} == results
