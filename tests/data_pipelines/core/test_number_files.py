"""Arrays of numbers that somebody else wrote: read as they are, and nothing else is taken for one."""

import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.number_files import read_numbers

TYPES = st.sampled_from(["|b1", "<i8", ">i4", "|u1", "<f4", "<f8"])


@settings(max_examples=30)
@given(arrays.arrays(TYPES, arrays.array_shapes(max_dims=3, min_side=0)), st.booleans())
def test_an_array_is_read_as_it_is(tmp_path_factory, array, is_fortran):
    path = tmp_path_factory.mktemp("numbers") / "a.npy"
    np.save(path, np.asfortranarray(array) if is_fortran else array)
    found = read_numbers(path)
    assert found.dtype == array.dtype and found.shape == array.shape
    np.testing.assert_array_equal(found, array)


def _claim(path, shape):
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": shape})


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"")


@pytest.mark.parametrize(
    "write, found",
    [
        (lambda path: None, "file is missing|No such file"),
        (lambda path: path.write_bytes(b"text"), "not a .npy file; expected an array written by numpy.save"),
        (_zip, "not a .npy file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 a damaged archive"), "not a .npy file"),
        (lambda path: os.mkfifo(path), "is no regular file|not a regular file|regular"),
        (lambda path: _claim(path, (10**12,)), r"truncated: 0 of 8000000000000 bytes for shape \(1000000000000,\)"),
        (lambda path: _claim(path, (3, -1)), "truncated"),
        (lambda path: np.save(path, np.array(["a"])), "values of type <U1; expected numbers"),
        (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "values of type object; expected numbers"),
    ],
)
def test_all_else_is_refused(tmp_path, write, found):
    write(tmp_path / "a.npy")
    with pytest.raises(FeatureFileError, match=found):
        read_numbers(tmp_path / "a.npy")
