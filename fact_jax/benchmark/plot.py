"""Pictures of the report: cost against the length of a video and against the size of a batch."""

from fact_jax import files
from fact_jax.benchmark.report import NAMES, PHASES
from fact_jax.reporting import pictures

COLORS = {"ours": "#0072b2", "torch": "#d55e00", "fused": "#009e73"}
WIDTH, HEIGHT, DPI = 10.0, 4.2, 150


def write(folder, result):
    """Writes cost_by_frames.png and cost_by_batch.png into `folder`, of the parts that were measured."""
    if rows := _finished(result.get("lengths", ())):
        figure = _draw(rows, "frames", "frames of the video", "median", "seconds", result["config"], line=True)
        files.save_figure(folder / "cost_by_frames.png", figure, dpi=DPI)
    if rows := _finished(result.get("batches", ())):
        figure = _draw(rows, "batch", "videos in the batch", "per_video", "seconds per video", result["config"])
        files.save_figure(folder / "cost_by_batch.png", figure, dpi=DPI)


def _finished(rows):
    return [row for row in rows if "failed" not in row]


def _draw(rows, key, x_label, value, y_label, title, line=False):
    """Two axes, one per phase: both logarithmic; `line` adds one that grows in proportion."""
    figure = pictures.new_figure(WIDTH, HEIGHT)
    figure.suptitle(title)
    places = [row[key] for row in rows]
    for axes, (phase, name) in zip(figure.subplots(1, len(PHASES)), PHASES.items(), strict=True):
        for subject, color in COLORS.items():
            if subject in rows[0][phase]:
                values = [row[phase][subject][value] for row in rows]
                axes.loglog(places, values, "o-", color=color, label=NAMES[subject])
        if line:
            last = rows[-1][phase]["ours"][value]
            grown = [last * place / places[-1] for place in places]
            axes.loglog(places, grown, "--", color="0.5", label="proportional to the frames")
        axes.set(title=name, xlabel=x_label, ylabel=y_label, xticks=places)
        axes.set_xticklabels([f"{place:,}" for place in places])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
