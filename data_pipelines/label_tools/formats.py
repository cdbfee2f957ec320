"""The table of tools: what reads their files, and how a file tells whose it is."""

import dataclasses
import json
from collections.abc import Callable

from data_pipelines.core.json_files import read_json
from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import read_lines, read_packed
from data_pipelines.label_tools import audacity, boris, boris_tables, cvat, elan, label_studio, plain_csv, via, webvtt


@dataclasses.dataclass(frozen=True)
class Tool:
    """A kind of file.

    Attributes:
      title: how users call it.
      read: function from a path and ReadRules to a Reading.
      suffix: of exported files.
      per_video: whether every video has a file of its own.
      has_points: whether it knows events without a length.
      has_tiers: whether a file may hold several tiers or subjects.
    """

    title: str
    read: Callable
    suffix: str
    per_video: bool
    has_points: bool
    has_tiers: bool


TOOLS = {
    "elan": Tool("ELAN (.eaf)", elan.read, ".eaf", True, False, True),
    "boris": Tool("BORIS project (.boris)", boris.read, ".boris", False, True, True),
    "boris_tabular": Tool("tabular events of BORIS (.csv, .tsv)", boris_tables.read, ".tsv", False, True, True),
    "boris_aggregated": Tool("aggregated events of BORIS (.csv, .tsv)", boris_tables.read, ".tsv", False, True, True),
    "via": Tool("VIA 3 (.json)", via.read, ".json", False, True, True),
    "label_studio": Tool("Label Studio (.json)", label_studio.read, ".json", False, False, True),
    "cvat": Tool("CVAT 1.1 (.xml)", cvat.read, ".xml", True, False, False),
    "audacity": Tool("Audacity label track (.txt)", audacity.read, ".txt", True, True, False),
    "webvtt": Tool("WebVTT (.vtt)", webvtt.read, ".vtt", True, False, True),
    "csv": Tool("plain CSV (.csv)", plain_csv.read, ".csv", False, True, True),
}
# What only some tools have, and the flags of import_labels that say which is meant.
FLAGS = {
    "--observation": ("boris", "boris_tabular", "boris_aggregated", "label_studio"),
    "--media": ("elan", "boris", "boris_tabular", "boris_aggregated", "via"),
    "--tool_fps": ("label_studio", "cvat"),
    "--modifiers": ("boris", "boris_tabular", "boris_aggregated"),
    "--unpaired": ("boris", "boris_tabular"),
}
SUFFIXES = (".eaf", ".eaf.gz", ".boris", ".boris.gz", ".json", ".json.gz", ".xml", ".txt", ".vtt", ".csv", ".tsv")
_BY_SUFFIX = ((".eaf", "elan"), (".boris", "boris"), (".vtt", "webvtt"), (".xml", "cvat"))


def tool_of(path):
    """The name of the tool in TOOLS that wrote a file, by its ending and content; "" where none did."""
    name = path.name.lower().removesuffix(".gz")
    if found := next((tool for suffix, tool in _BY_SUFFIX if name.endswith(suffix)), None):
        return found
    if name.endswith(".json"):
        return _tool_of_json(path)
    rows, _ = boris_tables.read_rows(path)
    if plain_csv.looks_like_one(rows):
        return "csv"
    if form := boris_tables.form_of(rows):
        return f"boris_{form}"
    if audacity.looks_like_one(read_lines(path)[0]):
        return "audacity"
    # A table of which a column is missing is told by its own reader.
    if rows and set(plain_csv.NEEDED) & {cell.lower() for cell in rows[0]}:
        return "csv"
    return ""


def why_of_none(path):
    """Problems of a file of which `tool_of` finds no tool: that it cannot be read, else that nobody's it is."""
    if path.name.lower().removesuffix(".gz").endswith(".json"):
        problems = read_json(path, "JSON")[1]
    else:
        lines, problems = ([], []) if path.name.lower().endswith(".gz") else read_lines(path)
        if not lines and not problems:
            problems = [Problem(str(path), 0, "the file is empty", "export it again")]
    return problems or [Problem(str(path), 0, "no file of a known tool", f"say of which: --from {', '.join(TOOLS)}")]


def flags_without_place(given, tools):
    """{flag: titles of the tools that it is for} of those of `given`, names of FLAGS, that none of `tools` takes."""
    return {flag: [TOOLS[tool].title for tool in FLAGS[flag]] for flag in given if not set(FLAGS[flag]) & set(tools)}


def _tool_of_json(path):
    try:
        content = json.loads(read_packed(path))
    except (OSError, ValueError, RecursionError):
        return ""
    for name, is_one in (("via", via.is_project), ("label_studio", label_studio.is_export)):
        if is_one(content):
            return name
    return "" if boris.why_no_project(content) else "boris"
