"""A chart of lines over steps, as its template draws them: positions in percent of the picture."""

import math
from collections.abc import Sequence

import numpy as np

from fact_jax.reporting.report.threshold_chart import look

MARGIN = 0.02  # share of the width and height on either side
_TICKS = 5


def line_chart(title: str, series: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> dict:
    """The values of a chart; `series` are (label, steps int [K], values float [K]); NaN is left out."""
    kept = []
    for label, steps, values in series:
        defined = np.isfinite(values)
        if defined.any():
            kept.append((label, np.asarray(steps)[defined], np.asarray(values)[defined]))
    if not kept:
        return {"title": title, "told": title, "lines": [], "x": [], "y": []}
    across, up = (np.concatenate([line[axis] for line in kept]) for axis in (1, 2))
    x_ticks, y_ticks = _ticks(0, int(across.max())), _ticks(float(up.min()), float(up.max()))

    def place(value, ticks, flip=False):
        share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return f"{100 * (MARGIN + (1 - 2 * MARGIN) * (1 - share if flip else share)):.2f}%"

    lines = []
    for number, (label, steps, values) in enumerate(kept):
        points = [
            (place(step, x_ticks), place(value, y_ticks, flip=True), f"{label}, step {step}: {value:.4g}")
            for step, value in zip(steps.tolist(), values.tolist(), strict=True)
        ]
        lines.append({"label": label, "points": points, "last": f"{values[-1]:.4g}"} | look(number, len(kept)))
    told = "; ".join(f"{line['label']}: {line['last']} at the end" for line in lines)
    return {
        "title": title,
        "told": f"{title}: {told}",
        "lines": lines,
        "x": [(place(tick, x_ticks), f"{tick:g}") for tick in x_ticks],
        "y": [(place(tick, y_ticks, flip=True), f"{tick:g}") for tick in y_ticks],
    }


def _ticks(low, high):
    """Round numbers around what is between two numbers."""
    width = max(high - low, 1e-9 * max(abs(low), abs(high), 1.0))
    step = 10.0 ** math.floor(math.log10(width / _TICKS))
    step *= next(factor for factor in (1, 2, 5, 10) if width / (factor * step) <= _TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]
