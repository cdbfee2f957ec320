"""Feature files of every kind, and files that are none."""

import h5py
import numpy as np
import pytest

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.localization.checks import check_widths
from data_pipelines.localization.features import FeatureStore, Stream
from data_pipelines.localization.grids import clip_to_video
from data_pipelines.localization.opening import open_localization
from fact_jax.ops.time_grid import GridRule
from fact_jax.types import UserError
from tests.data_pipelines.localization.folders import entries, settings, write_folder

FEATURES = np.random.default_rng(0).standard_normal((10, 3))


@pytest.fixture
def places(tmp_path):
    """A folder with one video in every form; FORTRAN order and float16 among them."""
    np.save(tmp_path / "v_a.npy", FEATURES)
    np.savez_compressed(tmp_path / "v_a.npz", feats=np.asfortranarray(FEATURES))
    with h5py.File(tmp_path / "all.hdf5", "w") as file:
        file["v_a"] = FEATURES
        file.create_group("v_group")
        file["v_link"] = h5py.ExternalLink("other.hdf5", "v_a")
        file["v_soft"] = h5py.SoftLink("/v_a")
        file.create_dataset("v_outside", (10, 3), "f8", external=[("raw.bin", 0, 240)])
        layout = h5py.VirtualLayout((10, 3), "f8")
        layout[:] = h5py.VirtualSource("other.hdf5", "v_a", (10, 3))
        file.create_virtual_dataset("v_virtual", layout)
    return tmp_path


@pytest.mark.parametrize("place", [("", ".npy"), ("", ".npz"), ("all.hdf5", "")])
def test_features_are_read(places, place):
    stream = Stream(places / place[0], "v_", place[1])
    assert tuple(stream.shape("a")) == (10, 3)
    np.testing.assert_array_equal(stream.read("a"), FEATURES.astype(np.float32))
    np.testing.assert_array_equal(stream.read("a", every=3), FEATURES[::3].astype(np.float32))
    assert stream.read("a").dtype == np.float32
    store = FeatureStore([stream])
    assert store.is_missing("b") and not store.is_missing("a")


def test_streams_lie_side_by_side(places):
    np.save(places / "long.npy", FEATURES[:9])
    streams = [Stream(places, "v_", ".npy"), Stream(places / "all.hdf5", "v_")]
    assert FeatureStore(streams).shape("a") == (10, 6)
    np.testing.assert_array_equal(FeatureStore(streams).read("a")[:, 3:], FEATURES.astype(np.float32))
    (places / "short").mkdir()
    np.save(places / "short" / "v_a.npy", FEATURES[:9])
    with pytest.raises(FeatureFileError, match="different length"):
        FeatureStore([streams[0], Stream(places / "short", "v_", ".npy")]).shape("a")


@pytest.mark.parametrize("name", ["link", "soft", "outside", "virtual", "group"])
def test_what_lies_outside_an_hdf5_file_is_not_followed(places, name):
    with pytest.raises(FeatureFileError, match="link|another file|no dataset"):
        Stream(places / "all.hdf5", "v_").read(name)


def test_files_that_are_no_features_are_refused(places):
    (places / "v_text.npz").write_bytes(b"nothing")
    np.savez(places / "v_other.npz", other=FEATURES)
    np.savez(places / "v_flat.npz", feats=FEATURES[0])
    np.savez(places / "v_object.npz", feats=np.array([[{}]], dtype=object))
    whole = (places / "v_a.npz").read_bytes()
    (places / "v_cut.npz").write_bytes(whole[:-30])
    (places / "v_bad.npz").write_bytes(whole[:60] + b"\0" * 60 + whole[120:])
    for name in ("text", "other", "flat", "object", "cut", "bad"):
        with pytest.raises(FeatureFileError):
            Stream(places, "v_", ".npz").read(name)
    (places / "no.hdf5").write_bytes(b"nothing")
    with pytest.raises(FeatureFileError, match="HDF5"):
        Stream(places / "no.hdf5", "v_").shape("a")


def test_grids_of_resized_and_spread_features():
    plain = GridRule(16, 32, sample_rate=2)
    assert plain.length(9) == 5
    assert plain.grid(9, 30.0, 99.0).stride == 32 and plain.grid(9, 30.0, 99.0).offset == 0.5
    resized = GridRule(16, 16, resize_to=4).grid(7, 25.0, 99.0)
    assert resized.stride == 28.0 and resized.offset == 0.5
    spread = GridRule(0, 16).grid(8, 25.0, 16.0)
    assert spread.stride == 50.0 and spread.offset == 0.5


def test_segments_behind_the_video_are_left_out_or_cut():
    segments = np.float32([[0, 4], [8, 14], [9.5, 30], [11, 12]])
    kept, labels = clip_to_video(segments, np.arange(4), 10, 0.5, 0.4)
    np.testing.assert_array_equal(kept, [[0, 4], [8, 10.5]])
    assert labels.tolist() == [0, 1]


def test_files_that_unpack_to_many_times_their_size_are_refused(tmp_path):
    """A shape alone fills the memory: 80 MB of zeros that take 80 kB, and numbers that were never written."""
    np.savez_compressed(tmp_path / "v_a.npz", feats=np.zeros((10_000, 2000), np.float32))
    with h5py.File(tmp_path / "all.hdf5", "w") as file:
        file.create_dataset("v_a", (10_000, 2000), "f4", compression="gzip")
    for stream in (Stream(tmp_path, "v_", ".npz"), Stream(tmp_path / "all.hdf5", "v_")):
        for call in (stream.shape, stream.read):
            with pytest.raises(FeatureFileError, match=r"unpack to 76.3 MiB, more than 100 times as much"):
                call("a")


def shapes_of(tmp_path, shapes):
    """What `check_widths` finds in feature files of such shapes."""
    store = FeatureStore([Stream(tmp_path)])
    return check_widths(store, {f"v{number}": shape for number, shape in enumerate(shapes)})


def test_transposed_files_are_one_problem(tmp_path):
    width, transposed, (problem,) = shapes_of(tmp_path, [(32, 100), (32, 97), (32, 120), (32, 97)])
    assert (width, transposed) == (32, {"v0", "v1", "v2", "v3"})
    assert str(problem) == (
        f"{tmp_path}: all 4 files look transposed (32 rows in each, as 'v0' of (32, 100)); "
        "expected (features, channels): save their .T instead"
    )
    _, transposed, (problem,) = shapes_of(tmp_path, [(32, 100), (32, 97), (80, 32), (32, 120), (32, 97)])
    assert "4 of 5 files look transposed" in str(problem) and "v2" not in transposed


def test_a_width_of_its_own_is_told_and_a_transposed_file_named(tmp_path):
    width, transposed, (problem,) = shapes_of(tmp_path, [(100, 32), (97, 32), (32, 120)])
    assert (width, transposed) == (32, set()) and str(problem).startswith(f"{tmp_path}/v2.npy: 120 channels (shape ")
    assert "expected 32, as in 2 of 3 videos: this one looks transposed; save its .T instead" in str(problem)
    assert shapes_of(tmp_path, [(32, 32), (32, 32), (32, 32)]) == (32, set(), [])


def told(root, **changes):
    with pytest.raises(UserError) as caught:
        open_localization(settings(root, **changes))
    return str(caught.value).split("Expected files")[0]


@pytest.mark.parametrize("skip_missing", [False, True])
@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("v_{}.npy", 'there is v_VIDEO.npy: set config.data.feature_prefix="v_"'),
        ("{}.npz", 'there is VIDEO.npz: set config.data.feature_suffix=".npz"'),
        ("x-{}.npz", 'config.data.feature_prefix="x-" and config.data.feature_suffix=".npz"'),
        ("{}_rgb.npy", "there is VIDEO_rgb.npy; expected VIDEO.npy: rename or link the files"),
    ],
)
def test_files_under_another_name_are_one_problem_with_the_setting(tmp_path, name, remedy, skip_missing):
    root = write_folder(tmp_path)
    for path in (root / "features").iterdir():
        path.rename(path.with_name(name.format(path.stem)))
    text = told(root, skip_missing=skip_missing)
    assert remedy in text and " are missing, such as 'a.npy'" in text


def test_a_missing_file_names_the_nearest_one_and_its_stream(tmp_path):
    videos = {f"video_{name}": entry for name, entry in entries().items()}
    root = write_folder(tmp_path, videos)
    (root / "features" / "video_b.npy").rename(root / "features" / "vidoe_b.npy")
    (root / "features" / "video_c.npy").rename(root / "features" / "video_c.flow.npy")
    text = told(root)
    assert "video_b.npy\n  1. file is missing; features has 'vidoe_b.npy'" in text
    assert "video_c.npy\n  2. file is missing; features has 'video_c.flow.npy'" in text
    write_folder(tmp_path, videos)
    (root / "flow").mkdir()
    assert f"{root}/flow/video_a.npy" in told(root, feature_places=("features", "flow"))


def test_files_of_the_other_kind_beside_those_that_are_read_are_told(tmp_path):
    root = write_folder(tmp_path)
    for name in "ad":
        np.savez(root / "features" / f"{name}.npz", feats=np.zeros((20, 6)))
    (line,) = [line for line in open_localization(settings(root)).notes if "not read" in line]
    told = (
        "2 of 4 videos have a .npz file beside the .npy one, which is not read (config.data.feature_suffix=.npy): a, d"
    )
    assert line == f"{root}/features: {told}"


def test_arrays_that_are_not_read_are_told(tmp_path):
    root = write_folder(tmp_path, suffix=".npz")
    options = settings(root, feature_suffix=".npz")
    assert not any("alone is read" in note for note in open_localization(options).notes)
    np.savez(root / "features" / "a.npz", feats=np.ones((20, 6), np.float32), features=np.zeros((9, 4)), fps=15)
    (line,) = [note for note in open_localization(options).notes if "alone is read" in note]
    assert line == (
        "1 of 4 files of features holds more than 'feats', which alone is read: 'features', 'fps' (15 in a.npz)"
    )
