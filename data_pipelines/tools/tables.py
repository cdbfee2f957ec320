"""Tables as CSV files."""

import csv
import io


def csv_text(rows):
    """The text of a table: dictionaries of the same keys, of which there is one at least."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
