"""Videos whose features are those of another."""

from data_pipelines.core.copies import copies_note

LISTS = {"train": ("a", "b"), "test": ("c", "d"), "validation": ("d",)}


def test_copies_are_told_and_whether_they_are_trained_with_and_evaluated():
    assert copies_note({"a": "1", "b": "2", "c": "3"}, LISTS) == ()
    assert copies_note({"a": "1", "b": "1"}, LISTS) == ("1 video with the features of another: b (as a)",)
    assert copies_note({"c": "1", "d": "1"}, LISTS) == ("1 video with the features of another: d (as c)",)
    across = "; one of the two is trained with and the other evaluated"
    assert copies_note({"c": "1", "a": "1"}, LISTS) == (f"1 video with the features of another: a (as c){across}",)
    (line,) = copies_note({"a": "1", "b": "1", "d": "1"}, LISTS)
    assert line == f"2 videos with the features of another: b (as a), d (as a){across}, of d (as a)"
