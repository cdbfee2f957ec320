"""A line chart of mAP against temporal overlap, a line per system: what its template draws.

Positions are percentages of the picture and its text has a size of its own, so it fits any window.
"""

import math

from fact_jax.reporting.report.markdown import plus_minus, score_text

# Colours of lines, see page_detections.css; further lines repeat them.
NUM_COLORS = 6
# Pixels: widths of the first and the last line, what a dash and its gap take, and radii of the last points.
WIDEST, NARROWEST, PERIOD, RADIUS = 3.6, 1.8, 20.0, 3.5
# Share of the width on either side of the outermost tIoU.
MARGIN = 0.05


def chart(thresholds, labels, series):
    """The values of overlap.html; `series` has per label a Spread at every tIoU, and last that of their mean."""
    low, high, step = _range([found for line in series for found in line[:-1]])
    width = thresholds[-1] - thresholds[0]
    ticks = []
    for level in thresholds:
        share = (level - thresholds[0]) / width if width else 0.5
        ticks.append((_percent(MARGIN + (1 - 2 * MARGIN) * share), level))

    def height(value):
        return _percent(1 - (min(max(value, low), high) - low) / (high - low))

    told = "; ".join(
        f"{label}: "
        + ", ".join(f"{score_text(found.mean)} at {level:g}" for level, found in zip(thresholds, line, strict=False))
        for label, line in zip(labels, series, strict=True)
    )
    lines = [
        _line(label, line, ticks, height) | look(place, len(labels))
        for place, (label, line) in enumerate(zip(labels, series, strict=True))
    ]
    grid = [(tick, height(tick)) for tick in range(low, high + 1, step)]
    return {"told": told, "grid": grid, "ticks": ticks, "lines": lines}


def look(place, count):
    """Colour (its number), width, dashes and radius of line number `place` of `count`, drawn one after the other.

    Where lines lie on one another each one shows in the gaps of the later ones, and its points around theirs.
    """
    rank = place / max(count - 1, 1)
    drawn = PERIOD * (1 - 0.6 * rank)
    return {
        "color": place % NUM_COLORS,
        "width": f"{WIDEST + rank * (NARROWEST - WIDEST):.1f}",
        "dashes": f"{drawn:.1f} {PERIOD - drawn:.1f}" if place else "none",
        "radius": f"{RADIUS + min(2.5, 10 / count) * (count - 1 - place):.1f}",
    }


def _line(label, line, ticks, height):
    """A line through the means, a bar of one standard deviation either way, and a point with its numbers."""
    points = []
    for (x, level), found in zip(ticks, line[:-1], strict=True):
        if not math.isnan(found.mean):
            ends = () if math.isnan(found.std) else (height(found.mean - found.std), height(found.mean + found.std))
            text = f"{label}, tIoU {level:g}: {plus_minus(found)}"
            points.append({"x": x, "y": height(found.mean), "ends": ends, "text": text})
    paths = [(a["x"], a["y"], b["x"], b["y"]) for a, b in zip(points, points[1:], strict=False)]
    return {"label": label, "average": line[-1].mean, "points": points, "paths": paths}


def _range(spreads):
    """(lowest, highest, step) of the axis: tens of percent around all that is drawn."""
    ends = [0.0, 100.0]
    if defined := [found for found in spreads if not math.isnan(found.mean)]:
        reach = [(found.mean, 0.0 if math.isnan(found.std) else found.std) for found in defined]
        ends = [max(min(mean - std for mean, std in reach), 0.0), min(max(mean + std for mean, std in reach), 100.0)]
    low = max(0, 10 * math.floor((ends[0] - 1) / 10))
    high = min(100, max(low + 10, 10 * math.ceil((ends[1] + 1) / 10)))
    return low, high, 20 if high - low > 60 else 10 if high - low > 20 else 5


def _percent(share):
    return f"{100 * share:.2f}%"
