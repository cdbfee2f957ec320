"""Ids of the classes of annotation files: as the files say or, where they say none at all, by name."""

from data_pipelines.core.json_files import whole_of
from data_pipelines.core.names import why_no_class
from data_pipelines.core.text_files import QUOTE_LIMIT, quote
from data_pipelines.core.wording import count, verb

_MAX_CLASSES = 100_000
# Keys under which files have the name of a class whose `label` is a number.
_NAME_KEYS = ("class", "class_name", "label_name", "category", "name", "action")


class ClassNumbers:
    """Numbers the classes of several files together; every contradiction is a problem of the file that has it."""

    def __init__(self):
        # Id by name, None as long as none is stated; name by stated id; where either was first.
        self._ids, self._stated, self._files = {}, {}, {}

    def add(self, path, entries, problems):
        """Takes up the classes of a file, {video: entry}; what is wrong is added to its Problems."""
        numeric = []
        for video, entry in entries.items():
            items = entry.get("annotations")
            for item in items if isinstance(items, list) else ():
                if not isinstance(item, dict):
                    continue
                if isinstance(item.get("label"), str):
                    for found, expected in self._add_item(path, item):
                        problems.add(str(path), 0, f"video {video!r}: {found}", expected)
                elif "segment" in item:
                    numeric.append((video, item))
        if numeric:
            problems.add(str(path), 0, *_no_name(*numeric[0], len(numeric)))

    def ids(self):
        """Id by class name, of all files."""
        if not self._stated:
            return {name: number for number, name in enumerate(sorted(self._ids))}
        return {name: number for name, number in self._ids.items() if number is not None}

    def _add_item(self, path, item):
        """Yields (found, expected) for what contradicts the items before."""
        name, found = item["label"], item.get("label_id")
        number = whole_of(found)
        if name not in self._ids and (why := why_no_class(name)):
            yield f"{why}: {quote(name)}", "expected a name that can be shown"
        elif name not in self._ids and name != name.strip():
            yield f"the label {quote(name)} has white space around it", "expected the plain name of a class"
        if found is not None and (number is None or not 0 <= number < _MAX_CLASSES):
            yield f"label_id is {repr(found)[:QUOTE_LIMIT]}", "expected a whole number"
            return
        self._ids.setdefault(name, number)
        self._files.setdefault(name, path)
        if number is None:
            return
        if self._ids[name] not in (None, number):
            before = f"it had {self._ids[name]!r} before{self._elsewhere(name, path)}"
            yield f"class {name!r} has label_id {found!r}", before
        elif self._stated.setdefault(number, name) != name:
            before = self._stated[number]
            yield f"label_id {number} is of {name!r}", f"it was of {before!r} before{self._elsewhere(before, path)}"
        else:
            self._ids[name] = number

    def _elsewhere(self, name, path):
        first = self._files.get(name, path)
        return f", in {first}" if first != path else ""


def _no_name(video, item, number):
    """(found, expected) of annotations whose label is no name."""
    label = item.get("label")
    place, have = f"{count(number, 'annotation')}, such as one of video {video!r}, ", verb(number, "have")
    key = next((key for key in _NAME_KEYS if isinstance(item.get(key), str)), "")
    if "label" not in item and not key:
        return place + f"{have} no label", "expected 'label': the name of its class"
    found = f"{have} {repr(label)[:QUOTE_LIMIT]} for a label" if "label" in item else f"{have} no label"
    if key:
        name = quote(item[key])
        class_id = f", 'label_id': {label}" if whole_of(label) is not None else ""
        return f"{place}{found} and its name, {name}, under {key!r}", f"expected 'label': {name}{class_id}"
    return place + found, "expected the name of its class as 'label', and its number, if any, as 'label_id'"
