"""The HTML of a report comes from the templates in `assets`, which escape what is put into them."""

import pathlib

import jinja2
from markupsafe import Markup

from fact_jax.reporting.report import markdown

ASSETS = pathlib.Path(__file__).with_name("assets")
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ASSETS),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {"score": markdown.score_text, "interval": markdown.interval_text}


def render(name, **values):
    """A template as HTML, with these values put in."""
    return Markup(_ENVIRONMENT.get_template(name).render(values))  # noqa: S704 - escaped by the template


def asset(name):
    """Text of a file that goes into the page as it is."""
    return Markup((ASSETS / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file
