"""Names of videos and classes that come from data: which ones can be shown, stored and looked up as a file."""

import collections
import difflib
import re
import unicodedata

from data_pipelines.core.text_files import quote

# Control characters, halves of characters beyond 0xffff (which UTF-8 does not have), and separators of lines and
# paragraphs: a name with them cannot be written as a line of text.
_UNSTORABLE = ("Cc", "Cs", "Zl", "Zp")
# Characters that nobody sees, and that turn the text around them or make two names look the same. The joiners are none
# of them between two characters beyond ASCII, where emoji and some scripts need them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0001]|(?<![\u0080-\u200b\u200e-\U0010ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0080-\U0010ffff])"
)
# Names that mean that nothing happens, in lower case.
_BACKGROUND_NAMES = frozenset(
    (
        "background", "bg", "sil", "silence", "null", "none", "idle", "nothing", "no action",
        "no_action", "no-action", "noaction",
    )
)  # fmt: skip
# What is said of `alike_names`.
DIFFER_ALIKE = "differ in capitals, spaces, hyphens or Unicode form only"
# How alike two names are of which one is a slip of the pen; names that differ in numbers alone are none.
_SLIP = 0.85
# Shorter names are swapped by chance.
_LEAST_SWAPPED = 4
_DIGITS = re.compile(r"\d+")
# What stands between the words of a name.
_BETWEEN = re.compile(r"(?<=[^\W_])[\s_.,/'\u2019\u2010-\u2015-]+(?=[^\W_])")
_SEPARATORS = re.compile(r"[/\\]")
# Characters of a class name; tables are as wide as the longest.
_MAX_CLASS_NAME = 200


def unstorable_in(name):
    """Returns "" if a name can be shown and stored as text, else what its first character is that cannot, in words."""
    control = next((character for character in name if unicodedata.category(character) in _UNSTORABLE), "")
    if control:
        return f"the control character {ascii(control)}"
    if found := _INVISIBLE.search(name):
        character = found[0][0]
        called = unicodedata.name(character, "").lower()
        return f"the invisible character {ascii(character)}, U+{ord(character):04X}" + f" ({called})" * bool(called)
    return ""


def why_no_video(name):
    """Returns "" if `name` can be that of a video, else what is wrong with it, in words.

    It is part of paths below a dataset's folder. It may have folders itself ("day1/clip2"), but leads nowhere else.
    """
    if not name.strip():
        return "no name"
    if unstorable := unstorable_in(name):
        return f"{unstorable} in a name"
    parts = _SEPARATORS.split(name)
    if not parts[0]:
        return "an absolute path"
    wrong = next((part for part in parts if part.strip() in ("", ".", "..")), None)
    return "" if wrong is None else f"a path with the part {wrong!r}"


def why_no_class(name):
    """Returns "" if `name` can be that of a class, else what is wrong with it, in words."""
    if not name.strip():
        return "no name"
    if unstorable := unstorable_in(name):
        return f"{unstorable} in a class name"
    if len(name) > _MAX_CLASS_NAME:
        return f"class name of {len(name)} characters, expected at most {_MAX_CLASS_NAME}"
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'`":
        return "a class name in quotation marks"
    return ""


def means_background(name):
    """Whether the name of a class, or both names of a pair of verb and noun, mean that nothing happens."""
    return all(part.strip() in _BACKGROUND_NAMES for part in name.lower().split(","))


def slip_of(name, others):
    """The one of `others` that is written nearly as `name`, or "": "Clap" for "Claps", "pour" for "puor"."""
    others = [other for other in others if _DIGITS.sub("", other) != _DIGITS.sub("", name)]
    swapped = (other for other in others if is_swapped(name, other))
    return next(iter(difflib.get_close_matches(name, others, n=1, cutoff=_SLIP)), "") or next(swapped, "")


def is_swapped(name, other):
    """Whether two names, of four characters at least, are the same but for two neighbouring ones that are swapped."""
    places = [place for place, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]]
    if len(name) != len(other) or len(name) < _LEAST_SWAPPED or len(places) != 2 or places[1] != places[0] + 1:
        return False
    return name[places[0]] == other[places[1]] and name[places[1]] == other[places[0]]


def rare_slips(videos):
    """{name: the one that may be meant} of names that one video alone has; `videos` is their number by name.

    The other one is in several videos or, where two neighbouring characters are swapped, in one as well.
    """
    usual, found = [name for name, number in videos.items() if number > 1], {}
    for name in (name for name, number in videos.items() if number == 1):
        rare = [other for other, number in videos.items() if number == 1 and is_swapped(name, other)]
        rare = [other for other in rare if found.get(other) != name]
        if guess := slip_of(name, usual) or next(iter(rare), ""):
            found[name] = guess
    return found


def with_slips(names, others):
    """The names, each with the one of `others` that may be meant, if any."""
    return [f"{name} (did you mean {guess!r}?)" if (guess := slip_of(name, others)) else name for name in names]


def alike_names(names):
    """Lists of two or more names that differ in nothing but capitals, what stands between words, and Unicode form."""
    groups = collections.defaultdict(list)
    for name in names:
        groups[_BETWEEN.sub(" ", unicodedata.normalize("NFC", name).casefold().strip())].append(name)
    return [group for group in groups.values() if len(group) > 1]


def alike_lines(path, what, line_of):
    """Lines about `alike_names` of one file; `line_of` are numbers of lines by name, `what` says what has the names."""
    return [
        f"{path}, lines {', '.join(str(line_of[name]) for name in names)}: the {what} {', '.join(map(quote, names))} "
        f"{DIFFER_ALIKE}; they are taken for different ones"
        for names in alike_names(line_of)
    ]
