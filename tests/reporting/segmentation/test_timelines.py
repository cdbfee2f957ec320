import itertools
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from fact_jax import files
from fact_jax.reporting import colors
from fact_jax.reporting.segmentation import timelines

NAMES = [f"action_{index}" for index in range(48)]


def labels(runs):
    return np.repeat([label for label, _ in runs], [length for _, length in runs])


ROWS = {
    "ground truth": labels([(0, 30), (3, 40), (5, 30)]),
    "frame branch": labels([(0, 10), (3, 90)]),
    "action branch": labels([(3, 50), (7, 50)]),
    "final prediction": labels([(0, 29), (3, 42), (5, 29)]),
}


def legend_entries(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def strip(axes, position):
    """Segments of a strip as (class, start, end), read back from what was drawn."""
    found = []
    for bars in axes.collections:
        gid = bars.get_gid() or ""
        if gid.startswith(f"strip {position} "):
            for path in bars.get_paths():
                box = path.get_extents()
                found.append((int(gid.split()[-1]), float(box.x0), float(box.x1)))
    return sorted(found, key=lambda segment: segment[1])


def test_every_labelling_is_a_strip_with_its_segments():
    figure = timelines.plot_timeline(ROWS, NAMES)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(ROWS)
    assert strip(axes, 0) == [(0, 0, 30), (3, 30, 70), (5, 70, 100)]
    assert strip(axes, 2) == [(3, 0, 50), (7, 50, 100)]
    assert strip(axes, 3) == [(0, 0, 29), (3, 29, 71), (5, 71, 100)]
    assert strip(axes, 4) == []
    # The first labelling is on top.
    assert axes.yaxis_inverted()


def test_the_legend_holds_exactly_the_classes_that_occur():
    figure = timelines.plot_timeline(ROWS, NAMES, background_ids=(0,))
    assert legend_entries(figure) == ["0 action_0", "3 action_3", "5 action_5", "7 action_7"]
    patches = [mpl.colors.to_hex(patch.get_facecolor()).upper() for patch in figure.legends[0].get_patches()]
    assert patches == [colors.class_style(class_id, (0,))[0] for class_id in (0, 3, 5, 7)]
    assert patches[0] == colors.BACKGROUND


def test_wide_segments_carry_their_class_and_short_ones_do_not():
    row = labels([(0, 300), (12, 300), (40, 1), (12, 399)])
    figure = timelines.plot_timeline({"x": row}, NAMES, background_ids=(0,))
    assert [text.get_text() for text in figure.axes[0].texts] == ["action_12", "action_12"]


def test_names_break_into_lines_and_become_ids_where_they_do_not_fit():
    names = [
        "cut_fruit_and_put",
        "CleaningCoagulation",
        "a name that is so very long that nothing takes it",
        "$x_1$",
        "x",
    ]
    row = labels([(0, 100), (1, 100), (0, 50), (1, 70), (2, 40), (0, 40), (3, 100), (1, 20), (4, 12), (4, 1), (3, 467)])
    axes = timelines.plot_timeline({"x": row}, names).axes[0]
    whole, halves, thirds = "cut_fruit_and_put", "cut_fruit_\nand_put", "cut_\nfruit_\nand_put"
    cleaning = "Cleaning\nCoagulation"
    found = [text.get_text() for text in axes.texts]
    assert found == [whole, cleaning, halves, cleaning, "2", thirds, "$x_1$", "1", "x", "$x_1$"]
    assert not any(text.get_parse_math() for text in axes.texts)
    figure = axes.figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    strip_box = axes.get_window_extent()
    assert all(first.x1 < second.x0 for first, second in itertools.pairwise(boxes))
    assert all(strip_box.y0 < box.y0 and box.y1 < strip_box.y1 for box in boxes)


def test_several_backgrounds_are_named_and_told_apart():
    axes = timelines.plot_timeline({"x": labels([(0, 50), (1, 50)])}, ["start", "end"], background_ids=(0, 1)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["start", "end"]
    assert [bool(bars.get_hatch()) for bars in axes.collections if bars.get_gid()] == [False, True]


@pytest.mark.parametrize(
    "fps, frames, label, end",
    [
        (0.0, 500, "time (frames)", 500),
        (10.0, 500, "time (seconds)", 50),
        (1.0, 500, "time (m:ss)", 500),
        (0.1, 500, "time (h:mm:ss)", 5000),
    ],
)
def test_units_of_the_time_axis(fps, frames, label, end):
    figure = timelines.plot_timeline({"x": np.ones(frames, int)}, NAMES, fps=fps)
    (axes,) = figure.axes
    assert axes.get_xlabel() == label
    assert axes.get_xlim() == (0, end)
    figure.canvas.draw()
    shown = [tick.get_text() for tick in axes.get_xticklabels() if tick.get_text()]
    assert 4 <= len(shown) <= 16
    assert all((":" in text) == (":" in label) for text in shown)


def test_time_format():
    found = [timelines.format_time(value) for value in (0, 59.6, 61, 3599, 3661)]
    assert found == ["0:00", "1:00", "1:01", "59:59", "1:01:01"]


def overlaps(first, second):
    return first.x0 < second.x1 and second.x0 < first.x1 and first.y0 < second.y1 and second.y0 < first.y1


@pytest.mark.parametrize("num_classes", [1, 6, 48])
def test_nothing_overlaps_and_nothing_is_cut_off(num_classes):
    row = np.repeat(np.arange(num_classes), 20)
    names = [f"{'long_' * (index % 5)}name_{index}" for index in range(num_classes)]
    figure = timelines.plot_timeline(
        {"ground truth": row, "final prediction": row[::-1]}, names, fps=10, title="video", metrics_text="Edit 1.0"
    )
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    legend = figure.legends[0].get_window_extent(renderer)
    axes = figure.axes[0].get_tightbbox(renderer)
    assert not overlaps(legend, axes)
    for box in (legend, axes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    texts = [text.get_window_extent(renderer) for text in figure.legends[0].get_texts()]
    assert not any(overlaps(a, b) for index, a in enumerate(texts) for b in texts[:index])
    title, note = figure.axes[0].get_title("left"), figure.axes[0].texts[-1].get_text()
    assert (title, note) == ("video", "Edit 1.0")


@pytest.mark.parametrize("letters", [90, 240])
def test_long_names_fit_into_the_picture(letters, recwarn):
    row, metrics = np.repeat(np.arange(3), 20), "Acc 1.0   Edit 2.0"
    names = ["n" * letters, "m" * letters, f"{'m' * letters}2"]
    figure = timelines.plot_timeline({"ground truth": row}, names, title="v" * letters, metrics_text=metrics)
    figure.canvas.draw()
    axes, outer = figure.axes[0], figure.get_tightbbox()  # inches
    assert axes.get_position().width > 0.75 and not recwarn.list
    assert outer.x0 >= 0 and outer.y0 >= 0
    assert outer.x1 <= figure.get_figwidth() and outer.y1 <= figure.get_figheight()
    assert axes.texts[-1].get_text() == metrics
    assert len(set(legend_entries(figure))) == 3


def test_a_label_without_a_name_and_strips_of_different_length_are_refused():
    with pytest.raises(ValueError, match="48 class names"):
        timelines.plot_timeline({"x": np.array([48])}, NAMES)
    with pytest.raises(ValueError, match="one N > 0"):
        timelines.plot_timeline({"x": np.zeros(3, int), "y": np.zeros(4, int)}, NAMES)
    with pytest.raises(ValueError, match="no labelling"):
        timelines.plot_timeline({}, NAMES)
    with pytest.raises(ValueError, match="one N > 0"):
        timelines.plot_timeline({"x": np.zeros(0, int)}, NAMES)


def test_the_saved_picture_is_a_png_whatever_the_names_hold(tmp_path):
    odd = "_$\\frac{$ %&\n^"
    figure = timelines.plot_timeline({odd: np.arange(3)}, [odd] * 3, title=odd, metrics_text=odd)
    path = files.save_figure(tmp_path / "figures" / "timeline.png", figure)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_matplotlib_is_imported_only_when_a_figure_is_made():
    modules = "fact_jax.reporting.segmentation.timelines, fact_jax.reporting.curves, fact_jax.reporting.tables"
    code = f"import sys, {modules}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
