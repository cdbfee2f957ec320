"""Names of videos in another form: endings, folders, quotation marks, several on one line."""

import pytest

from data_pipelines.core.video_names import other_form

KNOWN = {"v0", "v1", "P01.a", "take,cup", "two words"}


@pytest.mark.parametrize(
    "text", ["v0", "P01.a", "take,cup", "two words", "v2", "v2.mp4", "v2,v3", "", ",", "a b", "v0 cut"]
)
def test_known_names_and_unknown_ones(text):
    assert other_form(text, KNOWN) is None


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("v0.mp4", "the ending '.mp4' of the name of a video: 'v0.mp4'", "expected 'v0'"),
        ("P01.a.npy", "the ending '.npy' of the name of a video: 'P01.a.npy'", "expected 'P01.a'"),
        ("videos/v0.mp4", "folders before the name of a video: 'videos/v0.mp4'", "expected 'v0'"),
        ("D:\\data\\v1", "folders before the name of a video: 'D:\\\\data\\\\v1'", "expected 'v1'"),
        ('"v0"', "quotation marks around the name of a video: '\"v0\"'", "expected 'v0'"),
        ("v0,v1", "2 videos on one line, commas between them: 'v0,v1'", "expected one per line"),
        ("v0.mp4; v1.mp4", "2 videos on one line, semicolons between them: 'v0.mp4; v1.mp4'", "expected one per line"),
        ("v0 v1 P01.a", "3 videos on one line, spaces between them: 'v0 v1 P01.a'", "expected one per line"),
        ("v0,train", "more than the name of a video on a line, commas between: 'v0,train'", "expected 'v0' alone"),
        ("v1.avi 12", "more than the name of a video on a line, spaces between: 'v1.avi 12'", "expected 'v1' alone"),
    ],
)
def test_known_names_in_another_form(text, found, expected):
    assert other_form(text, KNOWN) == (found, expected)
