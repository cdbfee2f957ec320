"""Small .npy files of other people, such as labels: read as a whole, and held to be nothing but an array of numbers."""

import math

import numpy as np

from data_pipelines.core.feature_files import FeatureFileError, parse_header
from fact_jax.files import open_data


def read_numbers(path) -> np.ndarray:
    """The array of a .npy file, of any shape, in the file's own type of whole or real numbers.

    `numpy.load` would also open a zip archive, a device or a pipe, and allocate whatever a header claims.

    Raises:
      FeatureFileError: the file is missing, no such array, or shorter than it says.
    """
    try:
        with open_data(path) as file:
            header = parse_header(file)
            if header.dtype.kind not in "biuf":
                raise FeatureFileError(f"values of type {str(header.dtype)[:60]}; expected numbers")
            content = file.read()
    except OSError as error:
        raise FeatureFileError(f"file cannot be read ({error.strerror})") from error
    needed = math.prod(header.shape) * header.dtype.itemsize
    if min(header.shape, default=0) < 0 or len(content) < needed:
        raise FeatureFileError(f"truncated: {len(content)} of {needed} bytes for shape {str(header.shape)[:60]}")
    order = "F" if header.fortran_order else "C"
    return np.frombuffer(content[:needed], header.dtype).reshape(header.shape, order=order)
