"""Counts in words."""

import pytest

from data_pipelines.core.wording import count, name_some, verb


@pytest.mark.parametrize(
    ("number", "expected"), [(1, "1 class is"), (["a"], "1 class is"), (0, "0 classes are"), ((1, 2), "2 classes are")]
)
def test_nouns_and_verbs_go_with_their_number(number, expected):
    assert f"{count(number, 'class')} {verb(number, 'are')}" == expected


def test_verbs_of_one_thing():
    assert [verb(1, several) for several in ("have", "were", "repeat")] == ["has", "was", "repeats"]
    assert name_some(iter("abcde")) == "a, b, c and 2 more"
