"""Feature files: the same numbers in whatever order they lie, and no copy but the one into the batch."""

import errno
import itertools
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.core import feature_files
from data_pipelines.core.batching import assemble
from data_pipelines.core.feature_files import (
    FeatureFileError,
    StoredFrames,
    copy_frames,
    open_features,
    read_blocks,
    read_features,
    read_header,
)
from data_pipelines.segmentation.batching import FrameExamples
from data_pipelines.segmentation.sources import open_sources
from tests.data_pipelines import folders

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)


@EXAMPLES
@given(
    st.integers(1, 9),
    st.integers(1, 200),
    st.sampled_from("CF"),
    st.integers(1, 3),
    st.sampled_from([np.float32, np.float64, np.float16, np.int32]),
)
def test_frames_are_copied_whatever_their_order(num_frames, num_channels, order, sample_rate, dtype):
    values = np.random.default_rng(num_channels).integers(-99, 99, (num_frames, num_channels))
    frames = np.array(values, dtype, order=order)[::sample_rate]
    destination = np.full((num_frames + 2, num_channels), 7, np.float32)
    copy_frames(frames, destination[: len(frames)])
    np.testing.assert_array_equal(destination[: len(frames)], values[::sample_rate])
    assert (destination[len(frames) :] == 7).all()


@pytest.mark.parametrize("time_axis", ["first", "last"])
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
def test_a_file_is_read_whatever_its_order_and_type(tmp_path, monkeypatch, time_axis, fortran, dtype):
    values = np.random.default_rng(0).standard_normal((90, 70)).astype(np.float16).astype(dtype)
    stored = values if time_axis == "first" else values.T
    np.save(tmp_path / "v.npy", np.asfortranarray(stored) if fortran else np.ascontiguousarray(stored))
    for cut, num_bytes in itertools.product(({}, {"num_frames": 80, "sample_rate": 3}), (2**20, 1000, 7)):
        monkeypatch.setattr(feature_files, "_BLOCK_BYTES", num_bytes)
        monkeypatch.setattr(feature_files, "_FRAME_BYTES", num_bytes)
        expected = values[: cut.get("num_frames") : cut.get("sample_rate", 1)]
        opened = open_features(tmp_path / "v.npy", time_axis, **cut)
        read = read_features(tmp_path / "v.npy", time_axis, **cut)
        assert opened.shape == expected.shape and opened.nbytes == read.nbytes
        for features in (opened, read):
            assert features.dtype == np.float32
            np.testing.assert_array_equal(features, expected)
        assert read.flags.c_contiguous and read.flags.writeable


@pytest.mark.parametrize("fortran", [False, True])
def test_blocks_are_the_file_in_its_order(tmp_path, fortran):
    values = np.arange(35, dtype=np.int16).reshape(5, 7)
    np.save(tmp_path / "v.npy", np.asfortranarray(values) if fortran else values)
    rows = values.T if fortran else values
    for num_bytes, num_rows in ((1, (1, None)), (1, (2, 2)), (28, (1, 4)), (28, (3, 9)), (999, (1, None))):
        found = np.full(rows.shape, -1)
        for row, column, block in read_blocks(
            tmp_path / "v.npy", read_header(tmp_path / "v.npy"), num_bytes=num_bytes, num_rows=num_rows
        ):
            assert block.nbytes <= max(num_bytes, 2 * num_rows[0])
            found[row : row + block.shape[0], column : column + block.shape[1]] = block
        np.testing.assert_array_equal(found, rows)


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, monkeypatch):
    """Where a mapped file would end the process by a signal."""
    path = tmp_path / "v.npy"
    np.save(path, np.zeros((50, 6), np.float32))
    opened = open_features(path, "first")
    os.truncate(path, 400)
    with pytest.raises(FeatureFileError, match="file ends before its values do"):
        np.asarray(opened)

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(FeatureFileError, match=r"file cannot be read \(Input/output error\)"):
        np.asarray(opened)
    path.unlink()
    with pytest.raises(FeatureFileError, match="file is missing"):
        np.asarray(opened)


@pytest.mark.parametrize("time_axis", ["first", "last"])
def test_a_batch_is_the_only_copy(tmp_path, time_axis):
    """A budget for one video: it is kept, and the others go from their files into the batch."""
    num_frames, width = 12_000, 96
    videos = folders.make_videos([(f"v{index}", num_frames) for index in range(5)], width=width)
    folders.write_folder(tmp_path, videos, time_axis=time_axis)
    if time_axis == "last":  # channel by channel in the file too
        for name, (features, _) in videos.items():
            np.save(tmp_path / "features" / f"{name}.npy", np.ascontiguousarray(features.T))
    one_video = num_frames * width * 4
    data = folders.settings(tmp_path, time_axis=time_axis, memory_gb=one_video / 2**30)
    source = open_sources(data).train
    assert not isinstance(source[0].features, StoredFrames) and isinstance(source[1].features, StoredFrames)
    tracemalloc.start()
    try:
        batch = assemble(FrameExamples(source, num_frames), [0, 1, 2], num_frames + 4, 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    features = batch.arrays["features"]
    assert peak - features.nbytes < one_video / 2
    for row in range(3):
        np.testing.assert_array_equal(features[row, :num_frames], videos[f"v{row}"][0])
