"""What is in a folder of raw videos, for inspect_dataset.py: numbers, tables and pictures."""

import collections
import pathlib
import sys

import numpy as np

from data_pipelines.core import command_line
from data_pipelines.core.problems import count_problems, format_problems
from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.listing import NO_PHASE
from data_pipelines.segmentation.statistics import compute_statistics, segment_durations, shares_over_time
from data_pipelines.tools import video_folder
from data_pipelines.tools.tables import csv_text
from fact_jax.files import atomic_write_text
from fact_jax.types import UserError

_TIME_BINS = 50


class LabelledVideos:
    """Videos that have labels, as the functions of statistics.py want them; frames without a phase are a class."""

    def __init__(self, folder):
        """`folder` is a VideoFolder."""
        labelled = {name: video for name, video in folder.videos.items() if video.labels is not None}
        self.video_ids, phases = tuple(labelled), folder.sources.phases[0]
        self._labels = [np.where(v.labels == NO_PHASE, len(phases), v.labels) for v in labelled.values()]
        has_gaps = any(len(phases) in labels for labels in self._labels)
        self.class_names = (*phases, *([folder.data.unlabelled] if has_gaps else []))
        self.background = (len(phases),) if has_gaps else ()
        self.lengths = np.array([len(labels) for labels in self._labels], np.int64)

    def __len__(self):
        return len(self.video_ids)

    def labels(self, index):
        """int32 [N], the phases of a video."""
        return self._labels[index]


def inspect(arguments):
    """Writes the files and prints the summary; returns 0, or 1 if the folder has problems."""
    folder = video_folder.survey(arguments)
    problems, subsets = list(folder.problems), {"train": folder.sources.train, "test": folder.sources.test}
    if not folder.videos:
        raise UserError(f"{folder.data.dir} has no video that can be read:\n{format_problems(problems)}")
    labelled = LabelledVideos(folder)
    report = "\n".join(
        [
            f"{folder.data.dataset}, {folder.data.dir}",
            *folder.sources.notes,
            "",
            *(_subset_line(subset, videos) for subset, videos in subsets.items() if videos),
            *picture_lines(folder.videos.values()),
            *(["", f"videos with labels: {compute_statistics(labelled).table()}"] if len(labelled) else []),
        ]
    )
    output = pathlib.Path(arguments.output or f"inspection_{folder.data.dataset}")
    number = count_problems(problems)
    listed = f"\n\n{number}:\n{format_problems(problems, len(problems))}\n" if problems else "\n"
    with command_line.writing(output):
        atomic_write_text(output / "summary.txt", report + listed)
        atomic_write_text(output / "videos.csv", _video_table(folder, subsets))
        if len(labelled):
            atomic_write_text(output / "classes.csv", _class_table(labelled))
        pictures = _draw(output, subsets, labelled)
    print(report)
    written = f"summary.txt, videos.csv, {'classes.csv, ' if len(labelled) else ''}{name_some(pictures, 5)}"
    print(f"\nwrote {written} to {output}")
    if problems:
        print(f"{number} (all in {output / 'summary.txt'}):\n{format_problems(problems)}", file=sys.stderr)
    return 1 if problems else 0


def _seconds(video):
    return float(video.times[-1] - video.times[0]) + 1 / video.rate


def _subset_line(subset, entries):
    lengths, seconds = ([measure(entry.video) for entry in entries] for measure in (len, _seconds))
    labelled = sum(entry.labels is not None for entry in entries)
    return (
        f"{subset}: {count(entries, 'video')}, {min(lengths)} to {max(lengths)} frames, {min(seconds):.2f} to "
        f"{max(seconds):.2f} s each, {sum(seconds):.1f} s together; {labelled} with labels"
    )


def picture_lines(entries):
    """Lines on sizes and rates of the videos of some entries."""
    sizes = collections.Counter(f"{entry.video.size[0]} x {entry.video.size[1]}" for entry in entries)
    rates = collections.Counter(f"{entry.video.rate:.4g}" for entry in entries)
    for what, found in (("pixels, height x width", sizes), ("frames per second", rates)):
        shown = [f"{value} ({count(number, 'video')})" for value, number in found.most_common()]
        yield f"{what}: {name_some(shown, 8)}"


def _video_table(folder, subsets):
    """videos.csv: one row per video."""
    phases, rows = folder.sources.phases[0], []
    for name, entry in folder.videos.items():
        used = [] if entry.labels is None else sorted(set(entry.labels.tolist()) - {NO_PHASE})
        rows.append(
            {
                "video": name,
                "subset": "+".join(key for key, videos in subsets.items() if name in {v.video_id for v in videos}),
                "frames": len(entry.video),
                "seconds": f"{_seconds(entry.video):.3f}",
                "rate": f"{entry.video.rate:.6g}",
                "height": entry.video.size[0],
                "width": entry.video.size[1],
                "labelled_frames": "" if entry.labels is None else int((entry.labels != NO_PHASE).sum()),
                "phases": "" if entry.labels is None else len(used),
                "without": "" if entry.labels is None else ", ".join(p for i, p in enumerate(phases) if i not in used),
                "remarks": "; ".join(entry.video.warnings),
            }
        )
    return csv_text(rows)


def _class_table(labelled):
    """classes.csv: one row per phase."""
    statistics, durations = compute_statistics(labelled), segment_durations(labelled)
    videos = np.zeros(len(labelled.class_names), int)
    for index in range(len(labelled)):
        videos[np.unique(labelled.labels(index))] += 1
    return csv_text(
        [
            {
                "id": number,
                "class": name,
                "frames": statistics.class_frames[number],
                "share": f"{statistics.class_frames[number] / statistics.class_frames.sum():.6f}",
                "segments": statistics.class_segments[number],
                "videos": videos[number],
                "segment_median_frames": f"{np.median(durations[number]):g}" if durations[number].size else "",
            }
            for number, name in enumerate(labelled.class_names)
        ]
    )


def _draw(output, subsets, labelled):
    """Names of the pictures that were written."""
    # matplotlib takes a while to import: a mistake on the command line is answered without it.
    from data_pipelines.tools import inspection_plots

    lengths = {subset: np.array([len(entry.video) for entry in entries]) for subset, entries in subsets.items()}
    lengths = {subset: values for subset, values in lengths.items() if values.size}
    pictures = {"lengths": (inspection_plots.plot_counts, lengths, "length of a video in frames")}
    if len(labelled):
        names, background = labelled.class_names, labelled.background
        durations, shares = segment_durations(labelled), shares_over_time(labelled, _TIME_BINS)
        pictures["classes"] = (inspection_plots.plot_classes, compute_statistics(labelled), background)
        pictures["durations"] = (inspection_plots.plot_durations, names, durations, background, 0.0)
        pictures["relative_time"] = (inspection_plots.plot_shares, names, shares, background)
    for name, (draw, *arguments) in pictures.items():
        draw(output / f"{name}.png", *arguments)
    return [f"{name}.png" for name in pictures]
