"""What stands in the files of a report, for tests that look at their text only."""

import csv
import html.parser


def read(folder, name):
    """Rows of a table, as dicts."""
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Elements(html.parser.HTMLParser):
    """Collects tags with their attributes, the text inside every script, and the texts that a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.texts, self._inside = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data
        elif self.tags and self.tags[-1][0] != "style":
            self.texts.append(data)
