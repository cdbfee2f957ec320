"""The HTML of a report comes from the templates in `assets`."""

import pathlib

from fact_jax.reporting.report import markdown
from fact_jax.reporting.templates import Assets

ASSETS = Assets(
    pathlib.Path(__file__).with_name("assets"), {"score": markdown.score_text, "interval": markdown.interval_text}
)
render = ASSETS.render
