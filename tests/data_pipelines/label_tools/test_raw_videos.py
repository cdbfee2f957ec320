"""A folder of raw videos with labels: to a tool, and back to the same label for every frame."""

import re

import pytest

from data_pipelines import export_labels, import_labels
from data_pipelines.representation import write_synthetic


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "drawn"
    write_synthetic.main([str(folder), "--train_videos", "2", "--videos", "1", "--size", "32"])
    return folder


@pytest.mark.parametrize(("tool", "name"), [("boris", "a.boris"), ("elan", "documents"), ("csv", "a.csv")])
def test_labels_of_frames(drawn, tmp_path, capsys, tool, name):
    assert export_labels.main([str(drawn), "--to", tool, "--output", str(tmp_path / name)]) == 0
    options = ["--to", "annotations", "frames", "--videos", str(drawn / "videos")]
    assert import_labels.main([str(tmp_path / name), "--output", str(tmp_path / "own"), *options]) == 0
    for path in (drawn / "labels").iterdir():
        assert (tmp_path / "own" / "groundTruth" / path.name).read_text() == path.read_text()
    said = capsys.readouterr().out
    assert "cut" not in said and len(re.findall("times to", said)) == 1


def test_segments_in_seconds(drawn, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "videos").symlink_to(drawn / "videos")
    (folder / "labels").mkdir()
    (folder / "labels" / "train_0000.txt").write_text("0.25 0.5 pour\n0.5 1.0 stir, slowly\n")
    assert export_labels.main([str(folder), "--to", "csv", "--output", str(tmp_path / "a.csv")]) == 0
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[1:] == ["train_0000,0.25,0.5,pour", 'train_0000,0.5,1.0,"stir, slowly"']
