"""HTML pages that stand in one file: templates, which escape what is put into them, style, scripts and data."""

import json
import os
import pathlib
from collections.abc import Callable, Mapping

import jinja2
from markupsafe import Markup


class Assets:
    """The templates, styles and scripts of one page, in a folder."""

    def __init__(self, folder: pathlib.Path, filters: Mapping[str, Callable] | None = None):
        """`filters` are those that its templates use, by name."""
        self._folder = folder
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters |= filters or {}

    def render(self, name: str, **values) -> Markup:
        """A template as HTML, with these values put in."""
        return Markup(self._environment.get_template(name).render(values))  # noqa: S704 - escaped by the template

    def joined(self, names) -> Markup:
        """Text of these files, one behind the other, which goes into the page as it is."""
        texts = ((self._folder / name).read_text(encoding="utf-8") for name in names)
        return Markup("".join(texts))  # noqa: S704 - our own files

    def script(self, names) -> Markup:
        """These scripts, one behind the other, in a function of their own."""
        return Markup('"use strict";\n(() => {\n%s})();') % self.joined(names)


def address(path, folder) -> str:
    """The address of a file in a page that lies in `folder`; characters with a meaning in addresses are quoted."""
    from_root = pathlib.PurePosixPath("/", os.path.relpath(path, folder))
    return from_root.as_uri().removeprefix("file:///")


def embedded_json(value) -> Markup:
    """JSON that may stand inside a script element: ASCII, without any "<" that could end it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704
