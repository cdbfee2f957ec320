"""Colours of classes: fixed by class id, apart from each other also for colour-blind readers, background light grey.

Distances are those of OKLab (Ottosson 2020), with the two axes of colour counted twice beside lightness and 100 between
black and white: the smallest over normal vision and, counted 1.6 times, deuteranopia and protanopia (Machado et al.
2009). The first ten are a blue, an orange, a green, a pink, a yellow, a brown, a cyan, a red, a purple and a magenta,
so that no two go by one name, as far apart as these names allow: 29. Each further one was the colour farthest from all
before it and from white, black and the background, counting the three before it as nearer than they are, since
neighbours in a list of classes are often neighbours in time. Among the first 24 the smallest distance is 15, among all
48 it is 10. From the 25th class on a hatch tells apart as well; it changes with every 24 classes.
"""

BACKGROUND = "#D9D9D9"

# fmt: off
CLASS_COLORS = (
    "#0F69A5", "#F09600", "#009669", "#FF87B4", "#FFF000", "#5A1E0F", "#3CE1FF", "#E1000F", "#3C0F69", "#E14BFF",
    "#96F096", "#0F5A4B", "#0000A5", "#A587D2", "#A5B478", "#780FFF", "#A50F87", "#6969D2", "#5A782D", "#1EE15A",
    "#5A003C", "#B46996", "#87B4FF", "#4B3CD2", "#0F3C5A", "#E15A69", "#961E00", "#5A3CA5", "#C3F0C3", "#00C3C3",
    "#96003C", "#C3964B", "#2D0F87", "#F0A5E1", "#963C69", "#E1F078", "#F0B4A5", "#5A87FF", "#A5F0FF", "#F0690F",
    "#69A587", "#E10FB4", "#FFC378", "#0000D2", "#B4E100", "#6978B4", "#781E69", "#008787",
)
# Four letters are the denser form of two.
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--", "++", "||",
           "////", "....", "xxxx", "\\\\\\\\", "oooo", "----", "++++", "||||")
# fmt: on
# Classes that share a hatch.
PER_HATCH = 24


def class_style(class_id, background_ids=()):
    """Returns (colour "#RRGGBB", hatch) of a class; background is light grey, of several all but the first hatched."""
    before = sum(1 for background in background_ids if background < class_id)
    if class_id in background_ids:
        return BACKGROUND, HATCHES[before % len(HATCHES)]
    # Background classes take no colour of the list, so the others get the ones farthest apart.
    position = class_id - before
    return CLASS_COLORS[position % len(CLASS_COLORS)], HATCHES[position // PER_HATCH % len(HATCHES)]


def text_color(color):
    """Returns "black" or "white", whichever is easier to read on `color` ("#RRGGBB")."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # 0.179 is where the contrast ratios of WCAG 2 with black and with white are equal.
    return "black" if luminance > 0.179 else "white"
