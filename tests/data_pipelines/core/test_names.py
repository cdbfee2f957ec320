"""Names from data: those that can be shown, stored and looked up below a folder, and those that cannot."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.core.names import alike_names, rare_slips, slip_of, why_no_class, why_no_video, with_slips
from tests.data_pipelines.dirty.names import ODD, UNSTORABLE

CONTROL = ["a\nb", "tab\there", "\x1b[31m", "zero\0", "a\x85", "a\u2028", "\ud800", "half \udc61"]


@pytest.mark.parametrize("name", ["day1/clip2", "a..b", "...", "P01.v2", *filter(None, ODD.values())])
def test_names_of_videos(name):
    assert why_no_video(name) == ""


@pytest.mark.parametrize("name", CONTROL + list(UNSTORABLE.values()))
def test_names_that_are_no_text(name):
    kind = "invisible" if name in (UNSTORABLE["right_to_left"], UNSTORABLE["zero_width"]) else "control"
    assert why_no_video(name).startswith(f"the {kind} character '\\")
    assert why_no_class(name).startswith(f"the {kind} character '\\")


@pytest.mark.parametrize(
    ("name", "code_point"),
    [
        ("\u202epalC", "U+202E (right-to-left override)"),
        ("Cl\u200bap", "U+200B (zero width space)"),
        ("Clap\u200d", "U+200D (zero width joiner)"),
        ("Cl\u200c\u200cap", "U+200C (zero width non-joiner)"),
        ("é\u200d\u200dé", "U+200D (zero width joiner)"),
        ("Cl\ufeffap", "U+FEFF (zero width no-break space)"),
        ("Cl\u2066ap", "U+2066 (left-to-right isolate)"),
        ("Cl\u00adap", "U+00AD (soft hyphen)"),
        ("\u3164", "U+3164 (hangul filler)"),
    ],
)
def test_characters_that_nobody_sees_are_named(name, code_point):
    assert why_no_class(name).endswith(f", {code_point} in a class name")
    assert why_no_video(name).endswith(f", {code_point} in a name")


@pytest.mark.parametrize("name", ["👩\u200d🍳", "می\u200cخواهم", "क्\u200dष", "👨\u200d👩\u200d👧"])
def test_joiners_that_a_script_needs(name):
    assert why_no_class(name) == why_no_video(name) == ""


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


def test_slips_of_the_pen():
    names = ["Clap", "take cup", "step 1", "Jump"]
    assert slip_of("Claps", names) == "Clap" and slip_of("take  cup", names) == "take cup"
    for name in ("step 2", "Slip", "pour", "Jumping"):
        assert slip_of(name, names) == ""
    assert with_slips(["Claps", "pour"], names) == ["Claps (did you mean 'Clap'?)", "pour"]


@given(st.lists(st.sampled_from(["take", "cup", "Tee", "größe", "2"]), min_size=1, max_size=4), st.data())
def test_names_are_alike_whatever_stands_between_their_words(words, data):
    def written():
        between = [data.draw(st.sampled_from([" ", "_", "-", "__", " - ", "."])) for _ in words[1:]] + [""]
        name = "".join(word + more for word, more in zip(words, between, strict=True))
        return unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), name)

    first, second = written(), written().upper().lower()
    assert alike_names([first, second, "other"]) == [[first, second]]


def test_names_that_are_not_alike():
    names = ["grade 1+", "grade 1-", "grade 1", "grade 12", "take cup", "take cups", "takecup", "कि", "की", "v1.2"]
    assert alike_names(names) == []


def test_neighbouring_letters_that_are_swapped_are_a_slip():
    assert slip_of("puor", ["stir", "pour"]) == "pour" and slip_of("Jupm", ["Jump"]) == "Jump"
    for name, other in (("on", "no"), ("step 12", "step 21"), ("pour", "four"), ("stop", "pots")):
        assert slip_of(name, [other]) == ""


def test_slips_are_of_names_that_one_video_has():
    assert rare_slips({"puor": 1, "pour": 3, "stir": 2, "stri": 2}) == {"puor": "pour"}
    assert rare_slips({"pour": 1, "puor": 1}) == {"pour": "puor"}  # told once
    assert rare_slips({"take cup": 1, "take cups": 1, "whisk": 1}) == {}
