"""review.html: a page that shows videos beside their timelines, in step, and on which labels are corrected."""

import pathlib

from fact_jax import files
from fact_jax.reporting.review.data import page_data
from fact_jax.reporting.templates import Assets, embedded_json

FILE = "review.html"
STYLES = ("review.css", "timeline.css", "lists.css")
# In this order: later ones use what earlier ones define.
SCRIPTS = (
    "basics.js", "colours.js", "frames.js", "edits.js", "works.js", "csv.js", "keeping.js", "earlier.js", "player.js",
    "view.js", "lanes.js", "drawing.js", "pointer.js", "choosing.js", "segment_list.js", "video_list.js", "panel.js",
    "keys.js", "start.js",
)  # fmt: skip
_ASSETS = Assets(pathlib.Path(__file__).with_name("assets"))


def write_page(review, media, folder) -> pathlib.Path:
    """Writes the page of a Review and {video: Media} into `folder`, returns its path; WriteError if it cannot be."""
    folder = pathlib.Path(folder)
    return files.atomic_write_text(folder / FILE, page_text(review, media, folder))


def page_text(review, media, folder) -> str:
    """Text of the page that is to lie in `folder`: style, script and data stand in it, the videos lie outside."""
    data = page_data(review, media, folder)
    shown = {
        "title": review.title,
        "overlapping": any(not v.rows for v in review.videos),
        "has_truth": any(v.truth for v in review.videos),
    }
    text = _ASSETS.render(
        "review.html", style=_ASSETS.joined(STYLES), data=embedded_json(data), script=_ASSETS.script(SCRIPTS), **shown
    )
    return str(text)
