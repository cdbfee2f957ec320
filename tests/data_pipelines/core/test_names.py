"""Names from data: those that can be shown, stored and looked up below a folder, and those that cannot."""

import pytest

from data_pipelines.core.names import why_no_class, why_no_video
from tests.data_pipelines.dirty.names import ODD, UNSTORABLE

CONTROL = ["a\nb", "tab\there", "\x1b[31m", "zero\0", "a\x85", "a\u2028", "\ud800", "half \udc61"]


@pytest.mark.parametrize("name", ["day1/clip2", "a..b", "...", "P01.v2", *filter(None, ODD.values())])
def test_names_of_videos(name):
    assert why_no_video(name) == ""


@pytest.mark.parametrize("name", CONTROL + list(UNSTORABLE.values()))
def test_names_that_are_no_text(name):
    assert why_no_video(name).startswith("the control character '\\")
    assert why_no_class(name).startswith("the control character '\\")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "no name"),
        (" ", "no name"),
        ("/etc/passwd", "an absolute path"),
        ("../outside/x", "a path with the part '..'"),
        ("a/../../x", "a path with the part '..'"),
        ("a\\..\\x", "a path with the part '..'"),
        ("..", "a path with the part '..'"),
        (".", "a path with the part '.'"),
        ("a//x", "a path with the part ''"),
        ("a/", "a path with the part ''"),
    ],
)
def test_names_that_lead_elsewhere(name, why):
    assert why_no_video(name) == why


def test_names_of_classes():
    for name in ("take cup", "a/b", "..", "it's", '"', "café", "cut, peeled"):
        assert why_no_class(name) == ""
    assert why_no_class('"reach"') == why_no_class("'reach'") == "a class name in quotation marks"
    assert why_no_class("x" * 201) == "class name of 201 characters, expected at most 200"
