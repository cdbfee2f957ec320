"""Counts and lists of names, as messages to the user have them."""

_PLURALS = {"class": "classes"}


def count(number, noun):
    """ "1 video", "2 videos"; `number` may be what is counted."""
    number = number if isinstance(number, int) else len(number)
    return f"{number} {noun if number == 1 else _PLURALS.get(noun, f'{noun}s')}"


def name_some(names, most=3):
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
