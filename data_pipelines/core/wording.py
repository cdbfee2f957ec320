"""Counts and lists of names, as messages to the user have them."""

_PLURALS = {"class": "classes"}
# Verbs of one thing that are not those of several with an "s".
_SINGULARS = {"are": "is", "have": "has", "were": "was", "do": "does"}


def count(number, noun):
    """ "1 video", "2 videos"; `number` may be what is counted."""
    number = _number(number)
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun):
    """ "videos" of "video"."""
    return _PLURALS.get(noun, f"{noun}s")


def verb(number, several):
    """The verb that goes with a number, from that of several: "is" for 1 and "are"; `number` may be what is counted."""
    return _SINGULARS.get(several, f"{several}s") if _number(number) == 1 else several


def name_some(names, most=3):
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _number(counted):
    """The number that was given, or of the things that were."""
    return len(counted) if hasattr(counted, "__len__") else int(counted)
