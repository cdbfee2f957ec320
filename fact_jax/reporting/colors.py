"""Colours of classes: fixed by class id, apart from each other also for colour-blind readers, background light grey.

The list starts with the seven chromatic colours of Okabe and Ito (2008). Each further one was the colour farthest, in
CIELAB, from all before it and from white, black and the background, taking the smallest distance over normal vision,
deuteranopia and protanopia (Machado et al. 2009). Among the first 20 the smallest distance over all three is 17, among
all 50 it is 9.7. Beyond 50 classes the colours repeat under another hatch.
"""

BACKGROUND = "#D9D9D9"

# fmt: off
CLASS_COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#0000FF", "#692D0F", "#6969FF",
    "#5AFF96", "#78005A", "#5A00A5", "#E1004B", "#6996FF", "#F0965A", "#870F3C", "#78E1A5", "#1E3C87", "#E1D2FF",
    "#A53C0F", "#1E4BFF", "#B4F069", "#875A78", "#694BC3", "#2D00C3", "#1E783C", "#FF5A78", "#78C3A5", "#784B87",
    "#3CB4C3", "#4B3CD2", "#69A53C", "#00D21E", "#78D278", "#A569D2", "#8787C3", "#2D785A", "#A52D2D", "#0F4B69",
    "#FF87F0", "#D20FA5", "#5A965A", "#87C3C3", "#0FC387", "#F0C34B", "#1E9696", "#F0693C", "#F05AFF", "#78F078",
)
# fmt: on
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--", "++")


def class_style(class_id, background_ids=()):
    """Returns (colour "#RRGGBB", hatch) of a class; background is light grey without a hatch."""
    if class_id in background_ids:
        return BACKGROUND, ""
    # Background classes take no colour of the list, so the others get the ones farthest apart.
    position = class_id - sum(1 for background in background_ids if background < class_id)
    repeat, index = divmod(position, len(CLASS_COLORS))
    return CLASS_COLORS[index], HATCHES[repeat % len(HATCHES)]


def text_color(color):
    """Returns "black" or "white", whichever is easier to read on `color` ("#RRGGBB")."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # 0.179 is where the contrast ratios of WCAG 2 with black and with white are equal.
    return "black" if luminance > 0.179 else "white"
