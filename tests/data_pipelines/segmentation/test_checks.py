"""The validator: every fault is found, all at once, and a sound folder passes."""

import os

import numpy as np
import pytest

from data_pipelines.core import finite
from data_pipelines.core import problems as core_problems
from data_pipelines.segmentation import checks
from data_pipelines.segmentation.index import read_index
from data_pipelines.segmentation.layouts import open_layout
from fact_jax.types import UserError
from tests.data_pipelines.folders import make_videos, settings, write_folder


def problems_of(root, **changes):
    return [str(problem) for problem in validate(open_layout(settings(root, **changes)))]


def validate(layout):
    """Every problem of a dataset, as training looks for them."""
    index, problems = read_index(layout, layout.configured_subsets())
    return problems + checks.scan_values(layout, index.headers)[0]


def save(root, video, features):
    np.save(root / "features" / f"{video}.npy", features)


@pytest.mark.parametrize("time_axis", ["last", "first"])
def test_a_sound_folder_passes(tmp_path, time_axis):
    write_folder(tmp_path, time_axis=time_axis)
    assert problems_of(tmp_path, time_axis=time_axis) == []


# One of a kind; the other faults of a file are in tests/data_pipelines/dirty.
def break_missing_features(root):
    (root / "features" / "v1.npy").rename(root / "features" / "v1_.npy")
    return "v1.npy: file is missing; features has 'v1_.npy'"


def break_unknown_label(root):
    path = root / "groundTruth" / "v2.txt"
    path.write_text("\n".join(["stirr", *path.read_text().split("\n")[1:]]))
    return "v2.txt:1: unknown label 'stirr'; the nearest class is 'stir'"


def break_width(root):
    save(root, "v1", np.zeros((7, 22), np.float32))
    return "v1.npy: 7 channels; expected 6, as in 4 of 5 files"


def break_orientation(root):
    save(root, "v0", np.zeros((37, 6), np.float32))
    return "v0.npy: shape (37, 6) for 37 labels: axes the other way round; transpose this file"


def break_nan(root):
    features = np.zeros((6, 22), np.float32)
    features[4, 9] = features[1, 12] = np.nan
    features[3, 9] = -np.inf
    save(root, "v1", features)
    return "v1.npy: 2 NaN and 1 Inf values, the first at frame 9 of 22, channel 3"


def break_list_with_commas(root):
    (root / "splits" / "test.split1.bundle").write_text("v3,v4\n")
    return "test.split1.bundle:1: 2 videos on one line, commas between them: 'v3,v4'; expected one per line"


def break_list_with_an_ending(root):
    (root / "splits" / "test.split1.bundle").write_text("v3.mp4\nv4\n")
    return "test.split1.bundle:1: the ending '.mp4' of the name of a video: 'v3.mp4'; expected 'v3'"


def break_overlap(root):
    (root / "splits" / "test.split1.bundle").write_text("v3\nv0\n")
    return "test.split1.bundle: video 'v0' is in the train list too"


BREAKS = [function for name, function in sorted(globals().items()) if name.startswith("break_")]


@pytest.mark.parametrize("fault", BREAKS, ids=lambda function: function.__name__)
def test_one_fault_is_one_problem(tmp_path, fault):
    write_folder(tmp_path)
    expected = fault(tmp_path)
    problems = problems_of(tmp_path)
    assert len(problems) == 1, problems
    assert expected in problems[0]


def test_all_faults_at_once(tmp_path):
    lengths = [(f"v{i}", 20 + i) for i in range(12)]
    write_folder(tmp_path, make_videos(lengths))
    save(tmp_path, "v0", np.full((6, 20), np.nan, np.float32))
    save(tmp_path, "v3", np.zeros((5, 23), np.float32))
    (tmp_path / "features" / "v4.npy").unlink()
    (tmp_path / "groundTruth" / "v4.txt").unlink()
    (tmp_path / "groundTruth" / "v11.txt").write_text("a\nb\na\n" + "stir\n" * 28)
    (tmp_path / "splits" / "test.split1.bundle").write_text("v10\nv11\nv11\nv99\n")
    problems = problems_of(tmp_path, background_ids=(0, 9))
    of_videos = ("v0.npy", "v3.npy", "v4.npy", "v4.txt", "v11.txt:1", "v11.txt:2", "v99.npy", "v99.txt")
    for part in ("background id 9", "bundle:3", *of_videos):
        assert sum(part in problem for problem in problems) == 1, part
    assert len(problems) == 10


def test_label_files_of_another_form_are_told_a_few_times(tmp_path):
    write_folder(tmp_path)
    for path in (tmp_path / "groundTruth").iterdir():
        path.write_text("0 10 stir\n10 20 pour_milk\n")
    problems = problems_of(tmp_path)
    assert len(problems) == 4 and all("convert_labels" in problem for problem in problems)
    assert problems[-1].startswith(f"{tmp_path / 'groundTruth'}: 2 more label files of this form")


@pytest.mark.parametrize("tolerance", [2, 30])
def test_wrong_orientation_of_all_files_is_one_problem(tmp_path, tolerance):
    write_folder(tmp_path, time_axis="first")
    problems = problems_of(tmp_path, length_tolerance=tolerance)
    assert len(problems) == 1
    assert "all 5 feature files have their axes the other way round" in problems[0]
    assert 'set config.data.time_axis="first"' in problems[0]


def test_a_long_video_is_scanned_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(finite, "_CHUNK_BYTES", 64)
    for order in "CF":
        for time_axis in ("last", "first"):
            root = tmp_path / order / time_axis
            write_folder(root, time_axis=time_axis)
            features = np.zeros((37, 6), np.float32)
            features[[5, 30, 30], [5, 0, 3]] = np.nan
            stored = features if time_axis == "first" else features.T
            save(root, "v0", np.asarray(stored, order=order))
            [problem] = problems_of(root, time_axis=time_axis)
            assert "3 NaN values, the first at frame 5 of 37, channel 5" in problem


def test_missing_parts_of_the_folder(tmp_path):
    write_folder(tmp_path)
    problems = problems_of(tmp_path, split="split9", label_dir="labels", feature_dir="i3d")
    assert len(problems) == 4
    assert "splits that exist: split1" in problems[0]
    assert "folder of label files is missing" in problems[2]
    assert "folder of feature files is missing" in problems[3]


def test_the_same_list_may_serve_twice(tmp_path):
    write_folder(tmp_path)
    assert problems_of(tmp_path, validation_split_file="splits/test.{split}.bundle") == []
    assert len(problems_of(tmp_path, validation_split_file="val.txt")) == 1


def test_the_report_counts_groups_and_cuts(tmp_path, monkeypatch):
    write_folder(tmp_path, make_videos([(f"v{i}", 20) for i in range(9)]))
    (tmp_path / "groundTruth" / "v0.txt").write_text("x\ny\n" + "stir\n" * 18)
    for i in range(2, 8):
        (tmp_path / "features" / f"v{i}.npy").unlink()
    layout = open_layout(settings(tmp_path))
    problems = validate(layout)
    report_file = tmp_path / "run" / core_problems.PROBLEMS_FILE
    monkeypatch.setattr(core_problems, "_MAX_SHOWN", 3)
    with pytest.raises(UserError) as error:
        checks.refuse_dataset(layout, problems, workdir=tmp_path / "run")
    lines = str(error.value).split("\n")
    assert "toy" in lines[0] and lines[0].endswith("split1, has 8 problems:")
    assert lines[1].endswith("v0.txt")
    assert lines[2].startswith("  1. line 1: unknown label 'x'")
    assert lines[3].startswith("  2. line 2: unknown label 'y'")
    assert lines[4].endswith("v2.npy") and lines[5].startswith("  3. file is missing")
    assert lines[6] == "... and 5 more" and str(report_file) in lines[7] and len(lines) == 8
    assert report_file.read_text().split("\n")[:-1] == [str(problem) for problem in problems]
    checks.refuse_dataset(layout, [], workdir=tmp_path / "run")
    assert not report_file.exists()


def test_a_file_that_kept_its_size_and_time_is_checked_again(tmp_path):
    """As tar, rsync and cp -p leave it, where the features were extracted anew."""
    write_folder(tmp_path)
    path = tmp_path / "features" / "v0.npy"

    def check():
        index, problems = read_index(open_layout(settings(tmp_path)), ("train", "test"))
        checks.insist(index, problems, tmp_path / "run")
        return index.fingerprint()

    first, status = check(), path.stat()
    assert check() == first
    np.save(path, np.full_like(np.load(path), np.nan))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    with pytest.raises(UserError, match="NaN values, the first at frame 0"):
        check()
