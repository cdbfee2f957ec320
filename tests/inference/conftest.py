"""The same networks are converted, read and predicted with in many tests."""

import pytest

from tests import shapes


@pytest.fixture(scope="package", autouse=True)
def traced_once():
    with shapes.traced_once():
        yield
