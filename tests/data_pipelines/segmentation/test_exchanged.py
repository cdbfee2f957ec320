"""Features of two videos of one length that were exchanged are told; hard videos are not."""

import re

import numpy as np
import pytest

from data_pipelines.segmentation import checks
from data_pipelines.segmentation.sources import open_sources
from tests.data_pipelines.folders import CLASS_NAMES, settings, write_folder

LENGTHS = (*((f"v{i}", 90 + 9 * i) for i in range(5)), ("v5", 162), ("v6", 162))


def videos(noise=0.5):
    """{video: (features, labels)}; features lie around a mean of their class, and every video has its own order."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(len(CLASS_NAMES), 8))
    made = {}
    for name, length in LENGTHS:
        labels = rng.integers(0, 3, length // 9).repeat(9)
        made[name] = (centres[labels] + noise * rng.normal(size=(length, 8))).astype(np.float32), labels
    return made


def exchanged(made, one, other):
    (first, labels), (second, other_labels) = made[one], made[other]
    return made | {one: (second, labels), other: (first, other_labels)}


def lines(root, made):
    write_folder(root, videos=made)
    return told(root)


def told(root, workdir=None):
    return [line for line in open_sources(settings(root), workdir).notes if "exchanged" in line]


@pytest.mark.parametrize("noise", [0.1, 0.8])
def test_two_files_that_were_exchanged_are_named(tmp_path, noise):
    assert lines(tmp_path / "sound", videos(noise)) == []
    [line] = lines(tmp_path / "exchanged", exchanged(videos(noise), "v5", "v6"))
    assert line.startswith("the features of v5 fit the labels of v6") and "those of v6 the labels of v5" in line
    shares = [int(share) for share in re.findall(r"\d+(?= %)", line)]
    assert min(shares[0], shares[2]) > 80 > 60 > max(shares[1], shares[3])


def test_videos_that_are_hard_or_of_other_lengths_are_quiet(tmp_path):
    made, rng = videos(), np.random.default_rng(0)
    hard = {name: (rng.normal(size=made[name][0].shape).astype(np.float32), made[name][1]) for name in ("v5", "v6")}
    assert lines(tmp_path / "hard", made | hard) == []
    assert lines(tmp_path / "noise", exchanged(videos(noise=20.0), "v5", "v6")) == []


def test_features_are_looked_at_once_until_a_file_changes(tmp_path, monkeypatch):
    write_folder(tmp_path / "data", videos=exchanged(videos(), "v5", "v6"))
    (tmp_path / "run").mkdir()
    [line] = told(tmp_path / "data", tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(checks, "exchanged_notes", lambda index: pytest.fail("features are read again"))
        assert told(tmp_path / "data", tmp_path / "run") == [line]
    write_folder(tmp_path / "data", videos=videos())
    assert told(tmp_path / "data", tmp_path / "run") == []
