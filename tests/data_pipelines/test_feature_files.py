"""Feature files: the same numbers in whatever order they lie, and no copy but the one into the batch."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from data_pipelines.batching import assemble
from data_pipelines.feature_files import copy_frames, open_features, read_features
from data_pipelines.sources import open_sources
from tests.data_pipelines import folders

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)


@EXAMPLES
@given(st.integers(1, 9), st.integers(1, 200), st.sampled_from("CF"), st.integers(1, 3),
       st.sampled_from([np.float32, np.float64, np.float16, np.int32]))
def test_frames_are_copied_whatever_their_order(num_frames, num_channels, order, sample_rate, dtype):
    values = np.random.default_rng(num_channels).integers(-99, 99, (num_frames, num_channels))
    frames = np.array(values, dtype, order=order)[::sample_rate]
    destination = np.full((num_frames + 2, num_channels), 7, np.float32)
    copy_frames(frames, destination[:len(frames)])
    np.testing.assert_array_equal(destination[:len(frames)], values[::sample_rate])
    assert (destination[len(frames):] == 7).all()


@pytest.mark.parametrize("time_axis", ["first", "last"])
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
def test_a_file_is_mapped_if_it_can_be(tmp_path, time_axis, fortran, dtype):
    values = np.random.default_rng(0).standard_normal((90, 70)).astype(np.float16).astype(dtype)
    stored = values if time_axis == "first" else values.T
    np.save(tmp_path / "v.npy", np.asfortranarray(stored) if fortran else np.ascontiguousarray(stored))
    for cut in ({}, {"num_frames": 80, "sample_rate": 3}):
        expected = values[:cut.get("num_frames"):cut.get("sample_rate", 1)]
        opened = open_features(tmp_path / "v.npy", time_axis, **cut)
        read = read_features(tmp_path / "v.npy", time_axis, **cut)
        for features in (opened, read):
            assert features.dtype == np.float32
            np.testing.assert_array_equal(features, expected)
        assert isinstance(opened, np.memmap) == (dtype == "<f4") and not isinstance(read, np.memmap)
        assert read.flags.c_contiguous and read.flags.writeable


@pytest.mark.parametrize("time_axis", ["first", "last"])
def test_a_batch_is_the_only_copy(tmp_path, time_axis):
    """A budget for one video: it is kept, and the others go from their files into the batch."""
    num_frames, width = 1500, 96
    videos = folders.make_videos([(f"v{index}", num_frames) for index in range(5)], width=width)
    folders.write_folder(tmp_path, videos, time_axis=time_axis)
    if time_axis == "last":  # channel by channel in the file too
        for name, (features, _) in videos.items():
            np.save(tmp_path / "features" / f"{name}.npy", np.ascontiguousarray(features.T))
    one_video = num_frames * width * 4
    data = folders.settings(tmp_path, time_axis=time_axis)
    source = open_sources(data, memory_limit=one_video).train
    assert not isinstance(source[0].features, np.memmap) and isinstance(source[1].features, np.memmap)
    tracemalloc.start()
    try:
        batch = assemble(source, [0, 1, 2], num_frames + 4, 400, 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    features = batch.arrays["features"]
    assert peak - features.nbytes < one_video / 2
    for row in range(3):
        np.testing.assert_array_equal(features[row, :num_frames], videos[f"v{row}"][0])
