"""Opening of whole datasets: what is used, what is left out, and what is refused."""

import dataclasses
import gzip

import numpy as np
import pytest

from data_pipelines.localization.opening import open_localization, read_classes
from fact_jax.types import UserError
from tests.data_pipelines.localization.folders import entries, features, settings, write_folder


def test_a_folder_is_opened(tmp_path):
    data = settings(write_folder(tmp_path / "data"))
    sources = open_localization(data, tmp_path)
    assert sources.class_names == read_classes(data) == ("jump", "run") and sources.feature_dim == 6
    assert (sources.train.video_ids, sources.test.video_ids) == (("a", "b"), ("c", "d"))
    assert sources.test.lengths.tolist() == [40, 25]
    video = sources.train[1]
    np.testing.assert_array_equal(video.features, features("b"))
    np.testing.assert_allclose(video.segments, [[2.75, 10.25], [6.5, 14.0]], rtol=1e-6)
    assert sources.notes == () and sources.empty_classes == ()
    assert (tmp_path / "data_check.json").is_file()
    np.testing.assert_array_equal(sources.test.truth.segments["c"], [[0.5, 1.5], [1.0, 2.0]])


def test_one_class_for_all_keeps_the_names_for_the_evaluation(tmp_path):
    data = settings(write_folder(tmp_path), num_classes=1, remove_doubles=True, resize=True)
    sources = open_localization(data)
    assert sources.class_names == ("action",) and sources.truth_classes == {0: "jump", 1: "run"}
    assert sources.train.segments(0)[1].tolist() == [0, 0]
    assert sources.test.truth.labels["c"].tolist() == [0, 1]
    assert sources.train.lengths.tolist() == [32, 32] and sources.train[0].features.shape == (32, 6)


def test_a_table_of_subsets_per_split(tmp_path):
    """The table of the split wins over the subsets that the annotations state."""
    root = write_folder(tmp_path)
    for split, line in (("fold1", "a,Validation\nc,training\n"), ("fold2", "b,unused\n")):
        (root / f"subsets.{split}.csv").write_text(f"video,subset\n{line}")
    data = settings(root, subset_file="subsets.{split}.csv", split="fold1")
    sources = open_localization(data)
    assert (sources.train.video_ids, sources.test.video_ids) == (("b", "c"), ("a", "d"))
    sources = open_localization(dataclasses.replace(data, split="fold2"))
    assert (sources.train.video_ids, sources.test.video_ids) == (("a",), ("c", "d"))
    with pytest.raises(UserError, match=r"has one split, 'default'.*subset_file=splits/subsets.\{split\}.csv"):
        open_localization(settings(root, split="fold2"))


def test_what_is_left_out_is_said(tmp_path):
    silent = {"subset": "training", "duration": 5.0, "fps": 30.0, "annotations": []}
    root = write_folder(tmp_path, entries(e=silent) | {"b": entries()["b"]})
    (root / "features" / "b.npy").unlink()
    (root / "features" / "d.npy").unlink()
    sources = open_localization(settings(root, skip_missing=True))
    assert sources.train.video_ids == ("a",) and sources.test.video_ids == ("c",)
    assert sorted(sources.test.truth.labels) == ["c", "d"]
    text = "\n".join(sources.notes)
    assert "1 of 3 train videos has no features and is left out of training: b" in text
    assert "1 of 2 test videos has no features and counts as missed in the evaluation: d" in text
    assert "1 training video has no segment and is left out: e" in text


def test_every_problem_is_told_at_once(tmp_path):
    faulty = entries()
    faulty["a"]["annotations"][0]["segment"] = [3, 2]
    del faulty["d"]["fps"]
    root = write_folder(tmp_path, faulty)
    np.save(root / "features" / "b.npy", features("b", width=5))
    (root / "features" / "c.npy").unlink()
    with pytest.raises(UserError) as error:
        open_localization(settings(root))
    text = str(error.value)
    for part in ("4 problems", "annotation 1 is from 3 to 2", "5 channels", "c.npy", "file is missing",
                 "video 'd': no fps", "Expected files"):  # fmt: skip
        assert part in text


def test_values_that_are_no_numbers_are_found(tmp_path):
    root = write_folder(tmp_path)
    spoilt = features("c")
    spoilt[7, 2] = np.inf
    np.save(root / "features" / "c.npy", spoilt)
    with pytest.raises(UserError, match="1 value is NaN or infinite, the first at feature 7 of 40, channel 2"):
        open_localization(settings(root))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"test_subsets": ("testing",)}, "no video of the subsets 'testing'"),
        ({"test_subsets": ("training", "validation")}, "to be trained with and tested on"),
        ({"num_classes": 2, "feature_prefix": "x_"}, 'there is VIDEO.npy: set config.data.feature_prefix=""'),
        ({"feature_places": ("nowhere",)}, "nowhere"),
        ({"split": "split2"}, "has one split"),
        ({"dir": ""}, "config.data.dir is not set"),
        ({"reader": "npy"}, "config.data.reader"),
        ({"feature_stride": 0.0, "sample_rate": 2}, "sample_rate"),
        ({"feature_stride": -4.0, "fps": float("nan")}, "feature_stride is -4.0, expected 0 or more\n.*fps is nan"),
        ({"feature_places": ("features", "rgb", "features")}, "feature_places names 'features' twice"),
        ({"sample_rate": 0, "window": -1.0}, "window is -1.0, expected 0 or more\n.*sample_rate is 0, expected 1"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(tmp_path, changes, found):
    root = write_folder(tmp_path)
    with pytest.raises(UserError, match=found):
        open_localization(settings(root, **changes))


def test_too_few_classes_are_refused(tmp_path):
    three = entries()
    three["a"]["annotations"].append({"label": "fly", "label_id": 7, "segment": [0, 1]})
    root = write_folder(tmp_path, three)
    with pytest.raises(UserError, match="'fly' with 7"):
        open_localization(settings(root, num_classes=2))
    sources = open_localization(settings(root))
    assert sources.class_names[7] == "fly" and sources.empty_classes == (2, 3, 4, 5, 6)


def test_a_file_that_changes_later_is_reported(tmp_path):
    root = write_folder(tmp_path)
    sources = open_localization(settings(root, memory_gb=0.0))
    (root / "features" / "a.npy").write_bytes(b"")
    with pytest.raises(UserError, match="changed since it was checked"):
        sources.train[0]


def test_compressed_annotations_and_npz_features(tmp_path):
    root = write_folder(tmp_path, suffix=".npz")
    packed = gzip.compress((root / "annotations.json").read_bytes())
    (root / "annotations.json.gz").write_bytes(packed)
    data = settings(root, annotation_file="annotations.json.gz", feature_suffix=".npz")
    np.testing.assert_array_equal(open_localization(data).test[1].features, features("d"))


def test_features_that_are_the_same_in_every_frame_are_told(tmp_path):
    root = write_folder(tmp_path)
    np.save(root / "features" / "b.npy", np.zeros((31, 6), np.float32))
    notes = open_localization(settings(root)).notes
    assert "1 video with features that are the same in every frame: b" in notes


def test_stated_times_that_cannot_be_are_told_once(tmp_path):
    changed = {name: entry | {"fps": -30, "duration_second": 1.0} for name, entry in entries().items()}
    with pytest.raises(UserError) as error:
        open_localization(settings(write_folder(tmp_path, changed)))
    text = str(error.value)
    assert "5 problems" in text and "fps is -30, in 4 videos such as 'a'; expected a number more than 0" in text
    assert "video 'b': duration is 5.133333333333334 and duration_second is 1.0; expected one of them" in text


def test_other_frame_rates_than_annotated_are_told(tmp_path):
    notes = open_localization(settings(write_folder(tmp_path), fps=25.0)).notes
    assert "config.data.fps=25 is used; the annotations state 30 for 4 of 4 videos" in notes
    assert not [note for note in open_localization(settings(tmp_path, fps=29.97)).notes if "fps" in note]


def test_features_of_another_video_are_told(tmp_path):
    changed = entries(e=entries()["a"])
    root = write_folder(tmp_path / "data", changed)
    np.save(root / "features" / "e.npy", features("a"))
    for _ in range(2):  # the second time from the notes of the first
        notes = open_localization(settings(root), tmp_path).notes
        assert "1 video with the features of another: e (as a)" in notes
