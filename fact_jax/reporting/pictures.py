"""What all pictures share: figures that keep quiet about letters no font has, and names cut to the room there is."""

import collections
import contextlib
import textwrap
import warnings

ELLIPSIS = "…"
# Fonts with the letters that matplotlib's own lack, of the usual systems; those that are installed are used.
FALLBACK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "Source Han Sans SC",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Microsoft YaHei", "SimHei", "Yu Gothic",
    "Malgun Gothic", "PingFang SC", "Hiragino Sans GB", "Apple SD Gothic Neo", "Arial Unicode MS", "Unifont",
)  # fmt: skip

# Points: widths of the first and the last of some lines, and what a dash and its gap take together.
WIDEST_LINE, NARROWEST_LINE = 2.8, 1.4
DASH_PERIOD = 18.0


def new_figure(width, height):
    """An empty matplotlib Figure of that many inches, laid out so that nothing overlaps; it saves without a canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class QuietFigure(Figure):
        """Saves a letter that no font has as an empty box, without a word about it."""

        def savefig(self, *args, **kwargs):
            with _without_glyph_warnings():
                super().savefig(*args, **kwargs)

    figure = QuietFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@contextlib.contextmanager
def fallback_fonts():
    """Lets text that is made in the `with` block, or in the function it decorates, use the installed fallback fonts."""
    import matplotlib
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    families = [*matplotlib.rcParams["font.family"], *(name for name in FALLBACK_FONTS if name in installed)]
    with matplotlib.rc_context({"font.family": families}):
        yield


def shorten(text, limit):
    """`text` on one line, of at most `limit` characters: the middle of a longer one becomes an ellipsis."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    kept = max(limit - len(ELLIPSIS), 1)
    return text[: kept - kept // 2] + ELLIPSIS + text[len(text) - kept // 2 :]


def shorten_names(names, limit):
    """Names of at most `limit` characters; those that would become equal end in their place in `names` instead."""
    shortened = [shorten(name, limit) for name in names]
    times = collections.Counter(shortened)
    for place, name in enumerate(names):
        if len(shortened[place]) < len(name) and times[shortened[place]] > 1:
            tag = f" #{place}"
            shortened[place] = shorten(name, limit - len(tag)) + tag
    return shortened


def line_look(place, count):
    """Width, dashes and size of markers of line number `place` of `count`, drawn one after the other: all can be seen.

    Where lines lie on one another each one shows in the gaps of the later ones, and its markers around theirs.
    """
    rank = place / max(count - 1, 1)
    width = WIDEST_LINE + rank * (NARROWEST_LINE - WIDEST_LINE)
    # Dashes are counted in widths of the line.
    drawn, period = 1 - 0.6 * rank, DASH_PERIOD / width
    dashes = {"dashes": (drawn * period, (1 - drawn) * period)} if place else {}
    return {"linewidth": width, "markersize": 4 + 1.2 * (count - 1 - place), **dashes}


def text_width(figure, text, fontsize, fontweight="normal"):
    """Inches that one line of text takes in `figure`."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(size=fontsize, weight=fontweight)
    with _without_glyph_warnings():
        return figure.canvas.get_renderer().get_text_width_height_descent(text, font, ismath=False)[0] / figure.dpi


def fit_text(figure, text, width, fontsize, fontweight="normal", max_lines=2):
    """Breaks a text that does not fit into at most `max_lines` lines of `width` inches, and shortens a longer one."""
    if text.isprintable() and text_width(figure, text, fontsize, fontweight) <= width:
        return text
    text = " ".join(text.split())
    limit = per_line = len(text)
    while per_line > 1:
        lines = textwrap.wrap(shorten(text, limit), per_line)
        widest = max(text_width(figure, line, fontsize, fontweight) for line in lines)
        if widest > width:
            per_line = min(per_line - 1, int(per_line * width / widest))
        elif len(lines) > max_lines:
            limit = min(limit - 1, per_line * max_lines)
        else:
            return "\n".join(lines)
    return text[:1]


def write_header(axes, title, note, size):
    """Writes a bold title of that size above the axes, and a smaller note between them; "" writes nothing."""
    if title:
        pad = 2 * size - 4 if note else 6
        axes.set_title(title, loc="left", fontsize=size, fontweight="bold", pad=pad, parse_math=False)
    if note:
        place = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, size - 7), "textcoords": "offset points"}
        axes.annotate(note, **place, fontsize=size - 3, va="bottom", parse_math=False)


@contextlib.contextmanager
def _without_glyph_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def write_title(figure, title, fontsize):
    """Writes a title above a figure, broken into lines or shortened where it is too long."""
    font = {"fontsize": fontsize, "fontweight": "bold"}
    room = figure.get_figwidth() - 0.4
    figure.suptitle(fit_text(figure, title, room, **font), **font, parse_math=False)
