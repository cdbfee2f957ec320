"""Shows what is in a dataset folder: numbers, tables and pictures.

    python -m data_pipelines.inspect_dataset FOLDER --output inspection

Prints a summary with all problems of the folder and writes summary.txt, classes.csv, videos.csv and five pictures:
lengths.png, segments.png, classes.png, durations.png and relative_time.png. Lengths are in label frames, or in seconds
with --fps. Labels are counted as they are in the files, before any down-sampling.

Of a folder of raw videos without groundTruth/ it writes summary.txt, videos.csv and lengths.png, and the others where
there are labels. Of a folder of clips with train.csv it writes summary.txt, clips.csv, classes.csv, lengths.png and
classes.png (or verbs.png and nouns.png).
"""

import pathlib
import sys

import numpy as np
from tqdm import tqdm

from data_pipelines.core import command_line
from data_pipelines.core.feature_values import value_lines
from data_pipelines.core.problems import count_problems, format_problems
from data_pipelines.core.wording import count
from data_pipelines.segmentation.checks import scan_values
from data_pipelines.segmentation.statistics import compute_statistics, segment_durations, shares_over_time
from data_pipelines.tools import clip_folder, clip_inspection, dataset_folder, video_folder, video_inspection
from data_pipelines.tools.tables import csv_text
from fact_jax.files import atomic_write_text, readable_size, why_no_folder
from fact_jax.types import UserError

_TIME_BINS = 50
_SHOWN_NAMES = 10


class LabelledFolder:
    """Labels of some videos of a DatasetIndex, as the functions of statistics.py want them."""

    def __init__(self, index, video_ids):
        self.video_ids = tuple(video_ids)
        self.class_names = index.class_names
        self._labels = [index.labels[video] for video in self.video_ids]
        self.lengths = np.array([len(labels) for labels in self._labels], np.int64)

    def __len__(self):
        return len(self.video_ids)

    def labels(self, index):
        """int32 [N], the labels of a video."""
        return self._labels[index]


def main(argv=None):
    """Runs the tool; returns 0, or 1 if the folder has problems."""
    arguments = _parse(argv)
    root = pathlib.Path(arguments.folder).expanduser()
    if why_no_folder(root / arguments.label_dir) and clip_folder.holds_clips(root, arguments.train_split_file):
        return clip_inspection.inspect(arguments)
    if why_no_folder(root / arguments.label_dir) and video_folder.holds_videos(root):
        return video_inspection.inspect(arguments)
    folder = dataset_folder.survey(arguments)
    problems = list(folder.problems)
    lines = ()
    if arguments.check_values:
        found, checked = scan_values(folder.layout, folder.index.headers, problems)
        problems = problems + found
        lines = value_lines(checked.values, folder.index.splits, checked.checksums)
    subsets = _usable_videos(folder.index)
    everything = LabelledFolder(folder.index, dict.fromkeys(video for videos in subsets.values() for video in videos))
    if not len(everything):
        raise UserError(f"{folder.layout.root} has no video with sound labels:\n{format_problems(problems)}")
    statistics, durations = compute_statistics(everything), segment_durations(everything)
    report = "\n".join(
        [
            f"{folder.data.dataset}, {folder.layout.root}",
            *folder.findings,
            *lines,
            *_feature_lines(folder),
            "",
            *_subset_lines(folder.index, subsets),
            "",
            f"all of them: {statistics.table()}",
            "",
            *_duration_lines(statistics, durations, arguments.fps),
            *_absence_lines(folder.index, subsets),
        ]
    )
    output = pathlib.Path(arguments.output or f"inspection_{folder.data.dataset}")
    count = count_problems(problems)
    listed = f"\n\n{count}:\n{format_problems(problems, len(problems))}\n" if problems else "\n"
    with command_line.writing(output):
        atomic_write_text(output / "summary.txt", report + listed)
        atomic_write_text(output / "classes.csv", _class_table(folder, everything, statistics, durations, subsets))
        atomic_write_text(output / "videos.csv", _video_table(folder, subsets, statistics))
        shares = shares_over_time(everything, _TIME_BINS)
        _draw(output, folder, subsets, statistics, durations, shares, arguments.fps)
    print(report)
    print(f"\nwrote summary.txt, classes.csv, videos.csv and 5 pictures to {output}")
    if problems:
        print(f"{count} (all in {output / 'summary.txt'}):\n{format_problems(problems)}", file=sys.stderr)
    return 1 if problems else 0


def _parse(argv):
    parser = command_line.parser(
        "data_pipelines.inspect_dataset", __doc__, "Exit code: 0 no problems, 1 problems found, 2 nothing to show."
    )
    dataset_folder.add_options(parser)
    add = parser.add_argument
    add("--output", metavar="FOLDER", help="where files go (default: inspection_NAME)")
    rate = command_line.frame_rate(or_zero=True)
    add("--fps", type=rate, default=0.0, help="label frames per second: lengths in seconds (default: in frames)")
    add("--check_values", action="store_true", help="read all features: NaN, Inf, other scales")
    return parser.parse_args(argv)


def _usable_videos(index):
    """dict from subset to its videos whose labels are all known; a video of two lists counts for the first."""
    seen, subsets = set(), {}
    known = range(len(index.class_names))  # ids of a class list with gaps go beyond
    sound = {video for video, labels in index.labels.items() if labels.min() in known and labels.max() in known}
    for subset, videos in index.splits.items():
        usable = [video for video in videos if video in sound]
        subsets[subset] = [video for video in usable if video not in seen]
        seen.update(videos)
    return subsets


def _feature_lines(folder):
    headers = folder.index.headers.values()
    if not headers:
        return ["features: none found"]
    widths = sorted({width for _, width in folder.index.feature_shapes().values()})
    size = sum(header.shape[0] * header.shape[1] * header.dtype.itemsize for header in headers)
    kinds = sorted({str(header.dtype) for header in headers})
    return [
        f"features: {count(headers, 'file')}, {', '.join(map(str, widths))} channels, {', '.join(kinds)}, "
        f"{readable_size(size)}"
    ]


def _subset_lines(index, subsets):
    rows = []
    for subset, videos in subsets.items():
        lengths = [len(index.labels[video]) for video in videos]
        others = {video for other, listed in subsets.items() if other != subset for video in listed}
        left_out = [video for video in index.splits[subset] if video not in set(videos)]
        elsewhere = sum(video in others for video in left_out)
        reasons = {"without sound labels": len(left_out) - elsewhere, "of another list": elsewhere}
        why = ", ".join(f"{number} {reason}" for reason, number in reasons.items() if number)
        spread = f", {min(lengths)} to {max(lengths)} frames each" if lengths else ""
        rows.append(f"{subset}: {count(videos, 'video')}{spread}" + (f" (not counted: {why})" if why else ""))
    return rows


def _duration_lines(statistics, durations, fps):
    """Table of segment durations: quartiles and extremes by class."""
    unit, scale = ("s", fps) if fps else ("frames", 1.0)
    width = max(len(name) for name in (*statistics.class_names, "class"))
    rows = [
        f"duration of segments in {unit}",
        f"  {'class':<{width}}  {'min':>8}  {'25 %':>8}  {'median':>8}  {'75 %':>8}  {'max':>8}",
    ]
    for name, values in zip(statistics.class_names, durations, strict=True):
        if values.size:
            numbers = np.percentile(values, (0, 25, 50, 75, 100)) / scale
            rows.append(f"  {name:<{width}}  " + "  ".join(f"{number:>8.5g}" for number in numbers))
    return rows


def _absence_lines(index, subsets):
    """Classes that some subset lacks."""
    present = {
        subset: set(np.unique(np.concatenate([index.labels[video] for video in videos])).tolist()) if videos else set()
        for subset, videos in subsets.items()
    }
    rows = []
    for subset, ids in present.items():
        others = [name for other, name in present.items() if other != subset]
        unseen = sorted(set().union(*others) - ids)
        if unseen:
            rows.append(f"not in the {subset} videos, but in others: {_names(index, unseen)}")
    nowhere = sorted(set(range(len(index.class_names))) - set().union(*present.values()))
    if nowhere:
        rows.append(f"in no video: {_names(index, nowhere)}")
    return ["", *rows] if rows else []


def _names(index, ids):
    more = f" and {len(ids) - _SHOWN_NAMES} more (classes.csv)" if len(ids) > _SHOWN_NAMES else ""
    return ", ".join(index.class_names[i] for i in ids[:_SHOWN_NAMES]) + more


def _class_table(folder, source, statistics, durations, subsets):
    """classes.csv: one row per class."""
    quartiles = ("min", "lower_quartile", "median", "upper_quartile", "max")
    num_classes, labels = statistics.num_classes, [source.labels(index) for index in range(len(source))]
    videos = np.sum([np.bincount(np.unique(video), minlength=num_classes) for video in labels], axis=0)
    frames = {subset: np.zeros(num_classes, np.int64) for subset in subsets}
    for subset, ids in subsets.items():
        for video in ids:
            frames[subset] += np.bincount(folder.index.labels[video], minlength=num_classes)
    rows = []
    for class_id, name in enumerate(statistics.class_names):
        values = durations[class_id]
        spread = [f"{value:g}" for value in np.percentile(values, (0, 25, 50, 75, 100))] if values.size else [""] * 5
        rows.append(
            {
                "id": class_id,
                "class": name,
                "background": int(class_id in folder.data.background_ids),
                "frames": statistics.class_frames[class_id],
                "share": f"{statistics.class_frames[class_id] / statistics.class_frames.sum():.6f}",
                "segments": statistics.class_segments[class_id],
                "videos": videos[class_id],
                **{f"{subset}_frames": counts[class_id] for subset, counts in frames.items()},
                **{f"segment_{which}_frames": value for which, value in zip(quartiles, spread, strict=True)},
            }
        )
    return csv_text(rows)


def _video_table(folder, subsets, statistics):
    """videos.csv: one row per video; `frames` are the lines of its label file."""
    subset_of = {video: subset for subset, videos in subsets.items() for video in videos}
    stored = {video: frames for video, (frames, _) in folder.index.feature_shapes().items()}
    numbers = zip(statistics.lengths, statistics.num_segments, statistics.num_actions, strict=True)
    return csv_text(
        [
            {
                "video": video,
                "subset": subset_of[video],
                "frames": frames,
                "segments": segments,
                "classes": classes,
                "feature_frames": stored.get(video, ""),
            }
            for video, (frames, segments, classes) in zip(statistics.video_ids, numbers, strict=True)
        ]
    )


def _draw(output, folder, subsets, statistics, durations, shares, fps):
    # matplotlib takes a while to import: a mistake on the command line is answered without it.
    from data_pipelines.tools import inspection_plots

    place = {video: position for position, video in enumerate(statistics.video_ids)}
    members = {subset: [place[video] for video in videos] for subset, videos in subsets.items() if videos}
    background, names = folder.data.background_ids, statistics.class_names
    lengths = {subset: statistics.lengths[rows] / (fps or 1) for subset, rows in members.items()}
    segments = {subset: statistics.num_segments[rows] for subset, rows in members.items()}
    unit = "s" if fps else "frames"
    pictures = {
        "lengths": (inspection_plots.plot_counts, lengths, f"length of a video in {unit}"),
        "segments": (inspection_plots.plot_counts, segments, "segments of a video"),
        "classes": (inspection_plots.plot_classes, statistics, background),
        "durations": (inspection_plots.plot_durations, names, durations, background, fps),
        "relative_time": (inspection_plots.plot_shares, names, shares, background),
    }
    for name, (draw, *arguments) in tqdm(pictures.items(), desc="Drawing", disable=None, leave=False):
        draw(output / f"{name}.png", *arguments)


if __name__ == "__main__":
    command_line.run(main)
