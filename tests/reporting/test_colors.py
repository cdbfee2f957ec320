import itertools
import re

import numpy as np

from fact_jax.reporting import colors

# Machado et al. 2009, severity 1, on linear RGB.
VIEWS = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)


def cielab(color, view):
    rgb = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = RGB_TO_XYZ @ np.clip(VIEWS[view] @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def smallest_distance(palette):
    return min(
        np.linalg.norm(cielab(first, view) - cielab(second, view))
        for view in VIEWS
        for first, second in itertools.combinations(palette, 2)
    )


def test_colours_are_apart_for_every_reader_as_documented():
    assert len(colors.CLASS_COLORS) == 50
    assert smallest_distance(colors.CLASS_COLORS[:20]) > 16.9
    # 2.3 is a just noticeable difference.
    assert smallest_distance((*colors.CLASS_COLORS, colors.BACKGROUND, "#FFFFFF")) > 9.6


def test_every_class_has_a_style_of_its_own():
    styles = [colors.class_style(class_id) for class_id in range(400)]
    assert len(set(styles)) == 400
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color, _ in styles)


def test_background_is_grey_and_takes_no_colour_from_the_others():
    assert colors.class_style(2, (0, 2)) == (colors.BACKGROUND, "")
    found = [colors.class_style(class_id, (0, 2))[0] for class_id in (1, 3, 4)]
    assert found == list(colors.CLASS_COLORS[:3])


def test_text_can_be_read_on_every_colour():
    assert colors.text_color("#FFFFFF") == "black" and colors.text_color("#000000") == "white"
    assert {colors.text_color(color) for color in colors.CLASS_COLORS} == {"black", "white"}
