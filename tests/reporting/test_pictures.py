import warnings

import pytest

from fact_jax import files
from fact_jax.reporting import pictures


def test_short_text_stays_and_long_text_loses_its_middle():
    assert pictures.shorten("pour milk", 9) == "pour milk"
    assert pictures.shorten("abcdefghij", 6) == "abc…ij"
    assert pictures.shorten("two\nlines", 24) == "two lines"
    assert len(pictures.shorten("x" * 500, 24)) == 24


def test_shortened_names_stay_apart():
    names = [f"take_the_large_{middle * 20}_from_the_shelf" for middle in "abc"] + ["pour"]
    shortened = pictures.shorten_names(names, 24)
    assert len(set(shortened)) == 4 and max(map(len, shortened)) <= 24
    assert shortened[0].endswith(" #0") and shortened[3] == "pour"


@pytest.mark.parametrize("text", ["word " * 60, "W" * 300, "切水果" * 80, "i" * 5, "Acc 1.0   Edit 2.0", ""])
def test_text_is_broken_into_lines_that_fit(text):
    figure = pictures.new_figure(5.0, 2.0)
    lines = pictures.fit_text(figure, text, 4.0, 13, "bold").split("\n")
    assert len(lines) <= 2
    assert all(pictures.text_width(figure, line, 13, "bold") <= 4.0 for line in lines)
    assert len(text) > 20 or lines == [text]
    # Little room is wasted.
    assert len(text) <= 20 or pictures.text_width(figure, lines[0], 13, "bold") > 2.5


def test_a_letter_without_a_font_is_saved_without_a_word_and_other_warnings_are_heard(tmp_path):
    figure = pictures.new_figure(3.0, 2.0)
    figure.text(0.1, 0.5, "切 \U0010fffd")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files.save_figure(tmp_path / "a.png", figure)
    figure.text(0.0, 0.5, "x" * 400)
    figure.add_subplot().set_title("x\n" * 60)
    with pytest.warns(UserWarning, match="constrained_layout"):
        files.save_figure(tmp_path / "b.png", figure)


def test_only_installed_fonts_are_asked_for(monkeypatch):
    import matplotlib

    before = list(matplotlib.rcParams["font.family"])
    monkeypatch.setattr(pictures, "FALLBACK_FONTS", ("no such font", "STIXGeneral"))
    with pictures.fallback_fonts():
        assert matplotlib.rcParams["font.family"] == [*before, "STIXGeneral"]
    assert matplotlib.rcParams["font.family"] == before
