"""What is in a folder of labelled clips, for inspect_dataset.py: numbers, tables and pictures."""

import pathlib
import sys

import numpy as np

from data_pipelines.core import command_line
from data_pipelines.core.problems import count_problems, format_problems
from data_pipelines.core.wording import count, name_some
from data_pipelines.tools import clip_folder
from data_pipelines.tools.tables import csv_text
from data_pipelines.tools.video_inspection import picture_lines
from fact_jax.files import atomic_write_text
from fact_jax.types import UserError


def inspect(arguments):
    """Writes the files and prints the summary; returns 0, or 1 if the folder has problems."""
    folder = clip_folder.survey(arguments)
    problems, sources = list(folder.problems), folder.sources
    if not folder.clips:
        raise UserError(f"{folder.data.dir} has no clip that can be used:\n{format_problems(problems)}")
    subsets = {"train": sources.train, "test": sources.test}
    videos = {str(clip.video.path): clip for clip in folder.clips}
    report = "\n".join(
        [
            f"{folder.data.dataset}, {folder.data.dir}",
            *sources.notes,
            "",
            *(_subset_line(subset, clips) for subset, clips in subsets.items() if clips),
            *picture_lines(videos.values()),
            "",
            *(_class_line(place, head, subsets) for place, head in enumerate(sources.heads)),
        ]
    )
    output = pathlib.Path(arguments.output or f"inspection_{folder.data.dataset}")
    number = count_problems(problems)
    listed = f"\n\n{number}:\n{format_problems(problems, len(problems))}\n" if problems else "\n"
    with command_line.writing(output):
        atomic_write_text(output / "summary.txt", report + listed)
        atomic_write_text(output / "clips.csv", _clip_table(sources, subsets))
        atomic_write_text(output / "classes.csv", _class_table(sources.heads, subsets))
        pictures = _draw(output, sources.heads, subsets)
    print(report)
    print(f"\nwrote summary.txt, clips.csv, classes.csv, {name_some(pictures, 5)} to {output}")
    if problems:
        print(f"{number} (all in {output / 'summary.txt'}):\n{format_problems(problems)}", file=sys.stderr)
    return 1 if problems else 0


def _seconds(clip):
    times = clip.video.times[clip.first : clip.first + clip.num_frames]
    return float(times[-1] - times[0]) + 1 / clip.video.rate


def _subset_line(subset, clips):
    lengths, seconds = [clip.num_frames for clip in clips], [_seconds(clip) for clip in clips]
    videos = len({str(clip.video.path) for clip in clips})
    return (
        f"{subset}: {count(clips, 'clip')} of {count(videos, 'video')}, {min(lengths)} to {max(lengths)} frames, "
        f"{min(seconds):.2f} to {max(seconds):.2f} s each, {sum(seconds):.1f} s together"
    )


def _numbers(place, head, clips):
    """int [K], how many clips every class of a head has."""
    return np.bincount([clip.labels[place] for clip in clips], minlength=len(head.class_names))


def _class_line(place, head, subsets):
    found = _numbers(place, head, [clip for clips in subsets.values() for clip in clips])
    rarest, most = int(found.argmin()), int(found.argmax())
    named = f"from {found[rarest]} ({head.class_names[rarest]}) to {found[most]} ({head.class_names[most]})"
    if found[rarest] == found[most]:
        named = str(found[most])
    return f"{head.name}: {count(head.class_names, 'class')}, {named} clips each"


def _clip_table(sources, subsets):
    """clips.csv: one row per clip."""
    rows = []
    for subset, clips in subsets.items():
        for clip in clips:
            named = {head.name: head.class_names[k] for head, k in zip(sources.heads, clip.labels, strict=True)}
            place = {"start": f"{clip.start:g}", "stop": f"{clip.stop:g}"} if clip.stop is not None else {}
            rows.append(
                {
                    "clip": clip.clip_id,
                    "subset": subset,
                    **named,
                    "start": place.get("start", ""),
                    "stop": place.get("stop", ""),
                    "frames": clip.num_frames,
                    "seconds": f"{_seconds(clip):.3f}",
                    "rate": f"{clip.video.rate:.6g}",
                    "height": clip.video.size[0],
                    "width": clip.video.size[1],
                    "remarks": "; ".join(clip.video.warnings),
                }
            )
    return csv_text(rows)


def _class_table(heads, subsets):
    """classes.csv: one row per class of every head."""
    rows = []
    for place, head in enumerate(heads):
        found = {subset: _numbers(place, head, clips) for subset, clips in subsets.items()}
        for number, name in enumerate(head.class_names):
            rows.append(
                {"head": head.name, "id": number, "class": name} | {s: int(n[number]) for s, n in found.items()}
            )
    return csv_text(rows)


def _draw(output, heads, subsets):
    """Names of the pictures that were written."""
    # matplotlib takes a while to import: a mistake on the command line is answered without it.
    from data_pipelines.tools import inspection_plots

    lengths = {subset: np.array([clip.num_frames for clip in clips]) for subset, clips in subsets.items() if clips}
    inspection_plots.plot_counts(output / "lengths.png", lengths, "length of a clip in frames", "clips")
    names = ["lengths.png"]
    for place, head in enumerate(heads):
        found = {subset: _numbers(place, head, clips) for subset, clips in subsets.items() if clips}
        names.append("classes.png" if len(heads) == 1 else f"{head.name}s.png")
        inspection_plots.plot_members(output / names[-1], head.class_names, found)
    return names
