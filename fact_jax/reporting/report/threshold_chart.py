"""A line chart of mAP against temporal overlap, a line per system, as SVG in HTML.

Places are percentages of the picture and its text has a size of its own, so it fits a phone as well as a wide window.
"""

import html
import math

# Lines of different look, see page_detections.css; further ones repeat with other dashes.
NUM_COLORS, DASHES = 6, ("none", "7 4", "2 3")
# Share of the width on either side of the outermost tIoU.
MARGIN = 0.05


def chart(thresholds, labels, series):
    """The chart with its legend.

    Args:
      thresholds: tIoU, ascending.
      labels: name of every line.
      series: per line a Spread at every tIoU, and last the one of their mean.

    Returns:
      str, HTML.
    """
    low, high, step = _range([found for line in series for found in line[:-1]])
    places = [_percent(MARGIN + (1 - 2 * MARGIN) * share) for share in _shares(thresholds)]

    def height(value):
        return _percent(1 - (min(max(value, low), high) - low) / (high - low))

    grid = "".join(
        f'<line class="grid" x1="0" x2="100%" y1="{height(tick)}" y2="{height(tick)}"/>'
        f'<text class="y" x="0" y="{height(tick)}" dx="-9" dy=".35em">{tick}</text>'
        for tick in range(low, high + 1, step)
    )
    ticks = "".join(
        f'<text class="x" x="{place}" y="100%" dy="1.6em">{level:g}</text>'
        for place, level in zip(places, thresholds, strict=True)
    )
    lines = "".join(
        _line(number, label, line, thresholds, places, height)
        for number, (label, line) in enumerate(zip(labels, series, strict=True))
    )
    told = "; ".join(
        f"{label}: "
        + ", ".join(f"{_text(found.mean)} at {level:g}" for level, found in zip(thresholds, line, strict=True))
        for label, line in zip(labels, series, strict=True)
    )
    return (
        f'<figure class="chart"><figcaption>mAP in percent, tIoU from left to right</figcaption>'
        f'<svg role="img" aria-label="{html.escape(told)}">{grid}{ticks}{lines}</svg>'
        f'<ul class="legend">{"".join(_legend(*entry) for entry in enumerate(zip(labels, series, strict=True)))}</ul>'
        f"</figure>"
    )


def _line(number, label, line, thresholds, places, height):
    """A line through the means, a bar of one standard deviation either way, and a point with its numbers."""
    points = [
        (place, found, level)
        for place, found, level in zip(places, line[:-1], thresholds, strict=True)
        if not math.isnan(found.mean)
    ]
    parts = [
        f'<line class="path" x1="{x}" y1="{height(a.mean)}" x2="{next_x}" y2="{height(b.mean)}"/>'
        for (x, a, _), (next_x, b, _) in zip(points, points[1:], strict=False)
    ]
    for place, found, level in points:
        text = f"{label}, tIoU {level:g}: {_text(found.mean)}"
        if not math.isnan(found.std):
            text += f" ± {found.std:.2f}"
            ends = height(found.mean - found.std), height(found.mean + found.std)
            parts.append(f'<line class="bar" x1="{place}" x2="{place}" y1="{ends[0]}" y2="{ends[1]}"/>')
        parts.append(
            f'<circle cx="{place}" cy="{height(found.mean)}" r="4.5"><title>{html.escape(text)}</title></circle>'
        )
    return f"<g {_look(number)}>{''.join(parts)}</g>"


def _legend(number, entry):
    label, line = entry
    return (
        f'<li><svg class="key" aria-hidden="true"><g {_look(number)}><line class="path" x1="0" x2="100%" y1="50%" '
        f'y2="50%"/><circle cx="50%" cy="50%" r="4.5"/></g></svg><span>{html.escape(label)} '
        f'<span class="spread">average {_text(line[-1].mean)}</span></span></li>'
    )


def _look(number):
    dashes = DASHES[number // NUM_COLORS % len(DASHES)]
    return f'class="line c{number % NUM_COLORS}" stroke-dasharray="{dashes}"'


def _range(spreads):
    """(lowest, highest, step) of the axis: tens of percent around all that is drawn."""
    ends = [end for found in spreads for end in _ends(found)] or [0.0, 100.0]
    low = max(0, 10 * math.floor((min(ends) - 1) / 10))
    high = min(100, max(low + 10, 10 * math.ceil((max(ends) + 1) / 10)))
    return low, high, 20 if high - low > 60 else 10 if high - low > 20 else 5


def _ends(found):
    """The ends of the bar of a Spread; none where it is undefined."""
    if math.isnan(found.mean):
        return []
    reach = 0.0 if math.isnan(found.std) else found.std
    return [max(found.mean - reach, 0.0), min(found.mean + reach, 100.0)]


def _shares(thresholds):
    """Places between the first and the last tIoU, in [0, 1]."""
    width = thresholds[-1] - thresholds[0]
    return [(level - thresholds[0]) / width if width else 0.5 for level in thresholds]


def _percent(share):
    return f"{100 * share:.2f}%"


def _text(value):
    return "–" if math.isnan(value) else f"{value:.2f}"
