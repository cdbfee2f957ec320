"""A browser for the tests that look at pages."""

import pytest

from tests.reporting import browser


@pytest.fixture(scope="module")
def desktop():
    """A page in a browser, as wide as a desktop."""
    with browser.Page(*browser.DESKTOP) as page:
        yield page


@pytest.fixture(autouse=True)
def no_problems(request):
    """Whatever a test does on `desktop`, the page logs no error and asks for nothing but itself."""
    yield
    if "desktop" in request.fixturenames:
        page = request.getfixturevalue("desktop")
        assert page.problems == [] and len(page.requests) == 1
