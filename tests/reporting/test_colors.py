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
# Linear RGB to cones, their cube roots to lightness and two axes of colour: Ottosson 2020.
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(color, view):
    rgb = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return 100 * OKLAB @ np.cbrt(CONES @ np.clip(VIEWS[view] @ linear, 0, 1))


def distance(first, second):
    """The smallest over all readers, as the module says."""
    return min(
        weight * np.linalg.norm((oklab(first, view) - oklab(second, view)) * (1, 2, 2))
        for view, weight in (("normal", 1.0), ("deuteranopia", 1.6), ("protanopia", 1.6))
    )


def smallest_distance(palette):
    return min(distance(*pair) for pair in itertools.combinations(palette, 2))


def test_colours_are_apart_for_every_reader_as_documented():
    around = (colors.BACKGROUND, "#FFFFFF", "#000000")
    assert smallest_distance(colors.CLASS_COLORS[:10]) > 29
    assert smallest_distance(colors.CLASS_COLORS[:24]) > 15
    assert len(colors.CLASS_COLORS) == 48 and smallest_distance((*colors.CLASS_COLORS, *around[:2])) > 10
    assert min(distance(color, other) for color in colors.CLASS_COLORS for other in around) > 10


def test_the_first_ten_have_ten_names():
    # Hue in degrees, lightness and saturation of the ten names, in the order of the list.
    names = [
        (235, 265),
        (60, 78),
        (140, 168),
        (335, 365),
        (98, 112),
        (28, 62),
        (190, 218),
        (20, 32),
        (292, 318),
        (318, 336),
    ]
    found = []
    for color, (low, high) in zip(colors.CLASS_COLORS, names, strict=False):
        lightness, red, blue = oklab(color, "normal")
        hue = np.degrees(np.arctan2(blue, red)) % 360
        assert low <= hue <= high or low <= hue + 360 <= high, (color, hue)
        found.append((lightness, np.hypot(red, blue)))
    brown, red = found[5], found[7]
    assert brown[0] < 40 and red[0] > 50 and red[1] > 18  # of like hue, a dark and a bright one
    assert all(saturation > 6 for _, saturation in found)  # none of them a grey


def test_colours_of_neighbours_in_the_list_are_far_apart():
    for place in range(2, 24):
        near = (distance(colors.CLASS_COLORS[place], other) for other in colors.CLASS_COLORS[place - 2 : place])
        assert min(near) > 20, place


def test_every_class_has_a_style_of_its_own():
    styles = [colors.class_style(class_id) for class_id in range(400)]
    assert len(set(styles)) == 400
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color, _ in styles)


def test_background_is_grey_and_takes_no_colour_from_the_others():
    assert colors.class_style(0, (0, 2)) == (colors.BACKGROUND, "")
    found = [colors.class_style(class_id, (0, 2))[0] for class_id in (1, 3, 4)]
    assert found == list(colors.CLASS_COLORS[:3])


def test_further_backgrounds_and_further_classes_have_a_hatch():
    styles = [colors.class_style(class_id, (0, 2)) for class_id in range(30)]
    assert styles[0] == (colors.BACKGROUND, "") and styles[2] == (colors.BACKGROUND, "//")
    assert {hatch for _, hatch in (styles[1], *styles[3:26])} == {""} and styles[26][1] == "//"
    assert len({color for color, _ in styles}) == 29  # one grey


def test_text_can_be_read_on_every_colour():
    assert colors.text_color("#FFFFFF") == "black" and colors.text_color("#000000") == "white"
    assert {colors.text_color(color) for color in colors.CLASS_COLORS} == {"black", "white"}
