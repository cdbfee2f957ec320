"""Names of videos and classes that come from data: which ones can be shown, stored and looked up as a file."""

import re
import unicodedata

# Control characters, halves of characters beyond 0xffff (which UTF-8 does not have), and separators of lines and
# paragraphs: a name with them cannot be written as a line of text.
_UNSTORABLE = ("Cc", "Cs", "Zl", "Zp")
# Names that mean that nothing happens, in lower case.
_BACKGROUND_NAMES = frozenset(
    (
        "background", "bg", "sil", "silence", "null", "none", "idle", "nothing", "no action",
        "no_action", "no-action", "noaction",
    )
)  # fmt: skip
_SEPARATORS = re.compile(r"[/\\]")
# Characters of a class name; tables are as wide as the longest.
_MAX_CLASS_NAME = 200


def unstorable_in(name):
    """Returns "" if a name can be shown and stored as text, else the first character that cannot, escaped."""
    return next((ascii(character) for character in name if unicodedata.category(character) in _UNSTORABLE), "")


def why_no_video(name):
    """Returns "" if `name` can be that of a video, else what is wrong with it, in words.

    It is part of paths below a dataset's folder. It may have folders itself ("day1/clip2"), but leads nowhere else.
    """
    if not name.strip():
        return "no name"
    if character := unstorable_in(name):
        return f"the control character {character} in a name"
    parts = _SEPARATORS.split(name)
    if not parts[0]:
        return "an absolute path"
    wrong = next((part for part in parts if part.strip() in ("", ".", "..")), None)
    return "" if wrong is None else f"a path with the part {wrong!r}"


def why_no_class(name):
    """Returns "" if `name` can be that of a class, else what is wrong with it, in words."""
    if not name.strip():
        return "no name"
    if character := unstorable_in(name):
        return f"the control character {character} in a class name"
    if len(name) > _MAX_CLASS_NAME:
        return f"class name of {len(name)} characters, expected at most {_MAX_CLASS_NAME}"
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'`":
        return "a class name in quotation marks"
    return ""


def means_background(name):
    """Whether the name of a class, or both names of a pair of verb and noun, mean that nothing happens."""
    return all(part.strip() in _BACKGROUND_NAMES for part in name.lower().split(","))
