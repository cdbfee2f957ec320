"""Names of videos in lists and tables of other people: what stands beside a name that would be known without it."""

import re

from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count

_QUOTES = "\"'`"
# What may lie between several names on one line, and what it is called.
_SEPARATORS = {",": "commas", ";": "semicolons", "|": "bars", "\t": "tabs", " ": "spaces"}


def other_form(text, known):
    """(found, expected) where `text` is no name of `known` and has one, or several, in another form; None otherwise."""
    if text in known:
        return None
    for separator, called in _SEPARATORS.items():
        cells = [cell.strip() for cell in text.split(separator) if cell.strip()]
        if len(cells) < 2:
            continue
        names = [_bare(cell, known) for cell in cells]
        if all(names):
            return f"{count(cells, 'video')} on one line, {called} between them: {quote(text)}", "expected one per line"
        # "v1 cut" may be a video without files; "v1.avi 12" is none.
        if names[0] and not _bare(text, known) and (separator != " " or cells[0] != names[0]):
            found = f"more than the name of a video on a line, {called} between: {quote(text)}"
            return found, f"expected {quote(names[0])} alone"
    name = _bare(text, known)
    if not name:
        return None
    inner = text.strip(_QUOTES)
    what = "folders before" if re.search(r"[/\\]", inner) else f"the ending {inner.removeprefix(name)!r} of"
    if inner == name:
        what = "quotation marks around"
    return f"{what} the name of a video: {quote(text)}", f"expected {quote(name)}"


def _bare(text, known):
    """The name of `known` that is left without quotation marks, folders and the ending of a file; "" where none is."""
    inner = text.strip(_QUOTES)
    last = re.split(r"[/\\]", inner)[-1]
    return next((name for name in (text, inner, last, re.sub(r"\.\w+$", "", last)) if name in known), "")
